"""Figures of explanations: maps beside the truth, faithfulness with its controls, arrival of crosstalk, code trees."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hmlm_lib.figures.style import CONDITION_COLOURS, DIVERGING_MAP

GROUP_COLOURS = {
    "HMLM": "#c1272d", "other models": "#0072b2", "without a model": "#777777", "controls": "#bbbbbb",
}  # fmt: skip
CLASS_COLOURS = ("#332288", "#88ccee", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499")


def fig_maps(maps: Mapping[str, pd.DataFrame], label: str, limit: float = 1.0) -> Figure:
    """Heat maps [target, source] side by side on one scale from -limit to limit."""
    first = next(iter(maps.values()))
    size = (0.19 * first.shape[1] * len(maps) + 2.4, 0.2 * first.shape[0] + 1.9)
    fig, axes = plt.subplots(1, len(maps), figsize=size, sharey=True, squeeze=False)
    for ax, (title, table) in zip(axes[0], maps.items(), strict=True):
        image = ax.imshow(
            table.to_numpy(), cmap=DIVERGING_MAP, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest"
        )
        ax.set_xticks(range(table.shape[1]), [str(c).replace("_", " ") for c in table.columns], rotation=90, size=6.5)
        ax.set_yticks(range(table.shape[0]), [str(i).replace("_", " ") for i in table.index], size=6.5)
        ax.set_title(title, size=8.5)
        ax.set_xlabel("source")
    axes[0, 0].set_ylabel("target")
    fig.colorbar(image, ax=axes[0].tolist()).set_label(label, size=8)
    return fig


def fig_faithfulness(table: pd.DataFrame, measure: str = "spearman") -> Figure:
    """Bars of faithfulness, best on top; columns explanation, group, mean, sd, n, and `measure` names the axis."""
    table = table.sort_values("mean", kind="stable")
    fig, ax = plt.subplots(figsize=(6.6, 0.23 * len(table) + 1.3))
    colours = [GROUP_COLOURS[group] for group in table["group"]]
    ax.barh(range(len(table)), table["mean"], xerr=table["sd"], color=colours, height=0.72, error_kw={"lw": 0.8})
    ax.set_yticks(range(len(table)), table["explanation"], size=7.5)
    ax.axvline(0, color="#444444", lw=0.6)
    ax.set_xlabel(measure)
    handles = [plt.Rectangle((0, 0), 1, 1, color=c) for g, c in GROUP_COLOURS.items() if g in set(table["group"])]
    labels = [g for g in GROUP_COLOURS if g in set(table["group"])]
    fig.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return fig


def fig_arrival(true: xr.DataArray, said: xr.DataArray, pairs: Sequence[tuple[str, str]]) -> Figure:
    """Effect of a module on another over time, a panel a pair, a colour a context; solid: true, dashed: the model."""
    fig, axes = plt.subplots(1, len(pairs), figsize=(2.7 * len(pairs), 2.9), sharey=True, squeeze=False)
    for ax, (source, target) in zip(axes[0], pairs, strict=True):
        for name in map(str, true.context.values):
            at = {"context": name, "source": source, "target": target}
            colour = CONDITION_COLOURS[name]
            ax.plot(true.time, true.sel(at), color=colour, lw=2.2, alpha=0.45, label=f"{name}, true")
            ax.plot(said.time, said.sel(at), color=colour, lw=1.1, ls="--", label=f"{name}, model")
        ax.axhline(0, color="#999999", lw=0.6)
        ax.set(xlabel="time (h)", xscale="symlog")
        ax.set_title(f"{source.replace('_', ' ')}\nto {target.replace('_', ' ')}", size=8.5)
        ax.set_xlim(0, float(true.time[-1]))
    axes[0, 0].set_ylabel("activity owed to the source")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return fig


def fig_recovery(tables: Mapping[str, pd.DataFrame], chance: Mapping[str, float]) -> Figure:
    """AUROC and AUPRC of every method, a column a question; chance: expected AUPRC of a random order.

    tables: columns method, group, auroc, auprc, auroc_sd, auprc_sd.
    """
    tallest = max(len(table) for table in tables.values())
    fig, axes = plt.subplots(2, len(tables), figsize=(4.1 * len(tables), 0.42 * tallest + 2.2), squeeze=False)
    for (title, table), column in zip(tables.items(), axes.T, strict=True):
        for ax, measure in zip(column, ("auroc", "auprc"), strict=True):
            ordered = table.sort_values(measure, kind="stable")
            ax.barh(
                range(len(ordered)), ordered[measure], xerr=ordered[f"{measure}_sd"], height=0.72,
                color=[GROUP_COLOURS[group] for group in ordered["group"]], error_kw={"lw": 0.8},
            )  # fmt: skip
            ax.set_yticks(range(len(ordered)), ordered["method"], size=7)
            ax.axvline(0.5 if measure == "auroc" else chance[title], color="#444444", lw=0.9, ls=":")
            ax.set(xlabel=measure.upper(), xlim=(0, 1))
        column[0].set_title(title, size=9)
    return fig


def fig_code_tree(codes: pd.DataFrame, levels: int = 4) -> Figure:
    """The tree of codes: a circle a code, its area the molecules, its colour the commonest class, solid by its share.

    codes: `chmr.meaning.enrichment`; drawn down to `levels`.
    """
    shown = codes[codes["level"] <= levels]
    names = sorted(map(str, codes["commonest"].unique()))
    colour = {name: CLASS_COLOURS[i % len(CLASS_COLOURS)] for i, name in enumerate(names)}
    place = _places(shown)
    fig, ax = plt.subplots(figsize=(8.4, 0.85 * levels + 1.2))
    scale = 900 / shown["members"].max()
    for row in shown.itertuples():
        x, y = place[row.level, row.code]
        if row.level > 1:
            px, py = place[row.level - 1, row.parent]
            ax.plot([px, x], [py, y], color="#cccccc", lw=0.8, zorder=0)
        solid = to_rgba(colour[str(row.commonest)], 0.25 + 0.75 * row.share)
        size = max(12.0, scale * row.members)
        ax.scatter([x], [y], s=size, color="white", zorder=1)
        ax.scatter(
            [x], [y], s=size, color=solid,
            edgecolor="#444444" if row.q < 0.05 else "#dddddd", lw=0.9, zorder=2,
        )  # fmt: skip
    ax.set_yticks([-level for level in range(1, levels + 1)], [f"level {level}" for level in range(1, levels + 1)])
    ax.set_xticks([])
    ax.set_ylim(-levels - 0.6, -0.4)
    ax.spines[["bottom", "left"]].set_visible(False)
    handles = [plt.Line2D([], [], marker="o", ls="", color=colour[name], label=name) for name in names]
    fig.legend(handles=handles, loc="outside upper center", ncols=min(8, len(names)))
    return fig


def _places(codes: pd.DataFrame) -> dict[tuple[int, int], tuple[float, float]]:
    """Leaves evenly from left to right, every parent over the middle of its children."""
    place: dict[tuple[int, int], tuple[float, float]] = {}
    deepest = int(codes["level"].max())
    below: dict[tuple[int, int], list[float]] = {}
    position = 0.0
    for level in range(deepest, 0, -1):
        for row in codes[codes["level"] == level].sort_values(["parent", "code"]).itertuples():
            children = below.get((level, row.code))
            if children is None:
                x, position = position, position + 1
            else:
                x = float(np.mean(children))
            place[level, row.code] = (x, -level)
            below.setdefault((level - 1, row.parent), []).append(x)
    return place


def fig_embedding(
    flat: Float[np.ndarray, "molecule 2"], colourings: Mapping[str, Sequence[object] | np.ndarray]
) -> Figure:
    """Molecules on two principal components, a panel a colouring with a legend of its own."""
    fig, axes = plt.subplots(1, len(colourings), figsize=(4.0 * len(colourings), 4.2), sharex=True, sharey=True)
    for ax, (title, values) in zip(np.atleast_1d(axes), colourings.items(), strict=True):
        kinds, number = np.unique(np.asarray(values), return_inverse=True)
        colours = [CLASS_COLOURS[i % len(CLASS_COLOURS)] for i in range(len(kinds))]
        ax.scatter(*flat.T, s=4, c=[colours[i] for i in number], lw=0, alpha=0.8)
        ax.set(title=f"{title} ({len(kinds)})", xlabel="PC 1", ylabel="PC 2", xticks=[], yticks=[])
        marks = [
            Line2D([], [], ls="", marker="o", ms=4, color=own, label=str(kind))
            for kind, own in zip(kinds, colours, strict=True)
        ]
        ax.legend(handles=marks, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=4, handletextpad=0.1)
    return fig
