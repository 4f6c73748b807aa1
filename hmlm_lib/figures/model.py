"""Figures of the trained model: gates, predictions with intervals, attention at each scale, time constants."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from jaxtyping import Float
from matplotlib.figure import Figure

from hmlm_lib.figures.style import DIVERGING_MAP, MODEL_COLOURS, SEQUENTIAL_MAP


def fig_gates(curves: pd.DataFrame) -> Figure:
    """Learned gates against the true ones, one panel an edge; columns edge, y, learned, true."""
    edges = list(dict.fromkeys(curves["edge"]))
    fig, axes = plt.subplots(
        2, -(-len(edges) // 2), figsize=(2.35 * -(-len(edges) // 2), 4.6), sharex=True, sharey=True
    )
    for ax, edge in zip(axes.flat, edges, strict=False):
        one = curves[curves["edge"] == edge]
        ax.plot(one["y"], one["true"], color=MODEL_COLOURS["oracle"], lw=2.6, alpha=0.35, label="true")
        ax.plot(one["y"], one["learned"], color=MODEL_COLOURS["hmlm"], label="learned")
        ax.set_title(edge, size=8)
    for ax in axes[-1]:
        ax.set_xlabel("activity of the regulator")
    for ax in axes[:, 0]:
        ax.set_ylabel("gate openness")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig


def fig_responses(table: pd.DataFrame, styles: dict[str, dict]) -> Figure:
    """What a target does at every level of its regulator, a panel a rule, a line a model.

    table: columns rule, level, model, response. styles: model -> keywords of its line, in this order.
    """
    rules = list(dict.fromkeys(table["rule"]))
    fig, axes = plt.subplots(1, len(rules), figsize=(3.1 * len(rules) + 1.8, 3.1), sharey=True, squeeze=False)
    for ax, rule in zip(axes[0], rules, strict=True):
        for model, style in styles.items():
            one = table[(table["rule"] == rule) & (table["model"] == model)]
            ax.plot(one["level"], one["response"], label=model, **style)
        ax.set(title=rule, xlabel="level of the regulator")
    axes[0, 0].set_ylabel("activity of the target")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    return fig


def fig_predictions(
    true: xr.DataArray, mean: xr.DataArray, half_width: xr.DataArray, seen: xr.DataArray, species: list[str]
) -> Figure:
    """True and predicted courses; one row a condition, one column a species; dots: measurements not shown to the model.

    true, mean, half_width (of the band): (condition, time, species); seen: noisy points of the same conditions.
    """
    conditions = [str(name) for name in true.condition.values]
    size = (2.1 * len(species), 1.9 * len(conditions) + 0.6)
    fig, axes = plt.subplots(len(conditions), len(species), figsize=size, sharex=True, sharey=True, squeeze=False)
    for row, condition in zip(axes, conditions, strict=True):
        for ax, name in zip(row, species, strict=True):
            at = {"condition": condition, "species": name}
            middle, width = mean.sel(at), half_width.sel(at)
            ax.fill_between(middle.time, middle - width, middle + width, color=MODEL_COLOURS["hmlm"], alpha=0.2, lw=0)
            ax.plot(true.time, true.sel(at), color=MODEL_COLOURS["oracle"], lw=1.2, label="true")
            ax.plot(middle.time, middle, color=MODEL_COLOURS["hmlm"], ls="--", label="HMLM, mean of its members")
            ax.plot(seen.time, seen.sel(at), ".", color="#888888", ms=4, label="measured, not shown to the model")
            ax.set(ylim=(-0.12, 1.12))
        row[0].set_ylabel(f"{condition}\nactivity", size=7.5)
    for ax, name in zip(axes[0], species, strict=True):
        ax.set_title(name)
    for ax in axes[-1]:
        ax.set_xlabel("time (h)")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def fig_attention_map(weights: pd.DataFrame, label: str) -> Figure:
    """Heat map of attention; rows attend (targets), columns are attended to (sources); blank where there is no edge."""
    fig, ax = plt.subplots(figsize=(0.34 * weights.shape[1] + 2.6, 0.3 * weights.shape[0] + 1.6))
    sns.heatmap(
        weights, ax=ax, cmap=SEQUENTIAL_MAP, vmin=0, vmax=1, linewidths=0.4, linecolor="#eeeeee",
        cbar_kws={"label": label, "shrink": 0.7}, xticklabels=True, yticklabels=True,
    )  # fmt: skip
    ax.set(xlabel="source", ylabel="target")
    ax.tick_params(axis="x", rotation=60, labelsize=7.5)
    ax.tick_params(axis="y", rotation=0, labelsize=7.5)
    return fig


def fig_crosstalk(weights: dict[str, pd.DataFrame]) -> Figure:
    """Attention among pathways and cell, one panel a head or condition; rows (targets) sum to one."""
    fig, axes = plt.subplots(1, len(weights), figsize=(4.6 * len(weights) + 0.8, 4.4), sharey=True, squeeze=False)
    top = max(float(table.to_numpy().max()) for table in weights.values())
    for ax, (title, table) in zip(axes[0], weights.items(), strict=True):
        image = ax.imshow(table.to_numpy(), cmap=SEQUENTIAL_MAP, vmin=0, vmax=top, aspect="auto")
        labels = [str(name).replace("_", " ") for name in table.columns]
        ax.set_xticks(range(len(labels)), labels, rotation=60, ha="right", fontsize=7.5)
        ax.set_yticks(range(len(table)), [str(name).replace("_", " ") for name in table.index], fontsize=7.5)
        ax.set(title=title, xlabel="source")
    axes[0, 0].set_ylabel("target")
    fig.colorbar(image, ax=axes[0].tolist(), label="attention weight", shrink=0.8)
    return fig


def fig_learned_against_true(
    panels: dict[str, tuple[Float[np.ndarray, " item"], Float[np.ndarray, " item"], str]],
) -> Figure:
    """Scatter of learned against true numbers; title -> (true, learned, unit); log axes where the unit is h."""
    fig, axes = plt.subplots(1, len(panels), figsize=(3.6 * len(panels), 3.4), squeeze=False)
    for ax, (title, (true, learned, unit)) in zip(axes[0], panels.items(), strict=True):
        ax.scatter(true, learned, s=12, color=MODEL_COLOURS["hmlm"], alpha=0.7, lw=0)
        low, high = min(true.min(), learned.min()), max(true.max(), learned.max())
        ax.plot([low, high], [low, high], color="#999999", lw=0.8, zorder=0)
        if unit == "h":
            ax.set(xscale="log", yscale="log")
        ax.set(title=title, xlabel=f"true ({unit})", ylabel=f"learned ({unit})")
    return fig


def fig_knockout_effects(predicted: pd.DataFrame, true: pd.DataFrame) -> Figure:
    """Effect of each unseen knock-out on every species at the end: predicted beside true; same order, same colours."""
    fig, axes = plt.subplots(1, 2, figsize=(9.5, 4.6), sharey=True)
    for ax, (title, table) in zip(axes, (("predicted", predicted), ("true", true)), strict=True):
        image = ax.imshow(table.to_numpy(), cmap=DIVERGING_MAP, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        ax.set(title=title, xlabel="responding species, by module")
        ax.set_xticks([])
    axes[0].set_yticks(range(len(true)), list(true.index), fontsize=6.5)
    fig.colorbar(image, ax=axes.tolist(), label="change of activity at 60 h", shrink=0.8)
    return fig
