"""Exponential Adams integrator: every trajectory of a batch with its own time, step and error control.

tau dy/dt = g(t, y) - y has the exact solution, over a step of length h with z = h / tau, Eq. (1):

    y(t + h) = exp(-z) y(t) + integral_0^1 z exp(-z (1 - s)) g(t + s h) ds

so only the drive g has to be approximated. Over one step it is the polynomial in s that passes through the drives
at the start of the previous step, the start and the end of this one, Eq. (2):

    predict:  g(s) = g_0 + d s                       (the line through the last two drives)
    correct:  g(s) = g_0 + d s + c s (s + r),        c = (g_1 - g_0 - d) / (1 + r),   r = last step / this step

with g_1 evaluated at the prediction (and again at each correction), and the integrals of s^k in closed form. A species
that is fast against the step then follows its drive instead of lagging behind it: a one-step exponential Runge-Kutta
method starts each step from a constant drive and needs several times the evaluations down a cascade. The distance
between prediction and correction controls the step. The polynomial is also the dense output: any time inside a step is
Eq. (1) with a smaller h. A state at rest stays exactly at rest, whatever the step.

Ours: the combination; exponential Adams methods are textbook (Hochbruck and Ostermann, Acta Numerica 2010;19:209).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.dynamics.hill import HillDrive, take
from hmlm_lib.dynamics.stimulus import Stimulus
from hmlm_lib.errors import ExperimentError

CORRECTIONS = 4  # the fourth still pays: longer steps outweigh the evaluations
SAFETY, SHRINK, GROW = 0.9, 0.2, 2.0
COMPACT = 0.06  # finished trajectories are dropped once they are this fraction of the batch


def decay_weights(z: Float[Tensor, "species batch"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """exp(-z) and the integrals of z exp(-z (1 - s)) s^k over [0, 1] for k = 0, 1, 2; z >= 0.

    Integration by parts gives w_k = 1 - k w_(k-1) / z, which loses all digits as z goes to 0: a series there.
    """
    near = z < (0.02 if z.dtype == torch.float64 else 0.2)
    safe = torch.where(near, torch.ones_like(z), z)
    w0 = -torch.expm1(-z)
    series1 = z * (1 / 2 - z * (1 / 6 - z * (1 / 24 - z * (1 / 120 - z / 720))))
    series2 = z * (1 / 3 - z * (1 / 12 - z * (1 / 60 - z * (1 / 360 - z / 2520))))
    w1 = torch.where(near, series1, 1 - w0 / safe)
    w2 = torch.where(near, series2, 1 - 2 * w1 / safe)
    return 1 - w0, w0, w1, w2


@dataclass(frozen=True)
class State:
    """Where every trajectory of the batch stands; time axes [batch] in float64, activities [species, batch]."""

    row: Tensor  # which trajectory of the caller's batch
    t: Tensor
    h: Tensor
    h_last: Tensor
    y: Tensor
    g: Tensor  # drive at (t, y)
    g_last: Tensor  # drive one step earlier; equal to g where the stimulus has just jumped

    def batch(self, keep: Tensor) -> "State":
        return State(*(getattr(self, name)[..., keep] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Step:
    """One attempted step, Eq. (2): g(s) = g_0 + d s + bend / (1 + r) s (s + r), and the state it leads to."""

    y: Tensor
    d: Tensor
    bend: Tensor
    r: Tensor
    error: Tensor


class Relaxation:
    """tau dy/dt = drive(y, stimulus(t)) - y for a batch; `batch(keep)` restricts it to some trajectories."""

    def __init__(self, drive: HillDrive, stimulus: Stimulus):
        self.drive, self.stimulus = drive, stimulus
        # Time constants repeat (three values in the published network): weights are computed once a value.
        self.tau, self.same_tau = drive.parameters.tau, None
        if self.tau.shape[-1] == 1 and not self.tau.requires_grad:
            value, self.same_tau = torch.unique(self.tau[:, 0], return_inverse=True)
            self.tau = value[:, None]
        self._hold()

    def _hold(self) -> None:
        constant = self.stimulus.constant
        self.held = self._untouched(self.stimulus.levels[0]) if constant else None

    def _untouched(self, level: Tensor) -> Tensor:
        return self.drive.parameters.ymax * (1 - level)

    def batch(self, keep: Tensor) -> "Relaxation":
        smaller = object.__new__(Relaxation)
        smaller.drive, smaller.stimulus = self.drive.batch(keep), self.stimulus.batch(keep)
        smaller.tau, smaller.same_tau = take(self.tau, keep), self.same_tau
        smaller._hold()
        return smaller

    def g(self, y: Tensor, segment: Tensor, t: Tensor) -> Tensor:
        """Drive at state y and times t, with the stimulus of the segment each trajectory is in."""
        held = self.held
        return self.drive(y, self._untouched(self.stimulus.level(segment, t)) if held is None else held)

    def weights(self, h: Float[Tensor, " batch"], who: Tensor | None = None) -> tuple[Tensor, ...]:
        """`decay_weights` of steps h, one a trajectory of the batch, or of the trajectories `who`."""
        weights = decay_weights(h / (self.tau if who is None else take(self.tau, who)))
        return weights if self.same_tau is None else tuple(w.index_select(0, self.same_tau) for w in weights)


def attempt(system: Relaxation, now: State, segment: Tensor) -> Step:
    """Predict and correct one step of length now.h, Eq. (2)."""
    r = (now.h_last / now.h).to(now.y.dtype)
    d = (now.g - now.g_last) / r
    decay, w0, w1, w2 = system.weights(now.h.to(now.y.dtype))
    predicted = torch.addcmul(torch.addcmul(now.y * decay, w0, now.g), w1, d)
    line, weight = now.g + d, torch.addcmul(w2, r, w1) / (1 + r)
    end, y = now.t + now.h, predicted
    for _ in range(CORRECTIONS):
        bend = system.g(y, segment, end) - line
        y = torch.addcmul(predicted, weight, bend)
    error = (y.detach() - predicted.detach()).abs_().amax(0).double()
    return Step(y, d, bend, r, error)


def dense_output(
    system: Relaxation, now: State, step: Step, times: Tensor, accepted: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """States at the requested times inside the accepted steps: (trajectory, time index, [species, output])."""
    first = torch.searchsorted(times, now.t, right=True)
    count = torch.searchsorted(times, now.t + now.h, right=True) - first
    count = torch.where(accepted, count, torch.zeros_like(count))
    who = torch.repeat_interleave(count)
    if len(who) == 0:
        return who, who, now.y[:, :0]
    before = torch.cumsum(count, 0) - count
    when = first[who] + torch.arange(len(who), device=count.device) - before[who]
    inside = (times[when] - now.t[who]).to(now.y.dtype)
    decay, w0, w1, w2 = system.weights(inside, who)
    s, r = inside / now.h[who].to(inside.dtype), step.r[who]
    c = step.bend[:, who] / (1 + r)
    value = now.y[:, who] * decay + w0 * now.g[:, who] + w1 * s * (step.d[:, who] + r * c)
    return who, when, value + w2 * s * s * c


def advance(system: Relaxation, now: State, step: Step, accepted: Tensor, tolerance: float, longest_h: float) -> State:
    """The state after the step where it is accepted, the old one where not; the next step length for both."""
    stimulus, t = system.stimulus, now.t + now.h
    g_last, g = now.g, system.g(step.y, stimulus.segment(now.t), t)
    factor = (SAFETY * (tolerance / step.error.clamp(min=1e-12)) ** (1 / 3)).clamp(SHRINK, GROW)
    h = (now.h * torch.where(accepted, factor, factor.clamp(max=1.0))).clamp(max=longest_h)
    if not stimulus.constant:
        jumps = accepted & stimulus.jumps(now.t, t)
        if bool(jumps.any()):
            g = system.g(step.y, stimulus.segment(t), t)
            g_last, h = (
                torch.where(jumps, g, g_last),
                torch.where(jumps, first_step(system, tolerance), h),
            )
    new = State(now.row, t, h, now.h, step.y, g, g_last)
    if not bool(accepted.all()):
        kept = ("t", "h_last", "y", "g", "g_last")
        new = replace(new, **{k: torch.where(accepted, getattr(new, k), getattr(now, k)) for k in kept})
    return replace(new, h=stimulus.clip(new.t, new.h))


class Output:
    """States at the requested times, filled in the order in which steps reach them.

    Without a gradient they go straight to their place; with one they wait in a list, since writing in place would
    make autograd copy the whole buffer at every step.
    """

    def __init__(self, y0: Float[Tensor, "species batch"], n_times: int):
        self.n_times, self.batch = n_times, y0.shape[1]
        self.buffer = y0.new_empty(self.batch * n_times, y0.shape[0])
        self.waiting: list[tuple[Tensor, Tensor]] = []
        first = torch.arange(self.batch, device=y0.device)
        self.put(first, torch.zeros_like(first), y0)

    def put(self, row: Tensor, when: Tensor, value: Float[Tensor, "species output"]) -> None:
        where = row * self.n_times + when
        if torch.is_grad_enabled():
            self.waiting.append((where, value))
        elif len(where):
            self.buffer.index_copy_(0, where, value.T)

    def collect(self) -> Float[Tensor, "batch time species"]:
        if self.waiting:
            where, value = (torch.cat(parts, dim=-1) for parts in zip(*self.waiting, strict=True))
            self.buffer = self.buffer.index_copy(0, where, value.T)
        return self.buffer.reshape(self.batch, self.n_times, -1)


def first_step(system: Relaxation, tolerance: float) -> Tensor:
    """A step that a first-order method takes within the tolerance, where nothing of the drive's slope is known."""
    fastest = system.tau.detach().amin(0).double()
    return fastest * min(0.1, tolerance**0.5)


