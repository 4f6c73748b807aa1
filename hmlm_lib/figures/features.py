"""Figures of temporal features and of the topology prior."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmlm_lib.figures.network import module_order
from hmlm_lib.figures.style import SEQUENTIAL_MAP
from hmlm_lib.network.network import SignalingNetwork

SPECIES_COLOURS = ("#0072b2", "#e69f00", "#117733", "#aa3377", "#444444")


def fig_temporal_features(features: xr.DataArray, species: list[str], title: str) -> Figure:
    """One panel a feature, one line a species, over time; `features` has dims (time, species, feature)."""
    names = [str(name) for name in features.feature.values]
    fig, axes = plt.subplots(1, len(names), figsize=(3.1 * len(names), 3.2), squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        for colour, one in zip(SPECIES_COLOURS, species, strict=False):
            line = features.sel(feature=name, species=one)
            ax.plot(line.time, line, color=colour, label=one)
        ax.set(title=name, xlabel="time (h)")
        ax.set_ylabel("activity / h" if name == "derivative" else "activity")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(species), fontsize=9)
    fig.suptitle(title, x=0.01, ha="left", size=9)
    return fig


def fig_pair_matrix(
    matrices: dict[str, np.ndarray], network: SignalingNetwork, colour_label: str, cmap: str = SEQUENTIAL_MAP
) -> Figure:
    """Matrices [target, source] side by side, both axes ordered and labelled by module."""
    modules = module_order(network)
    module = network.species["module"].to_numpy()
    order = np.concatenate([np.flatnonzero(module == name) for name in modules])
    size = [int((module == name).sum()) for name in modules]
    fig, axes = plt.subplots(1, len(matrices), figsize=(6.0 * len(matrices) + 0.8, 5.8), sharey=True, squeeze=False)
    for ax, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        image = ax.imshow(
            matrix[np.ix_(order, order)], cmap=cmap, vmin=0, vmax=1, interpolation="nearest", aspect="auto"
        )
        _module_axes(ax, modules, size)
        ax.set(title=title, xlabel="source (regulator), by module")
    axes[0, 0].set_ylabel("target, by module")
    fig.colorbar(image, ax=axes[0], label=colour_label, shrink=0.7)
    return fig


def _module_axes(ax: Axes, modules: list[str], size: list[int]) -> None:
    edge = np.concatenate([[0], np.cumsum(size)]) - 0.5
    for cut in edge[1:-1]:
        ax.axhline(cut, color="white", lw=0.4)
        ax.axvline(cut, color="white", lw=0.4)
    names = [module.replace("_", " ") for module in modules]
    ax.set_xticks((edge[:-1] + edge[1:]) / 2, names, rotation=45, ha="right")
    ax.set_yticks((edge[:-1] + edge[1:]) / 2, names)


def fig_correlation_by_distance(table: pd.DataFrame) -> Figure:
    """Largest |lagged correlation| of species pairs, by path length; `table` has columns path, correlation."""
    fig, ax = plt.subplots(figsize=(6.2, 3.4))
    order = list(dict.fromkeys(table["path"]))
    sns.boxplot(
        table, x="path", y="correlation", order=order, ax=ax, color="#8fb3cc", width=0.6, fliersize=1, linewidth=1
    )
    counts = table["path"].value_counts()
    ax.set_xticks(range(len(order)), [f"{name}\n{counts[name]} pairs" for name in order])
    ax.set(xlabel="shortest path from source to target", ylabel="largest |r| over lags", ylim=(-0.02, 1.02))
    return fig
