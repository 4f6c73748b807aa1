"""Figures: pure functions from arrays to a Figure, in one style, saved by one function."""

from hmlm_lib.figures.dynamics import fig_dose_response, fig_dynamics, fig_knockouts
from hmlm_lib.figures.features import fig_correlation_by_distance, fig_pair_matrix, fig_temporal_features
from hmlm_lib.figures.network import fig_module_edges, fig_network, module_edges
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
    "fig_correlation_by_distance",
    "fig_dose_response",
    "fig_dynamics",
    "fig_knockouts",
    "fig_module_edges",
    "fig_network",
    "fig_pair_matrix",
    "fig_temporal_features",
    "module_edges",
    "save_figure",
    "use_style",
]
