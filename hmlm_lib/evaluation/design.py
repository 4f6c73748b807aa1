"""Where to put four points: the times at which a measurement leaves the least variance of the rest, before measuring.

With residuals that follow the Gaussian process of `reconstruct.py`, the variance that k points leave is known in closed
form and does not depend on what they show, Eq. (1): V(t) = K(t, t) - K(t, T) (K(T, T) + sd^2 / a I)^-1 K(T, t). Kernel
length and amplitude are estimated from training experiments.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float

from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation.reconstruct import AMPLITUDES, LENGTHS, kernel, marginal_likelihood


def estimate_kernel(
    residual: Float[np.ndarray, "condition seen species"], times_h: Float[np.ndarray, " seen"], noise_sd: float
) -> tuple[float, float]:
    """Length and mean amplitude of the residuals of training experiments, zero at t = 0."""
    found = []
    for length in LENGTHS:
        likelihood = marginal_likelihood(residual, _given_start(times_h, times_h, length), noise_sd)
        found.append((likelihood.max(0).sum(), length, float(AMPLITUDES[likelihood.argmax(0)].mean())))
    return max(found)[1:]


def _given_start(a: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    origin = np.zeros(1)
    return kernel(a, b, length) - kernel(a, origin, length) @ kernel(origin, b, length)


def left_variance(
    times_h: Float[np.ndarray, " seen"],
    asked_h: Float[np.ndarray, " time"],
    length: float,
    amplitude: float,
    noise_sd: float,
) -> float:
    """Mean of Eq. (1) over the asked times, as a fraction of the amplitude."""
    within = _given_start(times_h, times_h, length) + noise_sd**2 / amplitude * np.eye(len(times_h))
    across = _given_start(asked_h, times_h, length)
    prior = 1 - kernel(asked_h, np.zeros(1), length)[:, 0] ** 2
    return float((prior - np.einsum("ts,su,tu->t", across, np.linalg.inv(within), across)).mean())


def best_times(
    candidates_h: Float[np.ndarray, " candidate"],
    k: int,
    asked_h: Float[np.ndarray, " time"],
    length: float,
    amplitude: float,
    noise_sd: float,
) -> pd.DataFrame:
    """Every choice of k candidates with the variance it leaves by Eq. (1), best first; columns times_h and variance.

    asked_h: where the variance counts. ExperimentError for a k that cannot be chosen, or no asked time.
    """
    if not 1 <= k <= len(candidates_h):
        raise ExperimentError(f"k is {k} with {len(candidates_h)} candidate times; allowed: 1 to their number")
    if not len(asked_h):
        raise ExperimentError("no time is asked about; allowed: one or more")
    rows = [
        {"times_h": pick, "variance": left_variance(np.array(pick), asked_h, length, amplitude, noise_sd)}
        for pick in combinations(map(float, candidates_h), k)
    ]
    return pd.DataFrame(rows).sort_values("variance", ignore_index=True)
