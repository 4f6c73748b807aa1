"""Many experiments on one network: what was done to the cell, how it started, what was measured.

The one data type that every model reads: `fit(experiments) -> self` and `predict(experiments, times_h)`, where
predict may use everything but `activity`.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from hmlm_lib.dynamics.experiment import Condition, check_times, ymax_factors
from hmlm_lib.dynamics.simulate import as_data_array
from hmlm_lib.errors import ExperimentError, ModelError, did_you_mean, interval
from hmlm_lib.files import digest
from hmlm_lib.network.network import SignalingNetwork, check_network

LEAST, MOST = -0.5, 2.0  # measured fractions of maximum with noise; beyond these the units are likely others
Trajectories = Float[np.ndarray, "condition time species"]


@dataclass(frozen=True, eq=False)
class Experiments:
    """Conditions on one network, each seen at the same times.

    network: what is known of the wiring; its species are the species axis. stimulus: input level of every species
    from t = 0 on, in [0, 1]. factor: on ymax from t = 0 on; 0 knock-out, 1 untouched, > 1 over-expression. y0: state
    at t = 0. times_h: hours, increasing. activity: measured fraction of maximum; NaN where nothing was measured. Models
    that are fitted to values far from 0 to 1 warn of them.

    Raises ExperimentError, naming condition, time and species, for values that no model can read.
    """

    network: SignalingNetwork
    names: tuple[str, ...]
    stimulus: Float[np.ndarray, "condition species"]
    factor: Float[np.ndarray, "condition species"]
    y0: Float[np.ndarray, "condition species"]
    times_h: Float[np.ndarray, " time"]
    activity: Trajectories

    def __post_init__(self) -> None:
        check_network(self.network)
        object.__setattr__(self, "times_h", check_times(self.times_h))
        flat = (len(self.names), len(self.network.species_names))
        shapes = {"stimulus": flat, "factor": flat, "y0": flat, "activity": (flat[0], len(self.times_h), flat[1])}
        for name, shape in shapes.items():
            value = np.asarray(getattr(self, name), dtype=float)
            if value.shape != shape:
                raise ExperimentError(f"experiments, {name} has shape {value.shape}; allowed: {shape}")
            object.__setattr__(self, name, value)
        for name, high in (("stimulus", 1.0), ("factor", np.inf), ("y0", np.inf)):
            self._check(name, high)
        if np.isinf(self.activity).any():
            at = np.argwhere(np.isinf(self.activity))[0]
            raise ExperimentError(f"experiments, activity{self._where(at)} is infinite; allowed: numbers, or NaN")

    def _check(self, name: str, high: float) -> None:
        value = getattr(self, name)
        wrong = ~((value >= 0) & (value <= high) & np.isfinite(value))
        if wrong.any():
            row, species = np.argwhere(wrong)[0]
            raise ExperimentError(
                f"experiments, {name} of {self.network.species_names[species]} in condition {self.names[row]!r} is "
                f"{value[row, species]}; allowed: a number in {interval(0, high)}"
            )

    def _where(self, at: np.ndarray) -> str:
        condition, time, species = at
        return (
            f" of {self.network.species_names[species]} in condition {self.names[condition]!r} at "
            f"{self.times_h[time]:g} h"
        )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def measured(self) -> Bool[np.ndarray, "condition time species"]:
        """Where something was measured."""
        return ~np.isnan(self.activity)

    @property
    def wild_type(self) -> Bool[np.ndarray, " condition"]:
        """Conditions in which no species' ymax was touched."""
        return (self.factor == 1).all(1)

    def take(self, rows: Sequence[int] | Int[np.ndarray, " row"] | Bool[np.ndarray, " condition"]) -> "Experiments":
        """Some conditions, by index or mask; ExperimentError for one that is not there."""
        rows = positions(rows, len(self), "conditions")
        return replace(
            self,
            names=tuple(self.names[i] for i in rows),
            stimulus=self.stimulus[rows],
            factor=self.factor[rows],
            y0=self.y0[rows],
            activity=self.activity[rows],
        )

    def at(self, times: Sequence[int] | Int[np.ndarray, " time"]) -> "Experiments":
        """The same conditions at some of the times, by index; ExperimentError for one that is not there."""
        times = positions(times, len(self.times_h), "times")
        return replace(self, times_h=self.times_h[times], activity=self.activity[:, times])

    def thin(self, k: int) -> "Experiments":
        """The same conditions at k of their times, spread by rank, first and last kept; ExperimentError if too few."""
        if not isinstance(k, Integral) or not 1 <= k <= len(self.times_h):
            raise ExperimentError(
                f"k is {k}, but there are {len(self.times_h)} points; allowed: 1 to {len(self.times_h)}"
            )
        return self.at(np.linspace(0, len(self.times_h) - 1, k).round().astype(int))

    def without(self) -> "Experiments":
        """The same conditions with nothing measured: what a model may see of a test."""
        return replace(self, activity=np.full_like(self.activity, np.nan))

    def to_data_array(self, values: Trajectories | None = None, times_h: np.ndarray | None = None) -> xr.DataArray:
        """Values (default: what was measured) with the names of conditions, species and modules."""
        values = self.activity if values is None else values
        return as_data_array(values, self.names, self.times_h if times_h is None else times_h, self.network)

    @classmethod
    def from_data_array(
        cls, network: SignalingNetwork, conditions: Sequence[Condition], y0: np.ndarray, data: xr.DataArray
    ) -> "Experiments":
        """Experiments from labelled measurements: dims (condition, time, species); constant stimuli only.

        Species that were not measured may be absent (they become NaN). Raises ExperimentError for a species that
        the network lacks, a condition that is missing or a stimulus that changes with time.
        """
        dims = getattr(data, "dims", f"of a {type(data).__name__}")
        if not isinstance(data, xr.DataArray) or set(dims) != {"condition", "time", "species"}:
            raise ExperimentError(f"measurements: dims {dims}; allowed: a DataArray of condition, time and species")
        data = data.assign_coords(condition=[str(name) for name in data.condition.values])
        measured = [str(name) for name in data.species.values]
        for name in measured:
            if name not in network.index:
                raise ExperimentError(
                    f"measurements: network {network.name!r} has no species {name!r}"
                    f"{did_you_mean(name, network.species_names)}"
                )
        for axis, values in (("condition", data.condition.values), ("species", data.species.values)):
            twice = [name for name, count in Counter(map(str, values)).items() if count > 1]
            if twice:
                raise ExperimentError(f"measurements: {axis} {twice[0]!r} is there more than once; allowed: once")
        absent = [c.name for c in conditions if str(c.name) not in data.condition.values]
        if absent:
            raise ExperimentError(f"measurements: condition {absent[0]!r} is missing")
        if "time" not in data.coords:
            raise ExperimentError("measurements: the axis time has no values; allowed: hours")
        activity = np.full((len(conditions), data.sizes["time"], len(network.species_names)), np.nan)
        rows = data.sel(condition=[str(c.name) for c in conditions]).transpose("condition", "time", "species")
        activity[:, :, [network.index[name] for name in measured]] = rows.values
        return replace(cls.asked(network, conditions, y0, rows.time.values), activity=activity)

    @classmethod
    def asked(
        cls, network: SignalingNetwork, conditions: Sequence[Condition], y0: np.ndarray, times_h: Sequence[float]
    ) -> "Experiments":
        """Conditions of which nothing was measured, to be foretold at times_h (hours); constant stimuli only.

        y0: [condition, species]. ExperimentError for a stimulus that changes with time, or a species that is not there.
        """
        check_network(network)
        times_h = check_times(times_h)
        return cls(
            network=network,
            names=tuple(c.name for c in conditions),
            stimulus=np.array([held_levels(network, c) for c in conditions]),
            factor=np.array([ymax_factors(network, c) for c in conditions]),
            y0=np.asarray(y0, dtype=float),
            times_h=times_h,
            activity=np.full((len(conditions), len(times_h), len(network.species_names)), np.nan),
        )


