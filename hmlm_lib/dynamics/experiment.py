"""What is done to the cell: conditions (stimuli, knock-outs, inhibitors, over-expression), times, measurement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from jaxtyping import Float

from hmlm_lib.errors import ExperimentError, check_whole, did_you_mean, interval
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.seeds import check_seed

Course = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Condition:
    """One experimental condition.

    stimulus: species -> level in [0, 1] from t = 0 on, or its course as pairs (time in hours >= 0, level).
    interpolation: `step` (a level holds until the next pair) or `linear` (straight lines between pairs).
    knockout: species whose ymax is 0. inhibit: species -> fraction of ymax removed, in [0, 1].
    overexpress: species -> factor >= 1 on ymax.
    perturb_at: `baseline` (a knock-out line: perturbed long before the stimulus) or `stimulus` (a drug given at t = 0).
    stimulus, knockout, inhibit, overexpress: None is none. Raises ExperimentError for another type or choice.
    """

    name: str
    stimulus: Mapping[str, float | Course] = field(default_factory=dict)
    knockout: Sequence[str] = ()
    inhibit: Mapping[str, float] = field(default_factory=dict)
    overexpress: Mapping[str, float] = field(default_factory=dict)
    perturb_at: str = "baseline"
    interpolation: str = "step"

    def __post_init__(self) -> None:
        if isinstance(self.knockout, str):
            object.__setattr__(self, "knockout", (self.knockout,))
        for name, kind in (
            ("stimulus", Mapping),
            ("inhibit", Mapping),
            ("overexpress", Mapping),
            ("knockout", Iterable),
        ):
            value = getattr(self, name)
            if value is None:
                object.__setattr__(self, name, () if name == "knockout" else {})
            elif not isinstance(value, kind):
                allowed = "names of species" if name == "knockout" else "a dict from species to number"
                raise ExperimentError(f"condition {self.name!r}: {name} is {value!r}; allowed: {allowed}")
        _one_of(self, "perturb_at", ("baseline", "stimulus"))
        _one_of(self, "interpolation", ("step", "linear"))


def _one_of(condition: Condition, name: str, allowed: tuple[str, ...]) -> None:
    value = getattr(condition, name)
    if value not in allowed:
        raise ExperimentError(f"condition {condition.name!r}: {name} is {value!r}; allowed: {', '.join(allowed)}")


def _in_range(value: object, low: float, high: float, what: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if not (low <= number <= high and number < np.inf):
        raise ExperimentError(f"{what} is {value!r}; allowed: a number in {interval(low, high)}")
    return number


def ymax_factors(network: SignalingNetwork, condition: Condition) -> Float[np.ndarray, " species"]:
    """Factor on each species' ymax: 0 for a knock-out, 1 - fraction for an inhibitor, >= 1 for over-expression.

    Raises ExperimentError for an unknown species (with the nearest name) or a number out of range.
    """
    factor = np.ones(len(network.species_names))
    where = f"condition {condition.name!r}"
    for species in condition.knockout:
        factor[position(network, species, f"{where}, knockout")] = 0.0
    for species, fraction in condition.inhibit.items():
        what = f"{where}, inhibit {species}"
        factor[position(network, species, what)] *= 1 - _in_range(fraction, 0, 1, what)
    for species, times in condition.overexpress.items():
        what = f"{where}, overexpress {species}"
        factor[position(network, species, what)] *= _in_range(times, 1, np.inf, what)
    return factor


def position(network: SignalingNetwork, species: str, where: str) -> int:
    """Index of a species; ExperimentError with `where` and the nearest name if the network has none such."""
    if species not in network.index:
        raise ExperimentError(
            f"{where}: network {network.name!r} has no species {species!r}"
            f"{did_you_mean(species, network.species_names)}"
        )
    return network.index[species]


def course(condition: Condition, species: str) -> tuple[np.ndarray, np.ndarray]:
    """Times (hours, increasing, >= 0) and levels (in [0, 1]) of one stimulus of a condition."""
    given = condition.stimulus[species]
    what = f"condition {condition.name!r}, stimulus {species}"
    if np.isscalar(given):
        given = [(0.0, given)]
    try:
        pairs = [(time, level) for time, level in given]  # type: ignore[union-attr]
    except (TypeError, ValueError):
        raise ExperimentError(f"{what} is {given!r}; allowed: a level, or pairs (hours, level)") from None
    if not pairs:
        raise ExperimentError(f"{what} is empty; allowed: a level, or pairs (hours, level)")
    times = np.array([_in_range(time, 0, 1e9, f"{what}, time") for time, _ in pairs])
    if (np.diff(times) <= 0).any():
        raise ExperimentError(f"{what}: times {times.tolist()} do not increase")
    return times, np.array([_in_range(level, 0, 1, f"{what}, level") for _, level in pairs])


def in_hours(times: Sequence[float] | np.ndarray) -> np.ndarray:
    """Times as float64, timedeltas as hours; TypeError or ValueError for dates and all that is no real number."""
    times = np.asarray(times)
    if times.dtype.kind in "Mc":
        raise TypeError("dates have no zero, complex numbers no order")
    return np.asarray(times / np.timedelta64(1, "h") if times.dtype.kind == "m" else times, dtype=float)


def check_times(times_h: Sequence[float] | np.ndarray) -> Float[np.ndarray, " time"]:
    """Observation times as float64, in hours; ExperimentError unless finite, >= 0 and strictly increasing.

    Time differences (numpy's and pandas' timedeltas) are converted; dates are refused.
    """
    try:
        times = in_hours(times_h)
    except (TypeError, ValueError):
        raise ExperimentError("times_h holds something that is not a number of hours") from None
    if times.ndim != 1 or len(times) == 0:
        raise ExperimentError(f"times_h has shape {times.shape}; allowed: a list of at least one time")
    for row, time in enumerate(times):
        if not 0 <= time < np.inf:
            raise ExperimentError(f"times_h[{row}] is {time}; allowed: finite hours >= 0")
        if row and time <= times[row - 1]:
            raise ExperimentError(
                f"times_h[{row}] = {time:g} does not exceed the time before it, {times[row - 1]:g}; times must increase"
            )
    return times


def observation_times(k: int, horizon_h: float, spacing: str = "log") -> Float[np.ndarray, " time"]:
    """k times from 0 to horizon_h, `uniform` or `log` (dense early: equal steps of log(1 + t))."""
    check_whole(k, "k", 2, ExperimentError)
    if not 0 < horizon_h < np.inf:
        raise ExperimentError(f"horizon_h is {horizon_h}; allowed: more than 0 h")
    if spacing == "uniform":
        return np.linspace(0.0, horizon_h, k)
    if spacing == "log":
        return np.concatenate([[0.0], np.geomspace(1.0, 1.0 + horizon_h, k)[1:-1] - 1.0, [horizon_h]])
    raise ExperimentError(f"spacing is {spacing!r}; allowed: uniform, log")


def observe(
    trajectories: xr.DataArray,
    times_h: Sequence[float] | np.ndarray,
    noise_sd: float,
    seed: int,
    species: str | Sequence[str] | None = None,
) -> xr.DataArray:
    """What an experiment would measure: given times, Gaussian noise of sd `noise_sd`, unmeasured species NaN.

    trajectories: (condition, time, species); times_h must be among its times. Values are not clipped: a detector's
    noise does not know that activities lie in [0, 1]. ExperimentError for times, noise_sd, a seed or species that
    cannot be.
    """
    check_seed(seed, ExperimentError)
    _in_range(noise_sd, 0, np.inf, "noise_sd")
    times = check_times(times_h)
    absent = [time for time in times if not np.isclose(trajectories.time.values, time, atol=1e-9).any()]
    if absent:
        raise ExperimentError(f"times_h {absent} are not among the trajectory's times; simulate them first")
    seen = trajectories.sel(time=times, method="nearest")
    noise = np.random.default_rng(seed).normal(0.0, noise_sd, seen.shape)
    measured = seen + noise
    if species is None:
        return measured
    species = [species] if isinstance(species, str) else list(species)
    known = set(map(str, trajectories.species.values))
    for name in species:
        if name not in known:
            raise ExperimentError(f"species {name!r} is not in the trajectories{did_you_mean(name, known)}")
    return measured.where(measured.species.isin(species))
