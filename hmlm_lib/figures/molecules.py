"""Figures of cell-aware molecules: imputation against missingness, scores against the best, codes by level."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from hmlm_lib.chmr.benchmarks import SETS

HOW_COLOURS = {
    "propagation": "#c1272d", "nearest": "#0072b2", "mean": "#555555", "zero": "#b0b0b0", "learned": "#009e73",
}  # fmt: skip
OWN = "#c1272d"
HIDDEN_COLOURS = (OWN, "#0072b2", "#e69f00", "#009e73")
PUBLISHED_MARKS = {"CHMR": ("D", "#111111"), "InfoAlign": ("s", "#777777")}
PARTS = {"purity": "#c1272d", "used": "#0072b2", "used by anchors": "#56b4e9", "evenness": "#e69f00"}


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
        colours = [OWN if name == "chmr" else "#b0b0b0" for name in order]
        ax.barh(range(len(order)), values, color=colours, height=0.7)
        ax.axvline(table.loc[best, setting], color="#111111", lw=1.2, ls="--")
        ax.set(title=str(setting), xlabel="AUROC", xlim=(low, 1.0))
    axes[0, 0].set_yticks(range(len(order)), [str(name).replace("_", " ") for name in order])
    return fig


def fig_codes(table: pd.DataFrame) -> Figure:
    """By level of the tree: purity of mechanisms (dotted: of mechanisms dealt out anew), share of codes used, evenness.

    table: index level, columns of `PARTS`, codes, "purity by chance".
    """
    fig, ax = plt.subplots(figsize=(4.6, 3.2))
    for name, colour in PARTS.items():
        ax.plot(table.index, table[name], marker="o", ms=4, color=colour, label=name)
    ax.plot(table.index, table["purity by chance"], color=PARTS["purity"], ls=":", label="purity by chance")
    ax.set(xlabel="level of the tree (codes)", ylabel="fraction", ylim=(0, 1.05))
    ax.set_xticks(list(table.index), [f"{level}\n({codes})" for level, codes in table["codes"].items()])
    fig.legend(loc="outside right center")
    return fig


def fig_sweeps(missing: pd.DataFrame, sweeps: dict[str, pd.Series], lines: dict[str, float]) -> Figure:
    """AUROC of CHMR against the fraction of cells missing, then against each setting; lines: what needs no cells.

    missing: index the fraction, a column a kind of hiding, every modality first; NaN where it was not tried.
    """
    count = 1 + len(sweeps)
    fig, axes = plt.subplots(1, count, figsize=(2.6 * count + 2.2, 3.2), sharey=True)
    for (name, values), colour in zip(missing.items(), HIDDEN_COLOURS, strict=False):
        drawn, thin = values.dropna(), {} if colour == OWN else {"lw": 1.0, "zorder": 1}
        axes[0].plot(100 * drawn.index, drawn, marker="o", ms=4, color=colour, label=f"hidden: {name}", **thin)
    axes[0].set(xlabel="cells missing, %", ylabel="AUROC")
    for ax, (name, values) in zip(axes[1:], sweeps.items(), strict=True):
        ax.plot(range(len(values)), values, marker="o", ms=4, color=OWN)
        ax.set_xticks(range(len(values)), [f"{x:g}" for x in values.index])
        ax.set_xlabel(name)
        ax.margins(x=0.15)
    for (name, value), style in zip(lines.items(), ("--", "-.", ":"), strict=False):
        for ax in axes:
            ax.axhline(value, color="#555555", lw=0.9, ls=style, label=name if ax is axes[0] else None)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return fig


def fig_sets(table: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Score of every model on every set, a panel a set; mean and sd over seeds, published figures as marks.

    table: columns set, model, mean, sd; published: index model, columns sets. Sets whose score is an error have a
    reversed axis, so that right is better everywhere.
    """
    sets = list(dict.fromkeys(table["set"]))
    models = list(dict.fromkeys(table["model"]))[::-1]
    rows = -(-len(sets) // 3)
    fig, axes = plt.subplots(
        rows, 3, figsize=(10.5, 0.9 + rows * (0.2 * len(models) + 0.7)), sharey=True, squeeze=False
    )
    for ax, name in zip(axes.flat, sets, strict=False):
        here = table[table["set"] == name].set_index("model").reindex(models)
        for y, (model, row) in enumerate(here.iterrows()):
            colour = OWN if str(model).startswith("chmr") else "#555555"
            ax.errorbar(row["mean"], y, xerr=row["sd"], fmt="o", ms=4, lw=1, color=colour)
        for label, (mark, colour) in PUBLISHED_MARKS.items():
            value = published.loc[label].get(name)
            if pd.notna(value):
                ax.plot(value, len(models) - 0.3, mark, ms=5, color=colour, clip_on=False)
        ax.set_title(name, fontsize=9)
        ax.xaxis.set_major_locator(plt.MaxNLocator(4))
        ax.grid(axis="y", lw=0.4, color="#dddddd")
        if SETS[name].score == "mae":
            ax.invert_xaxis()
            ax.set_title(f"{name} (error, axis reversed)", fontsize=9)
    for ax in axes.flat[len(sets) :]:
        ax.set_visible(False)
    axes[0, 0].set_yticks(range(len(models)), [model.replace("_", " ") for model in models])
    axes[0, 0].set_ylim(-0.6, len(models) + 0.1)
    marks = [plt.Line2D([], [], ls="", marker=m, color=c, ms=5) for m, c in PUBLISHED_MARKS.values()]
    fig.legend(marks, [f"{name}, published" for name in PUBLISHED_MARKS], loc="outside upper right", ncols=2)
    return fig


def fig_worth(table: pd.DataFrame, what: str = "real cells") -> Figure:
    """What something is worth, a panel a control, a row a set; right is better.

    table: columns control, set, gain, low, high; a set without an interval (NaN) is an open circle. what: for the axis.
    """
    controls, sets = list(dict.fromkeys(table["control"])), list(dict.fromkeys(table["set"]))[::-1]
    size = (2.6 * len(controls) + 1.2, 0.3 * len(sets) + 1.3)
    fig, axes = plt.subplots(1, len(controls), figsize=size, sharex=True, sharey=True, squeeze=False)
    for ax, control in zip(axes[0], controls, strict=True):
        for row in table[table["control"] == control].itertuples():
            y = sets.index(row.set)
            ax.plot([row.low, row.high], [y, y], color=OWN, lw=1.4)
            ax.plot(row.gain, y, "o", ms=5, color=OWN, mfc="white" if pd.isna(row.low) else OWN)
        ax.axvline(0.0, color="#111111", lw=0.9)
        ax.set_title(f"over {control}", fontsize=9)
    axes[0, 0].xaxis.set_major_locator(plt.MaxNLocator(4))  # shared by all panels
    axes[0, 0].set_yticks(range(len(sets)), sets)
    fig.supxlabel(f"gain of {what}, AUROC or mean absolute error (95 % interval)", fontsize=9)
    return fig


def fig_filled_in(table: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """Error of hidden real profiles, a panel a modality, mean and sd over draws; right of 1 is worse than the mean.

    table: columns modality, model, where (`random` filled, `scaffold` open), error, sd. titles: modality -> title.
    """
    models = list(dict.fromkeys(table["model"]))[::-1]
    size = (3.1 * len(titles) + 2.6, 0.3 * len(models) + 1.4)
    fig, axes = plt.subplots(1, len(titles), figsize=size, sharex=True, sharey=True, squeeze=False)
    styles = {"random": ("o", OWN, OWN), "scaffold": ("o", "#0072b2", "white")}
    for ax, (modality, title) in zip(axes[0], titles.items(), strict=True):
        for shift, (where, (mark, colour, face)) in zip((0.12, -0.12), styles.items(), strict=True):
            rows = table[(table["modality"] == modality) & (table["where"] == where)].set_index("model").reindex(models)
            y = [i + shift for i in range(len(models))]
            ax.errorbar(
                rows["error"], y, xerr=rows["sd"], fmt=mark, ms=4.5, lw=1, color=colour, mfc=face,
                label={"random": "molecules at random", "scaffold": "whole scaffolds"}[where],
            )  # fmt: skip
        ax.axvline(1.0, color="#888888", lw=0.8, ls=":")
        ax.set(title=title, xlabel="squared error / the mean's")
    axes[0, 0].set_yticks(range(len(models)), [str(model).replace("_", " ") for model in models])
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center", title="a fifth hidden")
    return fig