def integrate(
    system: Relaxation,
    y0: Float[Tensor, "species batch"],
    times_h: Float[Tensor, " time"],
    tolerance: float,
    max_steps: int = 100_000,
) -> Float[Tensor, "batch time species"]:
    """Trajectories from y0 at times_h[0] (hours) at all times_h, each within about ten tolerances of the truth.

    Differentiable through y0 and the parameters (step lengths are taken as constants); without a gradient the
    memory does not grow with the number of steps. Raises ExperimentError when a trajectory needs more than
    max_steps steps or leaves the finite numbers.
    """
    batch = y0.shape[1]
    times = times_h.double().to(y0.device).contiguous()
    t = times.new_full((batch,), float(times[0]))
    longest_h = float(times[-1] - times[0])
    g = system.g(y0, system.stimulus.segment(t), t)
    h = system.stimulus.clip(t, first_step(system, tolerance).expand(batch))
    now = State(torch.arange(batch, device=y0.device), t, h, h, y0, g, g)
    output = Output(y0, len(times))
    for _ in range(max_steps):
        running = now.t < times[-1]
        if int(running.sum()) <= (1 - COMPACT) * len(running):
            now, system = now.batch(running), system.batch(running)
            running = running[running]
        if len(running) == 0:
            break
        step = attempt(system, now, system.stimulus.segment(now.t))
        if not bool(torch.isfinite(step.error).all()):
            raise ExperimentError(f"activities are no longer finite at {float(now.t.min()):.3g} h")
        accepted = step.error <= tolerance
        who, when, value = dense_output(system, now, step, times, accepted & running)
        output.put(now.row[who], when, value)
        now = advance(system, now, step, accepted, tolerance, longest_h)
    else:
        raise ExperimentError(
            f"{max_steps} steps do not reach {float(times[-1]):.4g} h at tolerance {tolerance:g}: "
            f"stopped at {float(now.t.min()):.4g} h; use a larger tolerance or a shorter time"
        )
    return output.collect()
