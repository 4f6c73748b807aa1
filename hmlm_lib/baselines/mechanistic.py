"""The mechanistic model itself, with parameters that are wrong, typical or fitted.

tau dy/dt = ymax f(y) - y with the normalized-Hill gates of `dynamics/hill.py`: on worlds of that mechanism these models
have the form of the truth, which no other model here is given.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from hmlm_lib.baselines.protocol import Trained, asked
from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.hill import activation
from hmlm_lib.dynamics.simulate import Parameters, trajectories
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.attention import LogicAttention
from hmlm_lib.hmlm.tokens import tokens
from hmlm_lib.hmlm.transducer import between, time_grid, transduce
from hmlm_lib.network.network import NetworkArrays
from hmlm_lib.training import Training

WRONG = 0.3  # relative error of every parameter of the wrong model
STEEPEST = 12.0  # n of a fitted gate: nearly a step
SMALLEST = -85.0  # log of EC50^n of a fitted gate: what float32 still holds; below it gradients are not a number


def perturbed(arrays: NetworkArrays, seed: int, relative: float = WRONG) -> NetworkArrays:
    """Every w, n, EC50 and tau off by a factor 1 + relative N(0, 1), kept in its range."""
    rng = np.random.default_rng((seed, 6))

    def off(value: np.ndarray, low: float, high: float) -> np.ndarray:
        return (value * (1 + relative * rng.standard_normal(len(value)))).clip(low, high)

    return replace(
        arrays,
        w=off(arrays.w, 0.05, 1.0),
        n=off(arrays.n, 1.0, 5.0),
        ec50=off(arrays.ec50, 0.1, 0.9),
        tau=off(arrays.tau, 0.02, 100.0),
    )


class HillGiven:
    """The equations with given parameters, by the simulator; nothing is learned."""

    n_parameters = 0

    def __init__(self, arrays: NetworkArrays):
        self.arrays = arrays

    def fit(self, experiments: Experiments) -> "HillGiven":
        return self

    def predict(self, experiments: Experiments, times_h: np.ndarray | None = None) -> np.ndarray:
        times = asked(experiments, times_h)
        grid = times if times[0] == 0 else np.append(0.0, times)
        own = Parameters(ymax=self.arrays.ymax * experiments.factor)
        held, y0 = torch.as_tensor(experiments.stimulus), torch.as_tensor(np.array(experiments.y0))
        with one_thread(), torch.no_grad():
            return trajectories(self.arrays, grid, held, y0, own)[:, len(grid) - len(times) :].numpy()


class HillFitted(Trained):
    """The equations; w, n <= 12, EC50 and tau fitted by gradient through the roll-out from the network's own values."""

    training_defaults = Training(steps=800, learning_rate=5e-2)

    def __init__(self, training: Training | None = None, grid: int = 40, corrections: int = 2):
        super().__init__(training)
        self.grid, self.corrections = grid, corrections

    def build(self, experiments: Experiments) -> None:
        arrays = experiments.network.arrays
        self.t, size = tokens(arrays), len(arrays.tau)
        self.ymax = torch.as_tensor(arrays.ymax, dtype=torch.float32)
        self.horizon_h = float(experiments.times_h[-1])
        start = {"w": _logit(arrays.w.clip(0.02, 0.95)), "n": np.log(arrays.n), "ec50": _logit(arrays.ec50)}
        for name, value in start.items():
            setattr(self, name, nn.Parameter(torch.as_tensor(value, dtype=torch.float32)[:, None]))
        self.log_tau = nn.Parameter(torch.log(self.t.tau_h)[:, None])
        self.logic = LogicAttention(self.t.reaction, self.t.product, size, dense=True)

    def forward(self, stimulus: Tensor, factor: Tensor, y0: Tensor, times_h: np.ndarray) -> Tensor:
        grid = time_grid(max(self.horizon_h, float(times_h[-1])), self.grid)
        w, n, ec50 = torch.sigmoid(self.w), torch.exp(self.n).clamp(max=STEEPEST), torch.sigmoid(self.ec50)
        ec50 = torch.maximum(ec50, torch.exp(SMALLEST / n).detach())
        n, ec50 = n[self.t.reaction], ec50[self.t.reaction]
        untouched, ymax, inhibits = (1 - stimulus).T, (factor * self.ymax).T, self.t.inhibits[:, None]

        def drive(y: Tensor, _: int) -> Tensor:
            # A tiny activity keeps the gradient of the power finite where a species is silent.
            gate = activation(y.index_select(0, self.t.source).clamp(min=1e-6), n, ec50)
            return ymax * (1 - untouched * self.logic(torch.where(inhibits, 1 - gate, gate), w))

        states = transduce(drive, y0.T, torch.exp(self.log_tau), grid, self.corrections)
        return between(states, grid, times_h).permute(2, 0, 1)


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))
