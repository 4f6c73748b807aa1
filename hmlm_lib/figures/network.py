"""Figures of the network: species and signed edges by module."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from hmlm_lib.figures.style import MODULE_COLOURS
from hmlm_lib.network.network import SignalingNetwork

ACTIVATION, INHIBITION = "#5b7f95", "#c1272d"
# From the outside of the cell to what it makes; modules of one column stand on top of each other.
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


def module_order(network: SignalingNetwork) -> list[str]:
    """Modules in the study's fixed order, unknown ones behind."""
    known = list(MODULE_COLOURS)
    return [*(m for m in known if m in network.modules), *(m for m in network.modules if m not in known)]


def fig_module_edges(network: SignalingNetwork) -> Figure:
    """How many edges run from module to module: activating on the left, inhibiting on the right."""
    modules = module_order(network)
    names = [module.replace("_", " ") for module in modules]
    counted = module_edges(network)
    fig, axes = plt.subplots(1, 2, figsize=(11, 5.2), sharey=True)
    for ax, sign, cmap, title in zip(axes, (1, -1), ("Blues", "Reds"), ("activating", "inhibiting"), strict=True):
        table = counted[counted["sign"] == sign].pivot(index="source", columns="target", values="edges")
        table = table.reindex(index=modules, columns=modules).astype(float)
        table.index = table.columns = names
        sns.heatmap(table, ax=ax, cmap=cmap, annot=True, fmt=".0f", linewidths=0.5, cbar=False, vmin=0)
        ax.set(title=f"{title} edges ({int(np.nansum(table))})", xlabel="to module", ylabel="from module" * (sign > 0))
        ax.tick_params(axis="x", rotation=45)
        plt.setp(ax.get_xticklabels(), ha="right")
    return fig


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
    ax.set_title(
        f"{counts['species']} species and {counts['signed_edges']} signed edges in {counts['modules']} modules"
    )
    ax.axis("off")
    return fig


def _places(
    network: SignalingNetwork,
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float, float]]]:
    """Position of each species and (x, top, bottom) of each module; neighbours in the network stand at like heights."""
    species = network.species
    columns = [[m for m in column if m in network.modules] for column in COLUMNS]
    placed = {module for column in columns for module in column}
    columns[-1] += [module for module in network.modules if module not in placed]
    order = {module: list(species.index[species["module"] == module]) for module in network.modules}
    for _ in range(8):
        height = {name: y for name, (_, y) in _stack(columns, order)[0].items()}
        near: dict[str, list[float]] = {name: [height[name]] for name in height}
        for edge in network.signed_edges.itertuples():
            near[edge.source].append(height[edge.target])
            near[edge.target].append(height[edge.source])
        falling = {name: -float(np.mean(heights)) for name, heights in near.items()}
        order = {module: sorted(names, key=falling.__getitem__) for module, names in order.items()}
    return _stack(columns, order)


def _stack(
    columns: list[list[str]], order: dict[str, list[str]]
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float, float]]]:
    """Columns side by side, their modules on top of each other, species at equal steps."""
    place: dict[str, tuple[float, float]] = {}
    boxes: dict[str, tuple[float, float, float]] = {}
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
    corner, size = (x - 0.36, bottom - 0.045), (0.72, top - bottom + 0.09)
    fill, frame = {"fc": colour, "ec": "none", "alpha": 0.13}, {"fc": "none", "ec": colour, "lw": 1.8}
    for look in (fill, frame):
        ax.add_patch(FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=0.06", zorder=1, **look))
    ax.text(x, top + 0.06, module.replace("_", " "), ha="center", va="bottom", size=8, weight="bold", color="#333333")


def _edge(ax: Axes, start: tuple[float, float], end: tuple[float, float], sign: int) -> None:
    """From the near side of the source's column to the near side of the target's; loops bulge to the right."""
    if start == end:
        return
    forward = np.sign(end[0] - start[0])
    a = (start[0] + 0.3 * (forward or 1), start[1])
    b = (end[0] - 0.3 * (forward or -1), end[1])
    bend = 0.12 if forward else 0.5 * np.sign(start[1] - end[1] or 1)
    shape = "-|>,head_length=2.2,head_width=1.3" if sign > 0 else "|-|,widthA=0,widthB=1.6"
    look = (
        {"color": ACTIVATION, "lw": 0.7, "alpha": 0.55} if sign > 0 else {"color": INHIBITION, "lw": 0.9, "alpha": 0.8}
    )
    arc = f"arc3,rad={-bend}"
    arrow = FancyArrowPatch(a, b, connectionstyle=arc, arrowstyle=shape, zorder=2, shrinkA=0, shrinkB=0, **look)
    ax.add_patch(arrow)
