"""Figures that compare models: bars by task, error against time points, ablations, cost against size."""

from collections.abc import Iterable, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from hmlm_lib.figures.style import MODEL_COLOURS

OTHER = "#b0b0b0"
SHAPES = "osD^v<>PXphd*8"  # so that lines are told apart without their colours
SHOT_COLOURS = {
    "hmlm_pretrained": MODEL_COLOURS["hmlm"],
    "hill_typical": "#222222",
    "hill_typical_short": "#222222",
    "mean": "#cccccc",
}
SHOT_LINES = {"hmlm": "--", "hill_typical_short": ":"}


def colour(model: str) -> str:
    """The model's colour; an ablation of HMLM is drawn in the colour of the flat one."""
    if model in MODEL_COLOURS:
        return MODEL_COLOURS[model]
    if model.startswith("hmlm_forest"):
        return MODEL_COLOURS["hmlm_forest"]
    return MODEL_COLOURS["hmlm_flat"] if model.startswith("hmlm") else OTHER


def _lines(models: Iterable[str]) -> dict[str, dict]:
    """Colour, marker and label of every model's line, in their order."""
    return {
        model: {"color": colour(model), "marker": shape, "ms": 5, "label": model.replace("_", " ")}
        for model, shape in zip(dict.fromkeys(models), cycle(SHAPES), strict=False)
    }


