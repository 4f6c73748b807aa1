"""The information transducer: every species relaxes toward what its attention says, s(t+h) = f(x, s), y = g(s).

Between two grid points the state of a species with time constant tau follows, Eq. (1),

    tau dy/dt = D(y, t) - y

whose exact step for a drive that moves on a straight line from D_0 to D_1 is, with z = h / tau, Eq. (2):

    y_1 = exp(-z) y_0 + (1 - exp(-z)) D_0 + (1 - (1 - exp(-z)) / z) (D_1 - D_0)

D_1 is found by `corrections` sweeps from the step with D_0 alone. z is capped at 2.5: a species much faster than the
step then follows its drive within half a step instead of bouncing around a fast negative loop.

With a pace k, learned from 0, the time constant depends on the drive; a step keeps that of its beginning:

    tau exp(-k D) dy/dt = D(y, t) - y                                                                     Eq. (3)

so a species is fast while driven and slow when left alone, or the other way round, as mass action moves at the rate of
both its directions.

Source: HMLM paper, information transducer T = (X, Y, S, f, g). Ours: Eq. (2) as f, Eq. (3); measured in reports/LOG.md.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

LONGEST = 2.5  # largest h / tau of a step
GRADED_H = 2.0  # the grid is uniform in log(1 + t / 2 h): fine where the stimulus has just begun


def time_grid(horizon_h: float, steps: int) -> Float[np.ndarray, " point"]:
    """steps + 1 times from 0 to horizon_h, dense early: equal steps of log(1 + t / 2 h)."""
    return GRADED_H * np.expm1(np.linspace(0.0, np.log1p(horizon_h / GRADED_H), steps + 1))


def step_weights(
    h: float | Tensor, tau: Float[Tensor, "*#shape"]
) -> tuple[Float[Tensor, "*#shape"], Float[Tensor, "*#shape"], Float[Tensor, "*#shape"]]:
    """Weights of y_0, D_0 and D_1 - D_0 in Eq. (2); h and tau in hours, tau > 0."""
    z = (h / tau).clamp(1e-4, LONGEST)
    decay = torch.exp(-z)
    return decay, 1 - decay, 1 - (1 - decay) / z


def transduce(
    drive: Callable[[Tensor, int], Tensor],
    y0: Float[Tensor, "species batch"],
    tau: Float[Tensor, "species #batch"],
    grid: Float[np.ndarray, " point"],
    corrections: int,
    pace: Float[Tensor, "species 1"] | None = None,
) -> Float[Tensor, "point species batch"]:
    """States on the grid; drive(y, step) is the activity that every species relaxes toward; pace: k of Eq. (3)."""
    out, y = [y0], y0
    for step, h in enumerate(np.diff(grid)):
        d0 = drive(y, step)
        decay, w0, w1 = step_weights(float(h), tau if pace is None else tau * torch.exp(-pace * d0))
        line = torch.addcmul(decay * y, w0, d0)
        y = line
        for _ in range(corrections):
            y = torch.addcmul(line, w1, drive(y, step) - d0)
        out.append(y)
    return torch.stack(out)


def between(
    states: Float[Tensor, "point species batch"],
    grid: Float[np.ndarray, " point"],
    times_h: Float[np.ndarray, " time"],
) -> Float[Tensor, "time species batch"]:
    """States at any times inside the grid, on cubic Hermite curves through its points (slopes by differences)."""
    cell = np.clip(np.searchsorted(grid, times_h, side="right") - 1, 0, len(grid) - 2)
    h = np.diff(grid)[cell]
    s = states.new_tensor((times_h - grid[cell]) / h)[:, None, None]
    left, right = states[cell], states[cell + 1]
    slope = _slopes(states, grid)
    h = states.new_tensor(h)[:, None, None]
    m0, m1 = slope[cell] * h, slope[cell + 1] * h
    rise = right - left
    return left + s * (m0 + s * (3 * rise - 2 * m0 - m1 + s * (m0 + m1 - 2 * rise)))


def _slopes(states: Float[Tensor, "point species batch"], grid: Float[np.ndarray, " point"]) -> Tensor:
    """Monotone slopes at the grid points: the harmonic mean of the two secants, 0 where they differ in sign."""
    h = states.new_tensor(np.diff(grid))[:, None, None]
    secant = (states[1:] - states[:-1]) / h
    a, b = secant[:-1], secant[1:]
    same = a * b > 0
    middle = torch.where(same, 2 * a * b / torch.where(same, a + b, torch.ones_like(a)), torch.zeros_like(a))
    return torch.cat([secant[:1], middle, secant[-1:]])
