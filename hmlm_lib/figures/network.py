"""Figures of the network and its dynamics."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from hmlm_lib.figures.style import CONDITION_COLOURS, DIVERGING_MAP, MODULE_COLOURS
from hmlm_lib.network.network import SignalingNetwork

ACTIVATION, INHIBITION = "#5b7f95", "#c1272d"
# Columns of the drawing, from the outside of the cell to what it makes; modules of one column stand on top of each other.
COLUMNS = (
    ("inputs",),
    ("receptors", "feedback"),
    ("second_messengers", "rho_pathway"),
    ("kinases",),
    ("mapk",),
    ("mechanotransduction",),
    ("transcription",),
    ("ecm_fibrosis",),
    ("matrix_remodeling",),
)


def module_edges(network: SignalingNetwork) -> pd.DataFrame:
    """Number of distinct edges from module to module, by sign: source, target, sign, edges."""
    module = network.species["module"]
    edges = network.signed_edges
    counted = pd.DataFrame({"source": module[edges["source"]].values, "target": module[edges["target"]].values})
    counted["sign"] = edges["sign"].values
    return counted.groupby(["source", "target", "sign"], sort=False).size().rename("edges").reset_index()


def fig_network(network: SignalingNetwork) -> Figure:
    """Every species in its module, every signed edge: activation blue-grey arrows, inhibition red bars."""
    place, boxes = _places(network)
    fig, ax = plt.subplots(figsize=(13.5, 8.2))
    for module, (x, top, bottom) in boxes.items():
        _module_box(ax, module, x, top, bottom)
    for edge in network.signed_edges.itertuples():
        _edge(ax, place[edge.source], place[edge.target], edge.sign)
    for name, (x, y) in place.items():
        ax.text(x, y, name, ha="center", va="center", size=7, zorder=4, color="#111111")
    lines = [Line2D([], [], color=ACTIVATION, lw=1.4), Line2D([], [], color=INHIBITION, lw=1.4)]
    counts = network.summary()
    labels = [f"activation ({counts['activating']})", f"inhibition ({counts['inhibiting']})"]
    ax.legend(lines, labels, loc="lower right", bbox_to_anchor=(1.0, 0.0), fontsize=9)
    ax.set(xlim=(-0.62, len(COLUMNS) - 0.38), ylim=(-1.04, 1.1))
    ax.set_title(f"{counts['species']} species and {counts['signed_edges']} signed edges in {counts['modules']} modules")
    ax.axis("off")
    return fig


def _places(network: SignalingNetwork) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float, float]]]:
    """Position of each species and (x, top, bottom) of each module; neighbours in the network stand at like heights."""
    species = network.species
    columns = [[m for m in column if m in network.modules] for column in COLUMNS]
    placed = {module for column in columns for module in column}
    columns[-1] += [module for module in network.modules if module not in placed]
    order = {module: list(species.index[species["module"] == module]) for module in network.modules}
    for _ in range(8):
        place, boxes = _stack(columns, order)
        height = {name: y for name, (_, y) in place.items()}
        near: dict[str, list[float]] = {name: [height[name]] for name in height}
        for edge in network.signed_edges.itertuples():
            near[edge.source].append(height[edge.target])
            near[edge.target].append(height[edge.source])
        order = {m: sorted(names, key=lambda name: -float(np.mean(near[name]))) for m, names in order.items()}
    return place, boxes


def _stack(columns: list[list[str]], order: dict[str, list[str]]):
    place, boxes = {}, {}
    for x, modules in enumerate(columns):
        rows = sum(len(order[m]) for m in modules) + 2.5 * (len(modules) - 1)
        step = min(0.15, 1.9 / max(rows, 1))
        y = step * (rows - 1) / 2
        for module in modules:
            top = y
            for name in order[module]:
                place[name] = (float(x), y)
                y -= step
            boxes[module] = (float(x), top, y + step)
            y -= 2.5 * step
    return place, boxes


def _module_box(ax: Axes, module: str, x: float, top: float, bottom: float) -> None:
    colour = MODULE_COLOURS.get(module, "#999999")
    box = FancyBboxPatch(
        (x - 0.36, bottom - 0.045), 0.72, top - bottom + 0.09, boxstyle="round,pad=0,rounding_size=0.06",
        facecolor="white", edgecolor=colour, lw=1.8, zorder=1,
    )  # fmt: skip
    ax.add_patch(box)
    fill = FancyBboxPatch(
        (x - 0.36, bottom - 0.045), 0.72, top - bottom + 0.09, boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=colour, alpha=0.13, edgecolor="none", zorder=1,
    )  # fmt: skip
    ax.add_patch(fill)
    ax.text(x, top + 0.06, module.replace("_", " "), ha="center", va="bottom", size=8.5, weight="bold", color=colour)


def _edge(ax: Axes, start: tuple[float, float], end: tuple[float, float], sign: int) -> None:
    """From the near side of the source's column to the near side of the target's; loops bulge to the right."""
    if start == end:
        return
    forward = np.sign(end[0] - start[0])
    a = (start[0] + 0.3 * (forward or 1), start[1])
    b = (end[0] - 0.3 * (forward or -1), end[1])
    bend = 0.12 if forward else 0.5 * np.sign(start[1] - end[1] or 1)
    style = "-|>,head_length=2.2,head_width=1.3" if sign > 0 else "]-,widthA=0,widthB=1.6,lengthB=0"
    arrow = FancyArrowPatch(
        a, b, connectionstyle=f"arc3,rad={-bend}", arrowstyle="-|>,head_length=2.2,head_width=1.3" if sign > 0 else "|-|,widthA=0,widthB=1.6",
        color=ACTIVATION if sign > 0 else INHIBITION, lw=0.7 if sign > 0 else 0.9, alpha=0.55 if sign > 0 else 0.8, zorder=2,
        shrinkA=0, shrinkB=0,
    )  # fmt: skip
    del style
    ax.add_patch(arrow)


def fig_dynamics(trajectories: xr.DataArray, species: list[str], window_h: float = 24.0) -> Figure:
    """Activity over time, one panel a species, one line a condition; the paper's window is shaded."""
    fig, axes = plt.subplots(2, -(-len(species) // 2), figsize=(10, 5), sharex=True, sharey=True, squeeze=False)
    conditions = [str(name) for name in trajectories.condition.values]
    for ax, name in zip(axes.flat, species, strict=False):
        ax.axvspan(0, window_h, color="#f0ead6", zorder=0)
        for condition in conditions:
            line = trajectories.sel(condition=condition, species=name)
            ax.plot(line.time, line, color=CONDITION_COLOURS.get(condition), label=condition)
        ax.set_title(name)
        ax.set(ylim=(-0.03, 1.08), xlim=(float(trajectories.time[0]), float(trajectories.time[-1])))
    axes[0, 0].text(window_h / 2, 1.03, f"{window_h:g} h", ha="center", va="center", size=7.5, color="#8a7f5c")
    for ax in axes[-1]:
        ax.set_xlabel("time after stimulus (h)")
    for ax in axes[:, 0]:
        ax.set_ylabel("activity (fraction of max.)")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(conditions), fontsize=9)
    return fig


def fig_dose_response(response: xr.DataArray, species: list[str], stimulus: str) -> Figure:
    """Resting activity against the level of one input, from below and from above; bistable range shaded."""
    fig, axes = plt.subplots(1, len(species), figsize=(3.3 * len(species), 3.1), sharey=True, squeeze=False)
    for ax, name in zip(axes[0], species, strict=True):
        low, high = (response.sel(start=start, species=name) for start in ("low", "high"))
        apart = np.abs(high - low).values > 0.05
        if apart.any():
            ax.axvspan(*response.level.values[apart][[0, -1]], color="#f0ead6", zorder=0)
        ax.plot(high.level, high, color="#aa3377", marker="v", ms=3.5, label="from high activity")
        ax.plot(low.level, low, color="#0072b2", marker="^", ms=3.5, label="from low activity")
        ax.set_title(name)
        ax.set(xlabel=f"{stimulus} input", ylim=(-0.03, 1.03), xlim=(0, 1))
    axes[0, 0].set_ylabel("activity at rest")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=9)
    return fig