def fig_model_comparison(table: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """Horizontal bars, one panel a measure (log axis for errors), models ordered by the first measure they have.

    table: index model; columns (measure, mean | sd | n). titles: measure -> panel title. Error bars: sd over seeds.
    Four panels a row at most. All log axes begin at one place.
    """
    means = table[list(titles)].xs("mean", axis=1, level=1)
    first = means.bfill(axis=1).iloc[:, 0].map(lambda value: float(f"{value:.6g}"))  # ties keep the order of the table
    order = first[::-1].sort_values(ascending=False, kind="stable").index
    across = min(len(titles), 4)
    down = -(-len(titles) // across)
    size = 3.4 * across + 1.4, (0.24 * len(order) + 1.2) * down
    fig, axes = plt.subplots(down, across, figsize=size, sharey=True, squeeze=False)
    for ax, (measure, title) in zip(axes.flat, titles.items(), strict=False):
        _bars(ax, table[measure].reindex(order), log="_r" not in measure)
        ax.set(title=title, xlabel="r" if "_r" in measure else "MSE")
    errors = [ax for ax in axes.flat[: len(titles)] if ax.get_xscale() == "log"]
    if errors:
        plt.setp(errors, xlim=(min(ax.get_xlim()[0] for ax in errors), None))
    for ax in axes.flat[len(titles) :]:
        ax.set_axis_off()
    axes[0, 0].set_yticks(range(len(order)), [name.replace("_", " ") for name in order])
    return fig


def _bars(ax: Axes, part: pd.DataFrame, log: bool) -> None:
    floor = 1e-6 if log else -np.inf
    value, spread = part["mean"].clip(lower=floor).to_numpy(), part["sd"].fillna(0.0).to_numpy()
    low = np.minimum(spread, value * 0.95) if log else spread
    colours = [colour(str(name)) for name in part.index]
    ax.barh(range(len(part)), value, xerr=[low, spread], color=colours, height=0.75, error_kw={"lw": 0.8})
    if log:
        ax.set_xscale("log")
        drawn = value[value > floor]
        if len(drawn):  # a whole decade at least, so that the axis has two labels however alike the bars are
            left = 10 ** np.floor(np.log10(0.7 * drawn.min()))
            ax.set_xlim(left, max(1.3 * np.nanmax(value + spread), 12 * left))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.grid(axis="x", color="#eeeeee")
    ax.set_axisbelow(True)


def _points_axis(ax: Axes, table: pd.DataFrame) -> None:
    """Ticks at the numbers of points in column k, and nowhere else, on a log axis."""
    ks = sorted(table["k"].unique())
    ax.set_xticks(ks, [str(k) for k in ks])
    ax.xaxis.set_minor_locator(NullLocator())


def fig_published(panels: dict[str, pd.DataFrame], printed: dict[str, dict[int, float]]) -> Figure:
    """The paper's 5A: error against number of points, one panel a variant, one line a model; crosses: as printed.

    panels: title -> table with columns model, k, seed, mse. Error bars: sd over data seeds.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(3.3 * len(panels) + 1.2, 3.9), sharey=True, squeeze=False)
    lines = _lines(str(model) for table in panels.values() for model in table["model"])
    for i, (ax, (title, table)) in enumerate(zip(axes[0], panels.items(), strict=True)):
        for model, rows in table.groupby("model", sort=False):
            stats = rows.groupby("k")["mse"].agg(["mean", "std"]).fillna(0.0)
            ax.errorbar(
                stats.index, stats["mean"], yerr=np.minimum(stats["std"], 0.9 * stats["mean"]),
                capsize=2, lw=1.2, **lines[str(model)],
            )  # fmt: skip
            if i == 0 and model in printed:
                ax.plot(list(printed[model]), list(printed[model].values()), "x", color=colour(str(model)), ms=6)
        ax.set(title=title, xlabel="time points shown", yscale="log", xscale="log")
        _points_axis(ax, table)
    axes[0, 0].set_ylabel("MSE, seven markers")
    if printed:
        axes[0, 0].plot([], [], "x", color="#222222", ms=6, label="as printed")
    every = dict(pair[::-1] for ax in axes[0] for pair in zip(*ax.get_legend_handles_labels(), strict=True))
    fig.legend(every.values(), every, loc="outside right center")
    return fig


def fig_held_out(table: pd.DataFrame, stated: dict[str, tuple[float, float]]) -> Figure:
    """A whole condition held out: error, and correlation over time, one bar a model.

    table: index model; columns (H/mse | H/time_r, mean | sd | n), MSE in squared fractions of maximum. stated: model ->
    lowest and highest figure it should have, x 1e-3, drawn as crosses; the models of one name with numbers at its end
    share it.
    """
    titles = {"H/mse": "condition held out, seven markers", "H/time_r": "correlation over time"}
    fig = fig_model_comparison(table, titles)
    ax = fig.axes[0]
    for row, label in enumerate(ax.get_yticklabels()):
        name = label.get_text().replace(" ", "_")
        expected = stated.get(name) or stated.get(name.rstrip("_0123456789"))
        if expected:
            ax.plot(np.array(expected) * 1e-3, [row, row], "x-", color="#222222", ms=5, lw=0.8)
    return fig


def fig_data_efficiency(table: pd.DataFrame, goals: dict[str, str]) -> Figure:
    """The paper's 5D: error against the time points a training experiment was seen at.

    table: columns model, k, seed and the measures. goals: measure -> panel title.
    """
    fig, axes = plt.subplots(1, len(goals), figsize=(3.9 * len(goals) + 1.3, 3.7), squeeze=False)
    lines = _lines(table["model"].astype(str))
    for ax, (measure, title) in zip(axes[0], goals.items(), strict=True):
        for model, rows in table.groupby("model", sort=False):
            stats = rows.groupby("k")[measure].agg(["mean", "std"]).fillna(0.0)
            ax.errorbar(
                stats.index, stats["mean"], yerr=np.minimum(stats["std"], 0.9 * stats["mean"].abs()),
                capsize=2, **lines[str(model)],
            )  # fmt: skip
        ax.set(title=title, xlabel="time points a training experiment was seen at", xscale="log")
        _points_axis(ax, table)
        if "_r" not in measure:
            ax.set_yscale("log")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    return fig


def fig_shots(table: pd.DataFrame, titles: dict[str, str], models: dict[str, str]) -> Figure:
    """Error on a network against the experiments shown on it, a panel a setting, mean and sd over worlds.

    table: columns setting, model, count, mean, sd. titles: setting -> title. models: model -> label, in this order.
    """
    counts, lines = sorted(table["count"].unique()), _lines(models)
    fig, axes = plt.subplots(1, len(titles), figsize=(3.3 * len(titles) + 2.2, 3.6), sharey=True, squeeze=False)
    for ax, (setting, title) in zip(axes[0], titles.items(), strict=True):
        for model, label in models.items():
            rows = table[(table["setting"] == setting) & (table["model"] == model)].sort_values("count")
            shown = {"color": SHOT_COLOURS[model]} if model in SHOT_COLOURS else {}
            ax.errorbar(
                [counts.index(count) for count in rows["count"]], rows["mean"],
                yerr=np.minimum(rows["sd"], 0.9 * rows["mean"]), capsize=2, ls=SHOT_LINES.get(model, "-"),
                lw=2.2 if model.startswith("hmlm") else 1.2, **lines[model] | {"label": label} | shown,
            )  # fmt: skip
        ax.set(title=title, xlabel="experiments on the new network", yscale="log")
        ax.set_xticks(range(len(counts)), [str(count) for count in counts])
        ax.grid(axis="y", color="#eeeeee")
    axes[0, 0].set_ylabel("MSE, unseen combinations")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    return fig


def fig_correlation(table: pd.DataFrame) -> Figure:
    """Correlation of predicted with true change: a group a condition, a bar a model, mean and sd over seeds.

    table: columns model, condition, r, a line a seed.
    """
    models, conditions = list(dict.fromkeys(table["model"])), list(dict.fromkeys(table["condition"]))
    fig, ax = plt.subplots(figsize=(1.6 * len(conditions) + 2.5, 3.3))
    width = 0.8 / len(models)
    for i, model in enumerate(models):
        stats = _over_seeds(table[table["model"] == model], "condition", "r").reindex(conditions)
        at = np.arange(len(conditions)) + (i - (len(models) - 1) / 2) * width
        name, bar = model.replace("_", " "), {"lw": 0.8}
        ax.bar(at, stats["mean"], width * 0.92, yerr=_bar(stats), color=colour(model), label=name, error_kw=bar)
    ax.axhline(0, color="#444444", lw=0.6)
    ax.set_xticks(range(len(conditions)), conditions)
    ax.set(ylabel="r of the change from rest", ylim=(min(0.0, table["r"].min() * 1.1), 1.05))
    fig.legend(loc="outside right center")
    return fig


def _over_seeds(table: pd.DataFrame, by: str, measure: str) -> pd.DataFrame:
    """Mean and std over the lines of each value of a column; std is NaN for one line."""
    return table.groupby(by)[measure].agg(["mean", "std"])


def _bar(stats: pd.DataFrame, most: float = np.inf) -> np.ndarray | None:
    """Error bars below and above the mean, the lower one at most this share of it; None where there is no spread."""
    sd = stats["std"].to_numpy()
    if np.isnan(sd).all():
        return None
    return np.stack([np.minimum(sd, most * stats["mean"].abs()), sd])


def fig_cost(table: pd.DataFrame) -> Figure:
    """Seconds and memory against network size, log-log; columns model, species, seconds, megabytes."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.5))
    lines = _lines(table["model"].astype(str))
    for model, rows in table.groupby("model", sort=False):
        for ax, column in zip(axes, ("seconds", "megabytes"), strict=True):
            known = rows.dropna(subset=[column])
            ax.plot(known["species"], known[column], **lines[str(model)] | {"label": str(model)})
    for ax, label in zip(axes, ("seconds, forward and backward", "memory kept for backward (MB)"), strict=True):
        ax.set(xscale="log", yscale="log", xlabel="species", ylabel=label)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return fig


def fig_reconstruction(table: pd.DataFrame, noise_sd: float) -> Figure:
    """Error of the reconstructed trajectory against points seen, mean and sd over seeds; dashed: without a forecast.

    table: columns model, k, mse, a line a seed.
    """
    fig, ax = plt.subplots(figsize=(6.4, 3.9))
    curves, lines = ("linear", "log_linear", "pchip", "gp_of_time"), _lines(table["model"].astype(str))
    for model, rows in table.groupby("model", sort=False):
        stats = _over_seeds(rows, "k", "mse")
        own = lines[str(model)]
        style, label = ("--", own["label"]) if model in curves else ("-", f"GP on {own['label']}")
        ax.plot(stats.index, stats["mean"], style, **own | {"label": label})
        if (bar := _bar(stats, 0.9)) is not None:
            ax.errorbar(stats.index, stats["mean"], yerr=bar, fmt="none", capsize=2, ecolor=own["color"], lw=0.8)
    ax.axhline(noise_sd**2, color="#444444", ls=":", lw=1)
    ax.set(xscale="log", yscale="log", xlabel="points of the trajectory seen", ylabel="MSE, all species")
    _points_axis(ax, table)
    fig.legend(loc="outside right center")
    return fig


def fig_times(choices: dict[str, Sequence[float]], error: pd.DataFrame) -> Figure:
    """Choices of measuring times (hours, log axis) beside the error each leads to, mean and sd over seeds.

    choices: name -> times of one seed. error: columns choice, mse, a line a seed.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 2.4), width_ratios=[2.2, 1], sharey=True)
    stats = _over_seeds(error, "choice", "mse").loc[list(choices)]
    ends = stats["mean"] + stats["std"].fillna(0.0)
    bars = [None] * len(stats) if (bar := _bar(stats, 1.0)) is None else [one[:, None] for one in bar.T]
    for row, (name, times) in enumerate(choices.items()):
        left.plot(times, np.full(len(times), row), "o", color=MODEL_COLOURS["hmlm"], ms=6)
        left.axhline(row, color="#eeeeee", lw=1, zorder=0)
        right.barh(row, stats.loc[name, "mean"], xerr=bars[row], color=OTHER, height=0.6, error_kw={"lw": 0.8})
        right.text(ends[name], row, f" {stats.loc[name, 'mean']:.5f}", va="center", size=8)
    left.set_yticks(range(len(choices)), list(choices))
    left.set(xscale="log", xlabel="measured at (h)", ylim=(len(choices) - 0.5, -0.5))
    right.set(xlabel="MSE", xlim=(0, 1.35 * ends.max()))
    return fig
