"""Figures: pure functions from arrays and tables to a Figure, in one style, saved by one function."""

from hmlm_lib.figures.style import (
    CONDITION_COLOURS,
    DIVERGING_MAP,
    MODEL_COLOURS,
    MODULE_COLOURS,
    SEQUENTIAL_MAP,
    save_figure,
    use_style,
)

__all__ = [
    "CONDITION_COLOURS",
    "DIVERGING_MAP",
    "MODEL_COLOURS",
    "MODULE_COLOURS",
    "SEQUENTIAL_MAP",
    "save_figure",
    "use_style",
]
