"""Figures of cell-aware molecules: imputation against missingness, scores against the best, codes by level."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

HOW_COLOURS = {"propagation": "#c1272d", "nearest": "#0072b2", "mean": "#555555", "zero": "#b0b0b0"}
PARTS = {"purity": "#c1272d", "used": "#0072b2", "evenness": "#e69f00"}


def fig_imputation(table: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """Error of hidden rows against the fraction hidden, a panel a group; columns how, missing, where, mse.

    titles: value of `where` -> panel title. Imputing the mean costs 1 by definition, up to chance.
    """
    fig, axes = plt.subplots(1, len(titles), figsize=(3.6 * len(titles) + 1.3, 3.4), sharey=True, squeeze=False)
    for ax, (where, title) in zip(axes[0], titles.items(), strict=True):
        for how, rows in table[table["where"] == where].groupby("how", sort=False):
            style = "--" if how == "zero" else "-"
            ax.plot(100 * rows["missing"], rows["mse"], style, marker="o", ms=3.5, color=HOW_COLOURS[how], label=how)
        ax.axhline(1.0, color="#888888", lw=0.8, ls=":")
        ax.set(title=title, xlabel="rows hidden, %")
    axes[0, 0].set_ylabel("MSE, in variances")
    axes[0, 0].set_ylim(bottom=0)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    return fig


def fig_scores(table: pd.DataFrame, best: str = "best") -> Figure:
    """AUROC by model (rows) and setting (columns), a panel a setting, with the best there can be as a line."""
    shown = table.drop(index=best)
    order = shown.mean(axis=1).sort_values().index
    fig, axes = plt.subplots(
        1, shown.shape[1], figsize=(3.2 * shown.shape[1] + 1.6, 0.3 * len(shown) + 1.3), sharey=True, squeeze=False
    )
    low = min(0.5, float(shown.min(axis=None)))
    for ax, setting in zip(axes[0], shown.columns, strict=True):
        values = shown.loc[order, setting]
        colours = ["#c1272d" if name == "chmr" else "#b0b0b0" for name in order]
        ax.barh(range(len(order)), values, color=colours, height=0.7)
        ax.axvline(table.loc[best, setting], color="#111111", lw=1.2, ls="--")
        ax.set(title=str(setting), xlabel="AUROC", xlim=(low, 1.0))
    axes[0, 0].set_yticks(range(len(order)), [str(name).replace("_", " ") for name in order])
    return fig


def fig_codes(table: pd.DataFrame) -> Figure:
    """By level of the tree: purity of mechanisms, share of codes used, evenness; index level, columns of `PARTS`."""
    fig, ax = plt.subplots(figsize=(4.6, 3.2))
    for name, colour in PARTS.items():
        ax.plot(table.index, table[name], marker="o", ms=4, color=colour, label=name)
    ax.set(xlabel="level of the tree (codes)", ylabel="fraction", ylim=(0, 1.05))
    ax.set_xticks(list(table.index), [f"{level}\n({codes})" for level, codes in table["codes"].items()])
    fig.legend(loc="outside right center")
    return fig
