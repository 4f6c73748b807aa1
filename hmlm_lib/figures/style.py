"""The one look of every figure, and the one function that puts a figure on disk.

A module, a condition and a model keep their colour in the whole study. A saved figure is three
files of one name: the PNG, the SVG and the CSV with the numbers that were drawn; the same figure
saved twice gives the same bytes.
"""

import io
import os
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from hmlm_lib.errors import HmlmError
from hmlm_lib.paths import figures_dir

# Chosen so that any two of the eleven stay apart in normal, red-blind and green-blind sight; the
# test of this file measures it.
MODULE_COLOURS: dict[str, str] = {
    "inputs": "#444444",
    "receptors": "#332288",
    "second_messengers": "#88ccee",
    "kinases": "#117733",
    "mapk": "#999933",
    "rho_pathway": "#ddcc77",
    "transcription": "#cc6677",
    "ecm_fibrosis": "#882255",
    "matrix_remodeling": "#aa4499",
    "mechanotransduction": "#44aa99",
    "feedback": "#bbbbbb",
}

CONDITION_COLOURS: dict[str, str] = {
    "control": "#767676",
    "TGF-beta": "#0072b2",
    "strain": "#e69f00",
    "combined": "#aa3377",
}

# One hue a family: red the models of the paper, green mechanism, blue sequence and black-box
# networks, purple graph networks, brown regression, grey no model at all.
MODEL_COLOURS: dict[str, str] = {
    "hmlm": "#c1272d",
    "hmlm_flat": "#f08a72",
    "hmlm_chosen": "#d95f4c",
    "hmlm_fine": "#9e1b20",
    "hmlm_forest": "#7d1a3c",
    "hmlm_curves": "#e8806a",
    "oracle": "#111111",
    "hill_fitted": "#117733",
    "hill_fitted_fine": "#0b5524",
    "hill_wrong": "#7fbf7b",
    "ode": "#4d9221",
    "cellbox": "#009e73",
    "lembas": "#66c2a5",
    "lembas_chosen": "#9bd8c4",
    "gru": "#0072b2",
    "gru_zeroed": "#8ab8d6",
    "mean_zeroed": "#9a9a9a",
    "gp_shared": "#00a087",
    "curves": "#3b6e8f",
    "curves_cut": "#8fb4cc",
    "mlp": "#56b4e9",
    "neural_ode": "#1f4e9c",
    "transformer": "#8da0cb",
    "gnn": "#8856a7",
    "graph_ode": "#c994c7",
    "ridge": "#e69f00",
    "forest": "#a6761d",
    "gp": "#d8b365",
    "gp_alike": "#b8860b",
    "gp_all_lines": "#8c510a",
    "gp_mean": "#5a3a05",
    "copy_uninhibited": "#999999",
    "log_linear_ridge": "#fdae61",
    "lde": "#8c6d31",
    "bayesian": "#e7ba52",
    "mean": "#555555",
    "persistence": "#808080",
    "gp_of_time": "#cc8844",
    "linear": "#a5a5a5",
    "log_linear": "#6b6b6b",
    "pchip": "#c4c4c4",
    "spline": "#9c9ede",
    "quadratic": "#b07aa1",
    "additive": "#7f7f5f",
    "boosting": "#bd9e39",
    "lds": "#843c39",
    "masked_ridge": "#ce6dbd",
    "dbn": "#de9ed6",
    "TransformerConv": "#8856a7",
    "GATv2Conv": "#c994c7",
    "dense transformer": "#0072b2",
}

SEQUENTIAL_MAP = "viridis"
DIVERGING_MAP = "RdBu_r"

