"""Figures of real cells: courses with intervals, error by protocol, recall by class, what to measure next."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hmlm_lib.figures.comparison import colour
from hmlm_lib.figures.style import SEQUENTIAL_MAP


def fig_courses(table: pd.DataFrame, models: Mapping[str, str]) -> Figure:
    """Measured and foretold courses, one panel a signal and condition; shaded: 90 % interval.

    table: columns condition, signal, minutes, measured, and for every model (key of models -> label) its own column,
    with `<model>_low` and `<model>_high` where it has an interval. log2 change from the start.
    """
    conditions, signals = table["condition"].unique(), table["signal"].unique()
    size = 2.1 * len(signals) + 1.6, 1.75 * len(conditions) + 0.6
    fig, axes = plt.subplots(len(conditions), len(signals), figsize=size, sharex=True, sharey="col", squeeze=False)
    for row, condition in enumerate(conditions):
        for column, signal in enumerate(signals):
            ax = axes[row, column]
            part = table[(table["condition"] == condition) & (table["signal"] == signal)]
            clock = np.log1p(part["minutes"])
            for model, label in models.items():
                if f"{model}_low" in part:
                    bounds = part[f"{model}_low"], part[f"{model}_high"]
                    ax.fill_between(clock, *bounds, color=colour(model), alpha=0.18, lw=0)
                ax.plot(clock, part[model], color=colour(model), label=label)
            ax.plot(clock, part["measured"], "o", color="black", ms=3.5, label="measured")
            if row == 0:
                ax.set_title(signal.split("_")[0])
            if column == 0:
                ax.set_ylabel(condition.replace(", ", "\n"))
    ticks = [0, 5, 30, 240]
    axes[0, 0].set_xticks(np.log1p(ticks), [str(t) for t in ticks])
    fig.supxlabel("minutes (log scale)", size=9)
    fig.supylabel("log2 change from the start", size=9)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    return fig


def fig_protocols(table: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Error by protocol, one panel each, models from the worst to the best; dots, lines: sd over seeds.

    table: columns protocol, model, mean, sd. titles: protocol -> panel title.
    """
    order = table[table["protocol"] == next(iter(titles))].sort_values("mean", ascending=False)["model"].tolist()
    order = [m for m in table["model"].unique() if m not in order] + order
    size = 2.2 * len(titles) + 1.6, 0.22 * len(order) + 1.1
    fig, axes = plt.subplots(1, len(titles), figsize=size, sharey=True, squeeze=False)
    for ax, (protocol, title) in zip(axes[0], titles.items(), strict=True):
        part = table[table["protocol"] == protocol].set_index("model").reindex(order)
        for k, (model, row) in enumerate(part.iterrows()):
            ax.errorbar(row["mean"], k, xerr=row["sd"], fmt="o", ms=5, color=colour(str(model)), capsize=2)
        best = part["mean"].min()
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.axvline(best, color="#bbbbbb", lw=0.8, zorder=0)
        ax.set(title=title, xlabel=f"RMSE, best {best:.3f}")
        ax.grid(axis="y", color="#f0f0f0")
    axes[0, 0].set_yticks(range(len(order)), [name.replace("_", " ") for name in order])
    return fig


def fig_recalls(table: pd.DataFrame, classes: Mapping[str, str]) -> Figure:
    """Recall by class of observations: index model, columns measure (mean, sd); classes: measure -> label."""
    models = list(table.index)
    fig, ax = plt.subplots(figsize=(1.1 * len(models) + 2.2, 3.1))
    width, shades = 0.8 / len(classes), plt.get_cmap(SEQUENTIAL_MAP)(np.linspace(0.15, 0.85, len(classes)))
    for k, ((measure, label), shade) in enumerate(zip(classes.items(), shades, strict=True)):
        at = np.arange(len(models)) + (k - (len(classes) - 1) / 2) * width
        part = table[measure]
        ax.bar(at, part["mean"], width, yerr=part["sd"].fillna(0.0), color=shade, label=label, error_kw={"lw": 0.8})
    ax.set_xticks(range(len(models)), [name.replace("_", "\n") for name in models])
    ax.set(ylabel="recall", ylim=(0, 1.02))
    fig.legend(loc="outside right center")
    return fig


def fig_next(spread: pd.DataFrame) -> Figure:
    """Width of what is not known: rows inhibitor, columns stimulus, log2 units; empty where it was measured."""
    fig, ax = plt.subplots(figsize=(0.62 * spread.shape[1] + 2.6, 0.5 * spread.shape[0] + 1.3))
    ax.set_facecolor("#eeeeee")
    shown = ax.pcolormesh(np.ma.masked_invalid(spread.to_numpy()), cmap=SEQUENTIAL_MAP, edgecolor="white", lw=1)
    middle = np.nanmean([np.nanmin(spread), np.nanmax(spread)])
    for (row, column), value in np.ndenumerate(spread.to_numpy()):
        shade = "white" if value < middle else "black"
        text, dark = ("measured", "#777777") if np.isnan(value) else (f"{value:.2f}", shade)
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", size=6.5, color=dark)
    ax.set_xticks(np.arange(spread.shape[1]) + 0.5, spread.columns)
    ax.set_yticks(np.arange(spread.shape[0]) + 0.5, spread.index)
    ax.invert_yaxis()
    fig.colorbar(shown, ax=ax, label="sd of the prediction, log2")
    return fig
