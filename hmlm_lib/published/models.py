"""The other published models, and what the paper did not compare with: curves, mean, a Gaussian process.

Published "GNN": a random forest on the raw state (no graph). "LDE": ridge. "Bayesian": BayesianRidge a marker. All
three map one observed state to the next markers and roll out with the other 95 species frozen at t = 0. "ODE": one
autocatalytic Hill equation a marker, no network, no input.
"""

import warnings
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.interpolate import CubicSpline
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from sklearn.linear_model import BayesianRidge, Ridge
from sklearn.multioutput import MultiOutputRegressor

from hmlm_lib.hmlm.forest import Forest, HierarchicalForest
from hmlm_lib.published.data import MARKERS, TIMES_H, PublishedNetwork

Course = Float[np.ndarray, "time marker"]
HILL_N, HILL_K, DEGRADATION, GAIN = 2.0, 0.3, 0.1, 2.0
RESTARTS = 4  # of the search for a kernel


def forest_hmlm(
    points: Float[np.ndarray, "point species"],
    at: Int[np.ndarray, " point"],
    network: PublishedNetwork,
    seed: int,
    update_all: bool,
    true_step: bool,
) -> Course:
    """The published HMLM, rolled out over the 50 points."""
    model = HierarchicalForest(network, seed, update_all, true_step).fit(points, int(at[1] - at[0]))
    return model.rollout(points[0], len(TIMES_H) - 1)[:, network.index(MARKERS)]


def next_state(
    regressor: Callable[[int], object],
) -> Callable[..., Course]:
    """A published model that maps the raw state to the next markers; `update_all` lets it map to all species."""

    def model(
        points: np.ndarray, at: np.ndarray, network: PublishedNetwork, seed: int, update_all: bool, true_step: bool
    ) -> Course:
        markers, stride = network.index(MARKERS), int(at[1] - at[0])
        target = np.arange(points.shape[1]) if update_all else markers
        fitted = regressor(seed).fit(points[:-1], points[1:, target])
        steps = len(TIMES_H) - 1
        jumps = -(-steps // stride) if true_step else steps
        x, course = points[0].copy(), [points[0]]
        for _ in range(jumps):
            x = x.copy()
            x[target] = fitted.predict(x[None])[0].clip(0, 1)
            course.append(x)
        grid = np.arange(jumps + 1) * (stride if true_step else 1)
        return _lines(grid, np.stack(course)[:, markers], np.arange(len(TIMES_H)))

    return model


def _lines(x: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Straight lines through the points, the last two continued."""
    cell = np.clip(np.searchsorted(x, asked, side="right") - 1, 0, len(x) - 2)
    part = ((asked - x[cell]) / np.diff(x)[cell])[:, None]
    return values[cell] * (1 - part) + values[cell + 1] * part


def forest(seed: int) -> Forest:
    """The random forest behind several published names."""
    return Forest(100, max_depth=8, random_state=seed)


def bayes(seed: int) -> MultiOutputRegressor:
    """Bayesian ridge, one a species; the seed is not used."""
    return MultiOutputRegressor(BayesianRidge())


def hill_ode(
    points: np.ndarray, at: np.ndarray, network: PublishedNetwork, seed: int, update_all: bool, true_step: bool
) -> Course:
    """dx/dt = a x^2 / (.3^2 + x^2) - .1 x; a: twice the mean absolute slope of the observed points."""
    seen = points[:, network.index(MARKERS)]
    a = GAIN * np.abs(np.diff(seen, axis=0) / np.diff(TIMES_H[at])[:, None]).mean(0)
    x, course = seen[0], [seen[0]]
    for h in np.diff(TIMES_H):
        x = (x + h * (a * x**HILL_N / (HILL_K**HILL_N + x**HILL_N) - DEGRADATION * x)).clip(0, 1)
        course.append(x)
    return np.stack(course)


def curve(kind: str) -> Callable[..., Course]:
    """What needs no model: `linear`, `spline` (natural cubic), `quadratic`, `mean` of the points, `persistence`."""

    def model(
        points: np.ndarray, at: np.ndarray, network: PublishedNetwork, seed: int, update_all: bool, true_step: bool
    ) -> Course:
        seen, asked = points[:, network.index(MARKERS)], np.arange(len(TIMES_H))
        if kind == "linear":
            return _lines(at, seen, asked)
        if kind == "spline":
            return CubicSpline(at, seen, bc_type="natural")(asked)
        if kind == "quadratic":
            return np.stack([np.polyval(np.polyfit(at, y, 2), asked) for y in seen.T], axis=1)
        value = seen[0] if kind == "persistence" else seen.mean(0)
        return np.tile(value, (len(asked), 1))

    return model


def gaussian(
    points: np.ndarray, at: np.ndarray, network: PublishedNetwork, seed: int, update_all: bool, true_step: bool
) -> Course:
    """A Gaussian process of time with a level, a slope and white noise; all markers share one kernel, by evidence."""
    clock = TIMES_H[:, None] / TIMES_H[-1]
    level, slope = ConstantKernel(0.2, (1e-4, 10.0)), ConstantKernel(0.1, (1e-5, 10.0)) * DotProduct(0.0, "fixed")
    smooth = ConstantKernel(0.1, (1e-5, 10.0)) * RBF(0.5, (0.05, 10.0))
    kernel = smooth + level + slope + WhiteKernel(1e-3, (1e-7, 0.1))
    model = GaussianProcessRegressor(kernel, random_state=seed, n_restarts_optimizer=RESTARTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length or a noise at its bound is an answer too
        return model.fit(clock[at], points[:, network.index(MARKERS)]).predict(clock)


def average(*members: Callable[..., Course]) -> Callable[..., Course]:
    """The mean of these models' courses: errors that the members do not share shrink."""

    def model(
        points: np.ndarray, at: np.ndarray, network: PublishedNetwork, seed: int, update_all: bool, true_step: bool
    ) -> Course:
        return np.mean([member(points, at, network, seed, update_all, true_step) for member in members], axis=0)

    return model


def cut(member: Callable[..., Course]) -> Callable[..., Course]:
    """A model's course held between 0 and 1, where fractions of maximum lie."""

    def model(
        points: np.ndarray, at: np.ndarray, network: PublishedNetwork, seed: int, update_all: bool, true_step: bool
    ) -> Course:
        return member(points, at, network, seed, update_all, true_step).clip(0, 1)

    return model


CURVES = (curve("quadratic"), gaussian)  # ahead of the other curves from eight noisy points on
MODELS: dict[str, Callable[..., Course]] = {
    "hmlm_forest": forest_hmlm,
    "gnn": next_state(forest),
    "ode": hill_ode,
    "lde": next_state(lambda seed: Ridge(alpha=1.0)),
    "bayesian": next_state(bayes),
    "persistence": curve("persistence"),
    "mean": curve("mean"),
    "linear": curve("linear"),
    "spline": curve("spline"),
    "quadratic": curve("quadratic"),
    "gp_shared": gaussian,
    "curves": average(*CURVES),
    "curves_cut": cut(average(*CURVES)),
}
