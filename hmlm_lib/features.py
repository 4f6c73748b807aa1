"""What can be read off trajectories before any model is trained: slopes, averages, lags, and the topology prior.

Trajectories have the axes [..., time, species]; times are hours and may be irregular unless a function says otherwise.
Matrices over pairs of species are [target, source]: the regulator is the column.
Source: HMLM paper, temporal features and topology-initialised attention. Ours: exact treatment of irregular times.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
import xarray as xr
from jaxtyping import Float, Int

from hmlm_lib.dynamics.experiment import in_hours
from hmlm_lib.errors import FeatureError
from hmlm_lib.network.network import SignalingNetwork

PRIOR_BY_STEPS = (1.0, 0.8, 0.4, 0.2)  # itself, an edge, two steps, three steps
Values = Float[np.ndarray, "*condition time species"]


def derivative(values: Values, time_h: Float[np.ndarray, " time"]) -> Values:
    """dy/dt per hour: slope of the parabola through three neighbouring points, exact for quadratics, ends included.

    Needs three points or more. With d = differences of time and s = slopes between neighbours,
    y'_i = (d_i s_(i-1) + d_(i-1) s_i) / (d_(i-1) + d_i) inside, and the end slopes of the outer parabolas.
    """
    values, time_h = _checked(values, time_h, at_least=3)
    d = np.diff(time_h)[:, None]
    s = np.diff(values, axis=-2) / d
    left, right = s[..., :-1, :], s[..., 1:, :]
    inner = (d[1:] * left + d[:-1] * right) / (d[:-1] + d[1:])
    first, last = 2 * left[..., :1, :] - inner[..., :1, :], 2 * right[..., -1:, :] - inner[..., -1:, :]
    return np.concatenate([first, inner, last], axis=-2)


def moving_average(values: Values, time_h: Float[np.ndarray, " time"], half_life_h: float) -> Values:
    """Exponential moving average m of the piecewise-linear signal y, from m(t_0) = y(t_0).

    With rate k = ln 2 / half-life, dm/dt = k (y - m) is solved exactly over each interval h with slope b:
    m_(i+1) = y_(i+1) - b / k + exp(-k h) (m_i - y_i + b / k). An event loses half its weight every half-life,
    whatever the spacing of the times.
    """
    values, time_h = _checked(values, time_h, at_least=1)
    if not 0 < half_life_h < np.inf:
        raise FeatureError(f"half_life_h is {half_life_h}; allowed: hours > 0")
    rate = np.log(2) / half_life_h
    average = values.copy()
    for i, h in enumerate(np.diff(time_h)):
        now, then = values[..., i, :], values[..., i + 1, :]
        behind = (then - now) / h / rate
        average[..., i + 1, :] = then - behind + np.exp(-rate * h) * (average[..., i, :] - now + behind)
    return average


def resample(
    values: Values, time_h: Float[np.ndarray, " time"], step_h: float
) -> tuple[Float[np.ndarray, "*condition uniform species"], Float[np.ndarray, " uniform"]]:
    """The piecewise-linear signal on a uniform grid of step_h from the first time on; returns (values, times)."""
    values, time_h = _checked(values, time_h, at_least=2)
    if not 0 < step_h <= time_h[-1] - time_h[0]:
        raise FeatureError(f"step_h is {step_h}; allowed: hours in (0, {time_h[-1] - time_h[0]:g}]")
    grid = np.arange(time_h[0], time_h[-1] + step_h * 1e-9, step_h)
    at = np.clip(np.searchsorted(time_h, grid, side="right") - 1, 0, len(time_h) - 2)
    part = ((grid - time_h[at]) / (time_h[at + 1] - time_h[at]))[:, None]
    return values[..., at, :] * (1 - part) + values[..., at + 1, :] * part, grid


def lagged_correlation(
    values: Values, time_h: Float[np.ndarray, " time"], max_lag: int = 2
) -> Float[np.ndarray, "lag target source"]:
    """Pearson r between the source `lag` grid steps earlier and the target now, for all pairs and lags 0..max_lag.

    Conditions are pooled after each is centred on its own mean, so that r speaks of time courses and not of levels that
    differ between conditions. A species that does not move has r = 0. One matrix product a lag. Needs a uniform
    grid (`resample` makes one) of more than max_lag + 1 points.
    """
    values, time_h = _checked(values, time_h, at_least=2)
    if not isinstance(max_lag, int) or not 0 <= max_lag <= len(time_h) - 2:
        raise FeatureError(f"max_lag is {max_lag!r}; allowed: 0 to {len(time_h) - 2} for {len(time_h)} times")
    steps = np.diff(time_h)
    if not np.allclose(steps, steps[0], rtol=1e-6):
        raise FeatureError("lagged correlation needs a uniform time grid; resample(values, time_h, step_h) makes one")
    pooled = values.reshape(-1, *values.shape[-2:])
    lags = []
    for lag in range(max_lag + 1):
        source, target = _standard(pooled[:, : len(time_h) - lag]), _standard(pooled[:, lag:])
        lags.append(target.T @ source)
    return np.clip(np.stack(lags), -1.0, 1.0)


def _standard(values: Float[np.ndarray, "condition time species"]) -> Float[np.ndarray, "sample species"]:
    """Samples centred by condition, of unit length by species; species that do not move are zero."""
    samples = (values - values.mean(axis=1, keepdims=True)).reshape(-1, values.shape[-1])
    length = np.sqrt((samples**2).sum(0))
    still = length < 1e-9 * np.sqrt(len(samples))
    return samples / np.where(still, np.inf, length)


def topology_prior(network: SignalingNetwork) -> Float[np.ndarray, "target source"]:
    """Attention prior by the shortest directed path from source to target: 1 (itself), .8, .4, .2, further 0.

    Source: HMLM paper.
    """
    n, edges = len(network.species_names), network.signed_edges
    index = network.index
    pair = ([index[name] for name in edges["target"]], [index[name] for name in edges["source"]])
    step = sp.csr_array((np.ones(len(edges)), pair), shape=(n, n)).astype(bool)
    reached, prior = sp.eye_array(n, format="csr", dtype=bool), np.zeros((n, n))
    for weight in PRIOR_BY_STEPS:
        near = reached.toarray()
        prior = np.where((prior == 0) & near, weight, prior)
        reached = (step @ reached).astype(bool)
    return prior


def refined_prior(
    prior: Float[np.ndarray, "target source"], correlation: Float[np.ndarray, "lag target source"]
) -> Float[np.ndarray, "target source"]:
    """Prior times (0.3 + 0.7 max over lags |r|). Source: HMLM paper; its attention maps are drawn from this product."""
    if correlation.shape[1:] != prior.shape:
        raise FeatureError(f"correlation is {correlation.shape[1:]} for a prior of {prior.shape}; they must agree")
    return prior * (0.3 + 0.7 * np.abs(correlation).max(axis=0))


def module_mean(values: Values, module: Int[np.ndarray, " species"]) -> Float[np.ndarray, "*condition time module"]:
    """Mean activity of each module; `network.arrays.module` numbers them."""
    values = np.asarray(values, dtype=float)
    if values.shape[-1] != len(module):
        raise FeatureError(f"values hold {values.shape[-1]} species, module {len(module)}; they must agree")
    member = np.arange(module.max() + 1)[:, None] == module
    return values @ (member / np.maximum(member.sum(1, keepdims=True), 1)).T


def cell_summary(values: Values) -> Float[np.ndarray, "*condition time 4"]:
    """Mean, sd, minimum and maximum over the species: the cellular scale in four numbers."""
    values = np.asarray(values, dtype=float)
    return np.stack([values.mean(-1), values.std(-1), values.min(-1), values.max(-1)], axis=-1)


def temporal_features(trajectories: xr.DataArray, half_lives_h: Sequence[float] = (1.0, 6.0)) -> xr.DataArray:
    """Level, derivative and moving averages of trajectories, stacked along a new last dim `feature`.

    FeatureError without the dims time and species.
    """
    if not {"time", "species"} <= set(trajectories.dims):
        raise FeatureError(f"trajectories have dims {trajectories.dims}; allowed: time and species among them")
    trajectories = trajectories.transpose(..., "time", "species")
    values, time_h = trajectories.values, trajectories.time.values
    parts = {"level": values, "derivative": derivative(values, time_h)}
    parts |= {f"average {half_life:g} h": moving_average(values, time_h, half_life) for half_life in half_lives_h}
    stacked = [trajectories.copy(data=part) for part in parts.values()]
    joined = xr.concat(stacked, xr.DataArray(list(parts), dims="feature", name="feature"))
    return joined.transpose(..., "feature").rename("temporal features")


def _checked(values: Values, time_h: Float[np.ndarray, " time"], at_least: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and times (timedeltas: as hours) as float64; FeatureError names the first entry that cannot be used."""
    values = np.asarray(values, dtype=float)
    try:
        time_h = in_hours(time_h)
    except (TypeError, ValueError):
        raise FeatureError("time_h holds something that is not a number of hours") from None
    if values.ndim < 2 or time_h.ndim != 1 or values.shape[-2] != len(time_h):
        raise FeatureError(f"values have shape {values.shape} for {time_h.shape} times; allowed: [..., time, species]")
    if len(time_h) < at_least:
        raise FeatureError(f"{len(time_h)} times; at least {at_least} are needed")
    for name, bad in (("values", ~np.isfinite(values)), ("time_h", ~np.isfinite(time_h))):
        if bad.any():
            raise FeatureError(f"{name}{[int(i) for i in np.argwhere(bad)[0]]} is not finite; impute or drop it first")
    back = np.flatnonzero(np.diff(time_h) <= 0)
    if len(back):
        i = back[0] + 1
        raise FeatureError(f"time_h[{i}] = {time_h[i]:g} does not exceed {time_h[i - 1]:g}; times must increase")
    return values, time_h
