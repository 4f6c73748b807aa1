"""Figures of composed language models: strategies against the best, attention on pockets, the masking fault."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hmlm_lib.figures.style import SEQUENTIAL_MAP

FAMILIES = {  # strategy begins with: colour, what it is called
    "composition": ("#c1272d", "composition"),
    "paper_composition": ("#f08a72", "composition, into the protein"),
    "attention": ("#0072b2", "attention at the end"),
    "paper_attention": ("#56b4e9", "attention at the end, into the protein"),
    "position_tables": ("#117733", "no language model"),
    "one_hot_logistic": ("#117733", "no language model"),
}
OTHERS = ("#777777", "pooled states")


def _family(strategy: str) -> tuple[str, str]:
    return next((look for start, look in FAMILIES.items() if strategy.startswith(start)), OTHERS)


def fig_strategies(table: pd.DataFrame, best: dict[str, float] | None = None, titles: dict | None = None) -> Figure:
    """AUROC of every strategy, a panel a question; index strategy.

    table: columns random and unseen, each with _low and _high (an interval) or _sd; best: a dashed line.
    """
    titles = titles or {"random": "new peptides", "unseen": "new peptides of new proteins"}
    order = list(table["random"].sort_values().index)
    fig, axes = plt.subplots(1, 2, figsize=(9.6, 0.27 * len(order) + 1.3), sharey=True)
    for ax, (question, title) in zip(axes, titles.items(), strict=True):
        for y, name in enumerate(order):
            row, (colour, label) = table.loc[name], _family(str(name))
            if f"{question}_low" in table:
                ends = row[f"{question}_low"], row[f"{question}_high"]
            else:
                ends = row[question] - row[f"{question}_sd"], row[question] + row[f"{question}_sd"]
            ax.plot(ends, [y, y], color=colour, lw=1.4)
            ax.plot(row[question], y, "o", ms=5, color=colour, label=label)
        ax.axvline(0.5, color="#999999", lw=0.8, ls=":")
        if best:
            ax.axvline(best[question], color="#111111", lw=1.2, ls="--")
        ax.set(title=title, xlabel="AUROC", xlim=(0.45, 1.0))
        ax.grid(axis="y", lw=0.4, color="#dddddd")
    axes[0].set_yticks(range(len(order)), [str(name).replace("_", " ") for name in order])
    found = dict(zip(*axes[0].get_legend_handles_labels()[::-1], strict=True))
    fig.legend(found.values(), found.keys(), loc="outside right center")
    return fig


def fig_masking(weights: pd.DataFrame, real: int) -> Figure:
    """Attention of one token on a padded sequence; index token, of which the first `real` exist; a panel a column."""
    fig, axes = plt.subplots(1, weights.shape[1], figsize=(3.4 * weights.shape[1], 2.6), sharey=True, squeeze=False)
    for ax, way in zip(axes[0], weights.columns, strict=True):
        ax.bar(weights.index, weights[way], color=["#0072b2"] * real + ["#c1272d"] * (len(weights) - real), width=0.75)
        ax.set(title=str(way), xlabel="token attended to", xticks=list(weights.index))
    axes[0, 0].set_ylabel("attention weight")
    return fig


def fig_anchors(looks: pd.DataFrame, changed: pd.Series, residues: pd.Series, pockets: dict[str, np.ndarray]) -> Figure:
    """What peptide places look at, and what a changed residue does.

    looks: index peptide place, columns protein residue, rows sum to one; changed and residues: mean change of the logit
    by place and by residue; pockets: name -> which residues line it, marked above.
    """
    marks = dict(zip(pockets, ("#c1272d", "#e69f00"), strict=False))
    grid = {"width_ratios": (5, 1.2), "height_ratios": (1.2, 3)}
    fig, axes = plt.subplots(2, 2, figsize=(10, 4.2), gridspec_kw=grid, sharex="col", sharey="row")
    columns = np.arange(looks.shape[1])
    axes[0, 1].remove()
    colour = np.full(len(columns), "#999999", dtype=object)
    for name, inside in pockets.items():
        colour[inside] = marks[name]
    axes[0, 0].bar(columns, residues, color=list(colour), width=0.8)
    axes[0, 0].set_ylabel("change of\nthe logit")
    axes[0, 0].legend(
        [plt.Rectangle((0, 0), 1, 1, color=c) for c in marks.values()], [f"pocket {n}" for n in marks], ncols=2
    )
    image = axes[1, 0].imshow(looks, aspect="auto", cmap=SEQUENTIAL_MAP, vmin=0)
    axes[1, 0].set(xlabel="residue of the protein", ylabel="residue of the peptide")
    axes[1, 0].set_yticks(range(len(looks)), list(looks.index))
    axes[1, 0].set_xticks(columns, list(looks.columns), rotation=90, fontsize=6)
    axes[1, 1].barh(range(len(changed)), changed, color="#555555", height=0.75)
    axes[1, 1].set_xlabel("change of\nthe logit")
    fig.colorbar(image, ax=axes[1, 1], label="attention", fraction=0.2)
    return fig