def positions(which: Sequence[int] | np.ndarray, count: int, what: str) -> Int[np.ndarray, " chosen"]:
    """Positions by index or mask; ExperimentError for one that is not there."""
    try:
        return np.arange(count)[np.asarray(which) if np.size(which) else slice(0)]
    except IndexError:
        raise ExperimentError(f"{what} {which}; allowed: indices below {count}, or a mask of that length") from None


def same_species(network: SignalingNetwork, experiments: Experiments) -> None:
    """ModelError where experiments have other species than the network that a model was made for, or another order."""
    own, theirs = network.species_names, experiments.network.species_names
    for name in theirs:
        if name not in network.index:
            raise ModelError(
                f"experiments hold species {name!r}, which the model's network {network.name!r} lacks"
                f"{did_you_mean(name, own)}"
            )
    if own != theirs:
        raise ModelError(
            f"experiments are on network {experiments.network.name!r} with {len(theirs)} species; the model is on "
            f"{network.name!r} with {len(own)}, in the order of its table"
        )


def warn_beyond(times_h: Float[np.ndarray, " time"], horizon_h: float) -> None:
    """Warn where times lie beyond what a model was trained on; 0: it was not trained."""
    if horizon_h and times_h[-1] > 1.001 * horizon_h:
        warnings.warn(f"predicting to {times_h[-1]:g} h, trained to {horizon_h:g} h: extrapolation", stacklevel=3)