_RC: dict[str, object] = {
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.dpi": 150,
    "svg.fonttype": "none",
    "svg.hashsalt": "hmlm",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
_NAME = re.compile(r"\d{2}(_[a-z0-9]+)+")
_CAPTION_SIZE = 7.5  # points
_CAPTION_GAP = 0.08  # inch between figure and caption
_CHARACTER_WIDTH = 0.56  # of the font size, DejaVu Sans in running text


def use_style() -> None:
    """Make the look of the study matplotlib's default, for this process."""
    sns.set_theme(context="paper", style="ticks", palette="colorblind", rc=_RC)


def save_figure(fig: Figure, name: str, data: pd.DataFrame, caption: str) -> Path:
    """Write `name.png`, `.svg` and `.csv` into the folder of figures; return the PNG's path.

    name: two digits of the notebook, then lower-case words: "02_temporal_features".
    data: the numbers that were drawn; the index is written where it is not a plain count.
    caption: what is shown, with profile and seeds; drawn in grey under the figure and kept in the
    metadata of both pictures. The figure itself is left as it was.

    All bytes exist before the first file is touched, and each file replaces its predecessor whole.
    Raises HmlmError for a bad name, no data, an empty caption or a folder that cannot be written.
    """
    _check(name, data, caption)
    with _frozen_layout(fig), _captioned(fig, caption):
        pictures = {suffix: _render(fig, suffix, caption) for suffix in ("png", "svg")}
    _replace_all(name, pictures | {"csv": _table(data)})
    return figures_dir() / f"{name}.png"


def _check(name: str, data: pd.DataFrame, caption: str) -> None:
    if not _NAME.fullmatch(name):
        raise HmlmError(
            f"figure name {name!r}: expected two digits and lower-case words joined by '_', "
            "such as '02_temporal_features'"
        )
    if not isinstance(data, pd.DataFrame) or data.empty:
        raise HmlmError(f"figure {name!r}: data must be a DataFrame with at least one row")
    if not caption.strip():
        raise HmlmError(f"figure {name!r}: the caption is empty; say what is shown")


@contextmanager
def _frozen_layout(fig: Figure) -> Iterator[None]:
    """The settled layout, rounded and held: solving it anew at each drawing moves axes by 1e-16,
    which is enough to change ids and pixels.
    """
    engine = fig.get_layout_engine()
    for _ in range(2):
        fig.draw_without_rendering()
    if engine is None:
        yield
        return
    fig.set_layout_engine("none")
    for axes in fig.axes:
        counted = axes.get_in_layout()
        box = axes.get_position(original=True)
        axes.set_position(np.round(box.bounds, 5), which="both")
        axes.set_in_layout(counted)  # set_position takes the axes out of the layout
    try:
        yield
    finally:
        fig.set_layout_engine(engine)


@contextmanager
def _captioned(fig: Figure, caption: str) -> Iterator[None]:
    """The caption under the figure, wrapped to its width, while the figure is being written."""
    width, height = fig.get_size_inches()
    columns = int(width * 72 / (_CAPTION_SIZE * _CHARACTER_WIDTH))
    text = fig.text(
        0.0,
        -_CAPTION_GAP / height,
        textwrap.fill(caption, columns),
        size=_CAPTION_SIZE,
        color="#666666",
        va="top",
        parse_math=False,
    )
    try:
        yield
    finally:
        text.remove()


def _render(fig: Figure, suffix: str, caption: str) -> bytes:
    """The figure's bytes; free of dates, versions and random ids, so that they repeat."""
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}[suffix]
    buffer = io.BytesIO()
    with mpl.rc_context({key: _RC[key] for key in ("svg.fonttype", "svg.hashsalt")}):
        fig.savefig(
            buffer,
            format=suffix,
            dpi=_RC["savefig.dpi"],
            bbox_inches="tight",
            pad_inches=0.08,
            metadata=metadata | {"Description": caption},
        )
    return buffer.getvalue()


def _table(data: pd.DataFrame) -> bytes:
    counted = isinstance(data.index, pd.RangeIndex)
    return data.to_csv(index=not counted, float_format="%.6g", lineterminator="\n").encode()


def _replace_all(name: str, contents: dict[str, bytes]) -> None:
    """Write every file beside its place first, then move all; leave no temporary file behind."""
    folder = figures_dir()
    partial = {suffix: folder / f".{name}.{os.getpid()}.{suffix}" for suffix in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, path in partial.items():
            path.write_bytes(contents[suffix])
        for suffix, path in partial.items():
            os.replace(path, folder / f"{name}.{suffix}")
    except OSError as error:
        for path in partial.values():
            if path.parent.is_dir():
                path.unlink(missing_ok=True)
        raise HmlmError(
            f"figure {name!r}: cannot write to {folder}: {error.strerror}; "
            "make it writable, or set HMLM_OUTPUT_DIR to a folder that is"
        ) from None