def fig_knockouts(change: xr.DataArray, network: SignalingNetwork) -> Figure:
    """Heat map: row = knocked-out species, column = responding species, both ordered by module."""
    order = [name for module in network.modules for name in network.species.index[network.species["module"] == module]]
    values = change.sel(knockout=order, species=order).to_pandas()
    fig, ax = plt.subplots(figsize=(8.6, 7.6))
    sns.heatmap(
        values, ax=ax, cmap=DIVERGING_MAP, center=0, vmin=-1, vmax=1, xticklabels=False, yticklabels=False,
        cbar_kws={"label": "change of activity (fraction of max.)", "shrink": 0.6}, rasterized=True,
    )  # fmt: skip
    size = network.species["module"].value_counts().reindex(network.modules)
    edge = np.concatenate([[0], size.cumsum()])
    for cut in edge[1:-1]:
        ax.axhline(cut, color="#888888", lw=0.5)
        ax.axvline(cut, color="#888888", lw=0.5)
    middle = (edge[:-1] + edge[1:]) / 2
    labels = [module.replace("_", " ") for module in network.modules]
    ax.set_xticks(middle, labels, rotation=45, ha="right")
    ax.set_yticks(middle, labels, rotation=0)
    for tick, module in zip(ax.get_yticklabels(), network.modules, strict=True):
        tick.set_color(MODULE_COLOURS.get(module, "black"))
    ax.set(xlabel="responding species, by module", ylabel="knocked-out species, by module")
    return fig
