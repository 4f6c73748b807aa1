"""The explorer's picture: what each model says of the same cell, side by side, on paper or under sliders."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hmlm_lib.figures.style import MODEL_COLOURS

AT_MOST = 8  # species in one picture; more colours are not told apart
_PALETTE = sns.color_palette("colorblind", AT_MOST)

Courses = Mapping[str, xr.DataArray]  # model -> activities (time, species); the first is what the others are held to


def draw_row(axes: Sequence[Axes], courses: Courses, species: Sequence[str], lasts_h: float) -> list[list[Line2D]]:
    """One panel a model; dotted: the first model again, behind the others. Shaded: while the stimulus lasts.

    Returns the lines of every panel: those of its model, then (beyond the first panel) the dotted ones.
    """
    truth, lines = next(iter(courses.values())), []
    for number, (ax, (name, course)) in enumerate(zip(axes, courses.items(), strict=True)):
        ax.axvspan(0, lasts_h, color="#f0ead6", zorder=0)
        drawn = [
            ax.plot(course.time, course.sel(species=s), color=c, label=s)[0]
            for s, c in zip(species, _PALETTE, strict=False)
        ]
        if number:
            drawn += [
                ax.plot(truth.time, truth.sel(species=s), color=c, ls=":", lw=1.2)[0]
                for s, c in zip(species, _PALETTE, strict=False)
            ]
        ax.set_title(name)
        ax.set(ylim=(-0.03, 1.05), xlim=(float(truth.time[0]), float(truth.time[-1])))
        lines.append(drawn)
    return lines


def label_panels(fig: Figure, last_row: Sequence[Axes], first_column: Sequence[Axes], dotted: str) -> None:
    """Axis labels and one legend for all panels: the species, and what is dotted."""
    for ax in last_row:
        ax.set_xlabel("time after stimulus (h)")
    for ax in first_column:
        ax.set_ylabel("activity (fraction of max.)")
    handles, labels = last_row[0].get_legend_handles_labels()
    handles.append(Line2D([], [], color="#555555", ls=":", lw=1.2))
    fig.legend(handles, [*labels, dotted], loc="outside upper center", ncols=min(len(handles), 6), fontsize=9)


def fig_side_by_side(rows: Mapping[str, Courses], species: Sequence[str], lasts_h: Sequence[float]) -> Figure:
    """One row a setting, one column a model; lasts_h: hours of stimulus in each row."""
    columns = list(next(iter(rows.values())))
    fig, axes = plt.subplots(
        len(rows), len(columns), figsize=(8.4, 2.4 * len(rows) + 0.6), sharex=True, sharey=True, squeeze=False
    )
    for row, (name, courses), hours in zip(axes, rows.items(), lasts_h, strict=True):
        draw_row(row, courses, species, hours)
        for ax, column in zip(row, columns, strict=True):
            ax.set_title(f"{column}: {name}", size=9)
    label_panels(fig, axes[-1], axes[:, 0], f"{columns[0]} again")
    return fig


def fig_pulses(ends: pd.DataFrame, species: str, stimulus: str) -> Figure:
    """What is left of a stimulus, against how long it lasted; one panel a cell, one line a model.

    ends: columns cell, model ("simulator" or "HMLM"), hours, activity.
    """
    cells = list(dict.fromkeys(ends["cell"]))
    fig, axes = plt.subplots(1, len(cells), figsize=(4.0 * len(cells), 3.0), sharey=True, squeeze=False)
    looks = {
        "simulator": {"color": MODEL_COLOURS["oracle"], "marker": "o", "ms": 4},
        "HMLM": {"color": MODEL_COLOURS["hmlm"], "marker": "s", "ms": 4, "ls": "--"},
    }
    for ax, cell in zip(axes[0], cells, strict=True):
        for model, rows in ends[ends["cell"] == cell].groupby("model", sort=False):
            ax.plot(rows["hours"], rows["activity"], label=model, **looks[model])
        ax.set_title(cell)
        ax.set(xlabel=f"hours of {stimulus}", ylim=(-0.03, 1.03))
    axes[0, 0].set_ylabel(f"{species} in the end (fraction of max.)")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=9)
    return fig