def warn_units(experiments: Experiments) -> None:
    """Warn, naming the first, where measured values cannot well be fractions of maximum. For `fit`, of what it reads.

    Allowed: LEAST to MOST; for species whose ymax, times the condition's factor, is above 1, to MOST times that.
    """
    e = experiments
    most = MOST * np.maximum(1.0, e.network.arrays.ymax * e.factor)[:, None]
    strange = np.argwhere((e.activity < LEAST) | (e.activity > most))
    if len(strange):
        warnings.warn(
            f"experiments, activity{e._where(strange[0])} is {e.activity[tuple(strange[0])]:g} ({len(strange)} of "
            f"{e.measured.sum()} measured values are like it); expected: fractions of maximum, about 0 to 1",
            stacklevel=4,  # whoever called `fit`, which calls its check
        )


def wiring(network: SignalingNetwork) -> str:
    """Digest of what models read from a network beside the names."""
    a = network.arrays
    return digest(a.source, a.inhibits, a.reaction, a.product, a.has_input, a.module, a.tau, a.ymax)


def fingerprint(experiments: Experiments) -> str:
    """Digest of wiring, treatments and measurements: what a checkpoint shares with the training that resumes it."""
    e = experiments
    names = np.array([wiring(e.network), *e.network.species_names])
    return digest(names, e.stimulus, e.factor, e.y0, e.times_h, e.activity)


def held_levels(network: SignalingNetwork, condition: Condition) -> Float[np.ndarray, " species"]:
    """Input level of every species under a condition whose stimuli are held from t = 0 on."""
    level = network.arrays.input_level.copy()
    for species, given in condition.stimulus.items():
        if given is None or (np.isscalar(given) and not isinstance(given, Real)):
            raise ExperimentError(
                f"condition {condition.name!r}, stimulus {species}, level is {given!r}; allowed: a number in [0, 1]"
            )
        if not np.isscalar(given):
            raise ExperimentError(
                f"condition {condition.name!r}, stimulus {species} changes with time; allowed here: one level"
            )
        if species not in network.index:
            raise ExperimentError(
                f"condition {condition.name!r}: network {network.name!r} has no species {species!r}"
                f"{did_you_mean(species, network.species_names)}"
            )
        level[network.index[species]] = float(given)
    return level
