"""Time courses of real cells: what stimulus, what inhibitor, and signals in log2 units at a few times.

Intensities become log2, so that a difference of 1 is a doubling whatever the antibody. Nothing is imputed: what was not
measured is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float, Int

from hmlm_lib.data import fetch
from hmlm_lib.errors import ExperimentError, TableError, did_you_mean
from hmlm_lib.experiments import positions
from hmlm_lib.midas import Midas, read_midas
from hmlm_lib.network.network import SignalingNetwork

LINES = ("BT20", "BT549", "MCF7", "UACC812")  # of the HPN-DREAM challenge
NONE = "none"


@dataclass(frozen=True, eq=False)
class Courses:
    """Conditions of one cell line.

    stimulus, inhibitor [condition]: names, `none` without one. times: minutes, the first is the start. log2: NaN where
    nothing was measured, and after `shown_at` where a model may not look. notes: what its reader should know, in lines.
    """

    line: str
    stimulus: tuple[str, ...]
    inhibitor: tuple[str, ...]
    times: Float[np.ndarray, " time"]
    signals: tuple[str, ...]
    log2: Float[np.ndarray, "condition time signal"]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.stimulus)

    def take(self, rows: Sequence[int] | Int[np.ndarray, " row"] | Bool[np.ndarray, " condition"]) -> "Courses":
        """Some conditions, by index or mask; ExperimentError for one that is not there."""
        chosen = positions(rows, len(self), f"conditions of {self.line}")
        names = {n: tuple(getattr(self, n)[i] for i in chosen) for n in ("stimulus", "inhibitor")}
        return replace(self, log2=self.log2[chosen], **names)

    def shown_at(self, times: Sequence[int]) -> "Courses":
        """The same conditions with everything hidden but these times, by index; ExperimentError as `take`."""
        seen = positions(times, len(self.times), "times")
        hidden = np.full_like(self.log2, np.nan)
        hidden[:, seen] = self.log2[:, seen]
        return replace(self, log2=hidden)

    @property
    def change(self) -> Float[np.ndarray, "condition time signal"]:
        """log2 minus its value at the start."""
        return self.log2 - self.log2[:, :1]


def from_midas(table: Midas, where: str = "") -> Courses:
    """Replicates averaged, log2. TableError where an intensity is not positive or a signal of a condition has no start.

    Names hold no level: conditions that differ in level alone get the same ones (`own.read` takes no such table).
    """
    mean = table.mean()
    wrong = np.argwhere((table.values.values <= 0).any(2))
    if len(wrong):
        c, t, s = wrong[0]
        raise TableError(
            f"{table.cell_line}, {mean.signal.values[s]} in condition {str(mean.condition.values[c])!r} at "
            f"{mean.time.values[t]:g} is not positive; allowed: intensities above 0, which have a logarithm"
        )
    _check_starts(table, mean, where or table.cell_line)
    return Courses(
        table.cell_line,
        _names(table.stimuli),
        _names(table.inhibitors),
        mean.time.values.astype(float),
        tuple(map(str, mean.signal.values)),
        np.log2(mean.values),
    )


def _check_starts(table: Midas, mean: xr.DataArray, where: str) -> None:
    """The change of a signal, which models learn, counts from its start."""
    unseen = np.argwhere(np.isnan(mean.values[:, 0]))
    if len(unseen):
        c, s = unseen[0]
        signal, stimulus, inhibitor = mean.signal.values[s], _names(table.stimuli)[c], _names(table.inhibitors)[c]
        raise TableError(
            f"{where}: signal {str(signal)!r} with inhibitor {inhibitor!r} has no value at the first time, "
            f"from which stimulus {stimulus!r} starts; allowed: a start each; later values alone may be empty"
        )


def _names(levels: pd.DataFrame) -> tuple[str, ...]:
    return tuple(" + ".join(levels.columns[np.flatnonzero(row)]) or NONE for row in levels.to_numpy())


def load(line: str) -> Courses:
    """A cell line of the HPN-DREAM challenge by `fetch`; TableError for another name."""
    if line not in LINES:
        raise TableError(f"no cell line {line!r}{did_you_mean(line, LINES)}; allowed: {', '.join(LINES)}")
    return from_midas(read_midas(fetch(f"MD-{line}_main_for_null")))


def check_times_alike(every: Sequence[Courses]) -> None:
    """ExperimentError for courses that were measured at other times than the first."""
    first = every[0]
    for other in every[1:]:
        if not np.array_equal(other.times, first.times):
            raise ExperimentError(
                f"{other.line} was measured at {other.times.tolist()} minutes, {first.line} at {first.times.tolist()}; "
                "allowed: the same times"
            )


def parts(treatment: str) -> tuple[str, ...]:
    """What a treatment holds: A and B of `A + B`, nothing of `none`."""
    return () if treatment == NONE else tuple(treatment.split(" + "))


def matched(courses: Courses, network: SignalingNetwork) -> pd.DataFrame:
    """Which signal and single stimulus is which species, spelled alike or not: columns what, name, species or empty."""
    by_name = {name.casefold(): name for name in network.species_names}
    stimuli = dict.fromkeys(part for name in courses.stimulus for part in parts(name))
    rows = [("signal", name) for name in courses.signals] + [("stimulus", name) for name in stimuli]
    table = pd.DataFrame(rows, columns=["what", "name"])
    return table.assign(species=[by_name.get(name.casefold(), "") for name in table["name"]])
