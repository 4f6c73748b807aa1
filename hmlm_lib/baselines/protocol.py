"""What every model of the study can do, and what the baselines share.

fit(experiments) -> self reads `activity` where it was measured; predict(experiments, times_h) must not read it.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator
from torch import Tensor, nn

from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments, fingerprint, same_species, warn_beyond, warn_units
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Training, train


class Model(Protocol):
    """Anything that can stand in the results table."""

    n_parameters: int

    def fit(self, experiments: Experiments) -> "Model":
        """Learn from what was measured."""

    def predict(
        self, experiments: Experiments, times_h: Sequence[float] | np.ndarray | None = None
    ) -> Float[np.ndarray, "condition time species"]:
        """Trajectories from y0 at times_h (default: the experiments' own)."""


def treatment(experiments: Experiments) -> Float[np.ndarray, "condition feature"]:
    """What was done, as numbers: level of every input, then 1 - factor of every species (1: knocked out)."""
    inputs = experiments.network.arrays.has_input
    return np.concatenate([experiments.stimulus[:, inputs], 1 - experiments.factor], axis=1)


def filled(experiments: Experiments) -> Float[np.ndarray, "condition time species"]:
    """Measurements with gaps closed: straight lines in log(1 + t) from y0 on; a species never measured stays at y0."""
    times = np.concatenate([[0.0], experiments.times_h]) if experiments.times_h[0] > 0 else experiments.times_h
    out = experiments.activity.copy()
    clock = np.log1p(experiments.times_h)
    for c, s in np.argwhere(np.isnan(out).any(1)):
        known = ~np.isnan(out[c, :, s])
        x, y = clock[known], out[c, known, s]
        if len(times) > len(clock):
            x, y = np.append(0.0, x), np.append(experiments.y0[c, s], y)
        out[c, :, s] = np.interp(clock, x, y) if len(x) else experiments.y0[c, s]
    return out


def through(
    seen_h: Float[np.ndarray, " seen"],
    values: Float[np.ndarray, "condition seen species"],
    y0: Float[np.ndarray, "condition species"],
    times_h: Float[np.ndarray, " time"],
) -> Float[np.ndarray, "condition time species"]:
    """Values known at some times, at any other: monotone cubic (PCHIP) in log(1 + t) from y0, constant afterwards."""
    if seen_h[0] > 0:
        seen_h, values = np.append(0.0, seen_h), np.concatenate([y0[:, None], values], axis=1)
    if len(seen_h) == 1:
        return np.repeat(values, len(times_h), axis=1)
    return PchipInterpolator(np.log1p(seen_h), values, axis=1)(np.log1p(np.minimum(times_h, seen_h[-1])))


def asked(experiments: Experiments, times_h: Sequence[float] | np.ndarray | None) -> Float[np.ndarray, " time"]:
    """The times of a prediction: given ones, checked, or the experiments' own."""
    return experiments.times_h if times_h is None else check_times(times_h)


class Learned:
    """What every fitted baseline knows of its training: the network, and the last time it saw."""

    network: SignalingNetwork | None = None
    until_h: float

    def learns(self, experiments: Experiments) -> None:
        """Called by `fit`; ModelError where nothing was measured, a warning of values that can be no fractions."""
        if not experiments.measured.any():
            raise ModelError("nothing was measured; allowed: at least one point")
        warn_units(experiments)
        self.network, self.until_h = experiments.network, float(experiments.times_h[-1])

    def asked(
        self, experiments: Experiments, times_h: Sequence[float] | np.ndarray | None
    ) -> Float[np.ndarray, " time"]:
        """The times of a prediction; ModelError before `fit` or on another network, a warning beyond what was seen."""
        if self.network is None:
            raise ModelError(f"{type(self).__name__} has not been fitted")
        same_species(self.network, experiments)
        times = asked(experiments, times_h)
        warn_beyond(times, self.until_h)
        return times


class Trained(Learned, nn.Module):
    """A baseline trained by gradient: subclasses give `build` and `forward`; loop, loss and budget are shared."""

    training_defaults = Training(steps=400, learning_rate=5e-3)

    def __init__(self, training: Training | None = None):
        super().__init__()
        self.schedule = training or self.training_defaults

    def build(self, experiments: Experiments) -> None:
        """Create the parameters for this network."""
        raise NotImplementedError

    def forward(
        self,
        stimulus: Float[Tensor, "condition species"],
        factor: Float[Tensor, "condition species"],
        y0: Float[Tensor, "condition species"],
        times_h: Float[np.ndarray, " time"],
    ) -> Float[Tensor, "condition time species"]:
        raise NotImplementedError

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def fit(self, experiments: Experiments) -> "Trained":
        """Mean squared error over the measured points; ModelError where none is later than t = 0."""
        self.learns(experiments)
        if not experiments.times_h[-1] > 0:
            raise ModelError("nothing to train on; allowed: at least one time after 0")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.schedule.seed)
            self.build(experiments)
        self.seen_h = experiments.times_h
        held, factor, y0, target = self._tensors(experiments)
        mask = torch.isfinite(target)
        target = torch.where(mask, target, 0.0)

        def loss(_: torch.Generator) -> Tensor:
            error = (self(held, factor, y0, experiments.times_h) - target).square() * mask
            return error.sum() / mask.sum()

        self.train()
        train(self, loss, self.schedule, data=fingerprint(experiments))
        self.eval()
        return self

    def predict(
        self, experiments: Experiments, times_h: Sequence[float] | np.ndarray | None = None
    ) -> Float[np.ndarray, "condition time species"]:
        times = self.asked(experiments, times_h)
        with one_thread(), torch.no_grad():
            found = self(*self._tensors(experiments)[:3], times)
        return found.double().numpy()

    def _tensors(self, e: Experiments) -> tuple[Tensor, ...]:
        values = (e.stimulus, e.factor, e.y0, e.activity)
        return tuple(torch.as_tensor(np.array(v), dtype=torch.float32) for v in values)


class OnGrid(Trained):
    """A trained baseline that knows only the times it was shown; other times by `through`."""

    def at_seen(
        self,
        stimulus: Float[Tensor, "condition species"],
        factor: Float[Tensor, "condition species"],
        y0: Float[Tensor, "condition species"],
    ) -> Float[Tensor, "condition seen species"]:
        raise NotImplementedError

    def forward(self, stimulus: Tensor, factor: Tensor, y0: Tensor, times_h: np.ndarray) -> Tensor:
        values = self.at_seen(stimulus, factor, y0)
        if np.array_equal(times_h, self.seen_h):
            return values
        return torch.as_tensor(through(self.seen_h, values.detach().numpy(), y0.numpy(), times_h), dtype=torch.float32)
