"""Task A: the whole trajectory from k noisy points of it, with or without a forecast to lean on.

The forecast's residuals at the seen points follow a Gaussian process over log(1 + t), zero at t = 0, Eq. (1):

    y(t) = forecast(t) + K(t, seen) (K(seen, seen) + sd^2 I)^-1 residual(seen),   K = a_s exp(-(log ratio)^2 / 2 l^2)

with one length l for all and one amplitude a_s a species, both by marginal likelihood of the seen points. Interpolation
in t, in log(1 + t) and PCHIP stand beside it. Everything is one matrix product over conditions and species.
"""

import numpy as np
from jaxtyping import Float

from hmlm_lib.baselines.protocol import through
from hmlm_lib.errors import ExperimentError
from hmlm_lib.experiments import Experiments

LENGTHS = (0.15, 0.25, 0.4, 0.6, 0.9, 1.4, 2.2)
AMPLITUDES = np.concatenate([[1e-6], np.geomspace(1e-4, 1.0, 17)])


def _start(seen: Experiments) -> tuple[np.ndarray, np.ndarray]:
    """Times and points with the known rest state in front."""
    if seen.times_h[0] == 0:
        return seen.times_h, seen.activity
    return np.append(0.0, seen.times_h), np.concatenate([seen.y0[:, None], seen.activity], axis=1)


def interpolate(
    seen: Experiments, times_h: Float[np.ndarray, " time"], kind: str
) -> Float[np.ndarray, "condition time species"]:
    """`linear` in t, `log_linear` in log(1 + t), or `pchip` in log(1 + t); every species must be seen.

    Beyond the last point the straight lines go on and PCHIP stays where it is.
    """
    if not seen.measured.all():
        raise ExperimentError("interpolation needs every species at every time; allowed: no NaN")
    if kind == "pchip":
        return through(seen.times_h, seen.activity, seen.y0, times_h)
    if kind not in ("linear", "log_linear"):
        raise ExperimentError(f"kind is {kind!r}; allowed: linear, log_linear, pchip")
    times, points = _start(seen)
    clock, asked = (times, times_h) if kind == "linear" else (np.log1p(times), np.log1p(times_h))
    cell = np.clip(np.searchsorted(clock, asked, side="right") - 1, 0, len(clock) - 2)
    part = ((asked - clock[cell]) / np.diff(clock)[cell])[None, :, None]
    return points[:, cell] * (1 - part) + points[:, cell + 1] * part


def kernel(a: Float[np.ndarray, " left"], b: Float[np.ndarray, " right"], length: float) -> np.ndarray:
    """exp(-(log1p a - log1p b)^2 / 2 length^2)."""
    return np.exp(-0.5 * np.square((np.log1p(a)[:, None] - np.log1p(b)[None]) / length))


def marginal_likelihood(
    residual: Float[np.ndarray, "condition seen species"], base: Float[np.ndarray, "seen seen"], noise_sd: float
) -> Float[np.ndarray, "amplitude species"]:
    """Log likelihood, summed over conditions, of every amplitude of AMPLITUDES for every species."""
    value, vector = np.linalg.eigh(base)
    power = np.square(np.einsum("cks,kj->cjs", residual, vector)).sum(0)
    variance = AMPLITUDES[:, None] * value.clip(0) + noise_sd**2
    count = len(residual)
    return -0.5 * ((1 / variance) @ power + count * np.log(variance).sum(1, keepdims=True))


def correct(
    seen: Experiments,
    forecast_seen: Float[np.ndarray, "condition seen species"],
    forecast: Float[np.ndarray, "condition time species"],
    times_h: Float[np.ndarray, " time"],
    noise_sd: float,
) -> Float[np.ndarray, "condition time species"]:
    """Eq. (1): the forecast at times_h, corrected by what was seen at seen.times_h with noise of sd noise_sd."""
    if not noise_sd > 0:
        raise ExperimentError(f"noise_sd is {noise_sd}; allowed: > 0")
    if not seen.measured.all():
        raise ExperimentError("the Gaussian process needs every species at every time; allowed: no NaN")
    later = seen.times_h > 0
    times, residual = seen.times_h[later], (seen.activity - forecast_seen)[:, later]
    origin = np.zeros(1)
    best = None
    for length in LENGTHS:
        # The value at t = 0 is known: condition on it first.
        lead = kernel(times, origin, length)
        base = kernel(times, times, length) - lead @ lead.T
        likelihood = marginal_likelihood(residual, base, noise_sd)
        total = likelihood.max(0).sum()
        if best is None or total > best[0]:
            best = (total, length, base, AMPLITUDES[likelihood.argmax(0)])
    _, length, base, amplitude = best
    cross = kernel(times_h, times, length) - kernel(times_h, origin, length) @ kernel(origin, times, length)
    out = forecast.copy()
    for a in np.unique(amplitude):
        gain = a * cross @ np.linalg.inv(a * base + noise_sd**2 * np.eye(len(times)))
        out[:, :, amplitude == a] += np.einsum("tk,cks->cts", gain, residual[:, :, amplitude == a])
    return out
