"""Task A without a model: a test condition's whole trajectory from its own k noisy points, as a table with rows.

All start from the known rest state; what they know besides is the sd of the noise. Beside them stand the models that
learned from other experiments, whose forecast is corrected by the same points (`A` of the settings in BESIDE).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.interpolate import UnivariateSpline

from hmlm_lib.device import one_thread
from hmlm_lib.errors import ExperimentError, pick
from hmlm_lib.evaluation.reconstruct import correct, interpolate
from hmlm_lib.evaluation.rows import COMMON, make_row
from hmlm_lib.evaluation.score import by_condition, mse
from hmlm_lib.evaluation.tasks import NOISE_SD, Benchmark, benchmark
from hmlm_lib.experiments import Experiments

SETTINGS: dict[str, dict] = {f"reconstruct_k{k}": {"k": k} for k in (4, 8, 16)}
BESIDE = {name: name.removeprefix("reconstruct_") for name in SETTINGS}  # same worlds, conditions and points
START_WEIGHT = 1e3  # of the known rest state, in units of 1 / sd of a point

Times = Float[np.ndarray, " time"]
Values = Float[np.ndarray, "condition time species"]


def gp_of_time(seen: Experiments, times_h: Times) -> Values:
    """A Gaussian process over log(1 + t) about the rest state; length and amplitudes of each trajectory by its own
    marginal likelihood (Eq. (1) of reconstruct.py, one condition at a time).
    """
    found = []
    for row in range(len(seen)):
        one = seen.take([row])
        at_points, at_times = (np.repeat(one.y0[:, None], len(when), axis=1) for when in (one.times_h, times_h))
        found.append(correct(one, at_points, at_times, times_h, NOISE_SD))
    return np.concatenate(found)


def smoothing_spline(seen: Experiments, times_h: Times, noise_sd: float = NOISE_SD) -> Values:
    """A cubic spline of log(1 + t) through the rest state, of so few knots that it misses the k points by k noise_sd^2
    in sum; one cubic where that misses them by less.

    noise_sd: fraction of maximum. Source: Dierckx (1975), J. Comput. Appl. Math. 1, 165 (FITPACK). ExperimentError
    below three points after t = 0, for a gap, or without noise.
    """
    later = seen.times_h > 0
    k = int(later.sum())
    if k < 3:
        raise ExperimentError(f"a cubic spline from {k} points and the rest state; allowed: three points or more")
    if not (noise_sd > 0 and seen.measured.all()):
        raise ExperimentError(f"noise_sd is {noise_sd}, gaps: {not seen.measured.all()}; allowed: > 0, no gaps")
    clock = np.log1p(np.append(0.0, seen.times_h[later]))
    weight = np.append(START_WEIGHT, np.ones(k)) / noise_sd
    points = np.concatenate([seen.y0[:, None], seen.activity[:, later]], axis=1)
    found = np.empty((len(seen), len(times_h), points.shape[2]))
    for condition, species in np.ndindex(len(seen), points.shape[2]):
        spline = UnivariateSpline(clock, points[condition, :, species], w=weight, s=k)
        found[condition, :, species] = spline(np.log1p(times_h))
    return found


def mean_of_points(seen: Experiments, times_h: Times) -> Values:
    """The mean of the k points at all times; no rest state."""
    return np.repeat(seen.activity.mean(1, keepdims=True), len(times_h), axis=1)


def _interpolated(kind: str) -> Callable[[Experiments, Times], Values]:
    return lambda seen, times_h: interpolate(seen, times_h, kind)


@dataclass(frozen=True)
class Entry:
    """run(seen, times_h) -> trajectories; modules: code its rows depend on."""

    run: Callable[[Experiments, Times], Values]
    modules: tuple[str, ...] = (*COMMON, "evaluation.frompoints")


MODELS: dict[str, Entry] = {
    "linear": Entry(_interpolated("linear")),
    "log_linear": Entry(_interpolated("log_linear")),
    "pchip": Entry(_interpolated("pchip")),
    "gp_of_time": Entry(gp_of_time),
    "smoothing_spline": Entry(smoothing_spline),
    "mean_of_points": Entry(mean_of_points),
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="of points alone")


@lru_cache(maxsize=1)
def question(seed: int, k: int) -> Benchmark:
    """The world, conditions and points of a seed: those of the setting beside."""
    return benchmark(seed, k)


def run_one(name: str, model: str, seed: int) -> dict:
    """One model on task A of one world; the row."""
    b = question(seed, **SETTINGS[name])
    started = time.perf_counter()
    with one_thread():
        found = entry(model).run(b.seen, b.combine.times_h)
    seconds = time.perf_counter() - started
    values = {
        "A/mse_all": mse(found, b.combine.activity),
        "A/by_condition": by_condition(found, b.combine.activity),
        "seconds": seconds,
    }
    return make_row(name, model, seed, values)
