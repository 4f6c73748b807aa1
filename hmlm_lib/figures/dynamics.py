"""Figures of the dynamics: time courses, dose response, knock-out screen."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from hmlm_lib.figures.network import module_order
from hmlm_lib.figures.style import CONDITION_COLOURS, DIVERGING_MAP
from hmlm_lib.network.network import SignalingNetwork


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
    modules = module_order(network)
    order = [name for module in modules for name in network.species.index[network.species["module"] == module]]
    values = change.sel(knockout=order, species=order).to_pandas()
    fig, ax = plt.subplots(figsize=(8.6, 7.6))
    sns.heatmap(
        values, ax=ax, cmap=DIVERGING_MAP, center=0, vmin=-1, vmax=1, xticklabels=False, yticklabels=False,
        cbar_kws={"label": "change of activity (fraction of max.)", "shrink": 0.6}, rasterized=True,
    )  # fmt: skip
    size = network.species["module"].value_counts().reindex(modules)
    edge = np.concatenate([[0], size.cumsum()])
    for cut in edge[1:-1]:
        ax.axhline(cut, color="#888888", lw=0.5)
        ax.axvline(cut, color="#888888", lw=0.5)
    middle = (edge[:-1] + edge[1:]) / 2
    labels = [module.replace("_", " ") for module in modules]
    ax.set_xticks(middle, labels, rotation=45, ha="right")
    ax.set_yticks(middle, labels, rotation=0)
    ax.set(xlabel="responding species, by module", ylabel="knocked-out species, by module")
    return fig
