"""Two models that the published comparison lacks: a Gaussian process on the shown points, and the true equations.

Both follow the published protocol (`published/protocol.py`): k of the 50 points of one trajectory shown, all scored.
`compared` sets every model's error beside figures from the authors' own code and data, five data seeds.
"""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from hmlm_lib.device import one_thread
from hmlm_lib.published import data, protocol
from hmlm_lib.published.data import MARKERS, TIMES_H, PublishedNetwork

RESTARTS = 2
LENGTH_H, NOISE = 5.0, 1e-3  # where the search of the kernel begins

# As protocol.REFERENCE, x 1e-3: mean and spread; NaN where no spread is known.
UNKNOWN = float("nan")
REFERENCE = protocol.REFERENCE | {
    "spline": {4: (0.28, UNKNOWN), 8: (0.07, UNKNOWN), 16: (0.02, UNKNOWN)},
    "gp": {4: (2.0, UNKNOWN), 8: (0.21, UNKNOWN), 16: (0.04, UNKNOWN)},
    "oracle": dict.fromkeys(protocol.STRIDES, (1.25, UNKNOWN)),
}


def free_run(start: Float[np.ndarray, " species"], network: PublishedNetwork) -> Float[np.ndarray, "time species"]:
    """Eq. (1) of published/data.py without noise, from a start (fraction of maximum), at the 50 times."""
    rate = np.array([data.RATES.get(module, data.OTHERS) for module in network.module]).T
    driven, x, course = network.edges.any(1), start, [start]
    for dt in np.diff(TIMES_H):
        moved = x + dt * (rate[0] * data.EDGE_WEIGHT * (network.edges @ x) - rate[1] * x)
        x = np.where(driven, moved, data.KEPT * x).clip(0, 1)
        course.append(x)
    return np.stack(course)


def oracle(
    points: Float[np.ndarray, "point species"], at: Int[np.ndarray, " point"], network: PublishedNetwork, seed: int
) -> Float[np.ndarray, "time marker"]:
    """The true equations from the shown start, blind to every later point; at and seed are not used."""
    return free_run(points[0], network)[:, network.index(MARKERS)]


def gp(
    points: Float[np.ndarray, "point species"], at: Int[np.ndarray, " point"], network: PublishedNetwork, seed: int
) -> Float[np.ndarray, "time marker"]:
    """A Gaussian process of time, one a marker: squared exponential and white noise, by marginal likelihood."""
    shown, times = points[:, network.index(MARKERS)], TIMES_H[:, None]
    kernel = ConstantKernel() * RBF(LENGTH_H) + WhiteKernel(NOISE)
    found = []
    for marker in shown.T:
        model = GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed, n_restarts_optimizer=RESTARTS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length or a noise at its bound is an answer too
            found.append(model.fit(times[at], marker).predict(times))
    return np.stack(found, axis=1)


MODELS = {"gp": gp, "oracle": oracle}


def run(
    seeds: Iterable[int] = range(5),
    points: Sequence[int] = tuple(protocol.STRIDES),
    noise_sd: float = 0.0,
    condition: str = "combined",
) -> pd.DataFrame:
    """The two models as `protocol.run_protocol` runs the others, on the same points: columns model, k, seed, mse."""
    network, rows = data.published_network(), []
    markers = network.index(MARKERS)
    for seed in seeds:
        truth = data.published_data(seed).sel(condition=condition).values
        noise = np.random.default_rng((seed, 11)).normal(0.0, 1.0, truth.shape)  # that of run_protocol
        for k in points:
            at = protocol.observed(k)
            for name, model in MODELS.items():
                with one_thread():
                    found = model(truth[at] + noise_sd * noise[at], at, network, seed)
                error = float(np.square(found - truth[:, markers]).mean())
                rows.append({"model": name, "k": k, "seed": seed, "mse": error})
    return pd.DataFrame(rows)


def compared(results: pd.DataFrame) -> pd.DataFrame:
    """Rows of `run` and `run_protocol` beside REFERENCE, x 1e-3: columns model, k, mean, sd, reference, spread, apart.

    apart: distance of the means in joint spreads, |mean - reference| / hypot(sd, spread); NaN without a spread.
    """
    found = (results.groupby(["model", "k"])["mse"].agg(["mean", "std"]) * 1e3).rename(columns={"std": "sd"})
    known = [(name, k) for name, of in REFERENCE.items() for k in of if (name, k) in found.index]
    table = found.loc[known].reset_index()
    table[["reference", "spread"]] = [REFERENCE[name][k] for name, k in known]
    joint = np.hypot(table["sd"].fillna(0.0), table["spread"])
    return table.assign(apart=(table["mean"] - table["reference"]).abs() / joint)
