"""Networks that do not look at the wiring: MLP, GRU, plain transformer, neural ODE."""

import itertools
import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchdiffeq import odeint

from hmlm_lib.baselines.protocol import OnGrid, Trained
from hmlm_lib.experiments import Experiments
from hmlm_lib.training import Training


def perceptron(sizes: list[int], dropout: float = 0.0) -> nn.Sequential:
    """Linear layers with GELU between them."""
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.GELU(), nn.Dropout(dropout)] if i else []
        layers.append(nn.Linear(a, b))
    return nn.Sequential(*layers)


class Treated(Trained):
    """Reads stimulus levels and knock-outs; `self.done` turns them into one vector a condition."""

    def remember(self, experiments: Experiments) -> int:
        """Which species are inputs; returns the length of the vector."""
        self.inputs = torch.as_tensor(np.flatnonzero(experiments.network.arrays.has_input))
        self.size = len(experiments.network.species_names)
        return len(self.inputs) + self.size

    def done(
        self, stimulus: Float[Tensor, "condition species"], factor: Float[Tensor, "condition species"]
    ) -> Float[Tensor, "condition feature"]:
        return torch.cat([4 * (stimulus[:, self.inputs] - 0.1), 1 - factor], 1)


class MLP(Treated):
    """(treatment, time) -> activity of every species; the rest state is exact at t = 0."""

    training_defaults = Training(steps=800, learning_rate=5e-3, weight_decay=0.1)

    def __init__(self, training: Training | None = None, width: int = 128, dropout: float = 0.0):
        super().__init__(training)
        self.width, self.dropout = width, dropout

    def build(self, experiments: Experiments) -> None:
        length = self.remember(experiments)
        self.net = perceptron([length + 8, self.width, self.width, self.size], self.dropout)

    def forward(self, stimulus: Tensor, factor: Tensor, y0: Tensor, times_h: np.ndarray) -> Tensor:
        clock = torch.as_tensor(np.log1p(times_h), dtype=torch.float32)
        waves = torch.cat([f(clock[:, None] * torch.arange(1, 5) * 0.7) for f in (torch.sin, torch.cos)], 1)
        done = self.done(stimulus, factor)
        both = torch.cat([done[:, None].expand(-1, len(clock), -1), waves.expand(len(done), -1, -1)], 2)
        begun = 1 - torch.exp(-clock / 0.2)[None, :, None]
        return y0[:, None] + begun * (torch.sigmoid(self.net(both)) - y0[:, None])


class GRU(OnGrid, Treated):
    """A gated recurrent unit over the observed times, told the treatment and the time elapsed."""

    training_defaults = Training(steps=2000, learning_rate=3e-3, weight_decay=1e-2)

    def __init__(self, training: Training | None = None, width: int = 128, dropout: float = 0.0):
        super().__init__(training)
        self.width, self.dropout = width, dropout

    def build(self, experiments: Experiments) -> None:
        length = self.remember(experiments)
        self.clock = torch.as_tensor(np.diff(np.log1p(np.append(0.0, experiments.times_h))), dtype=torch.float32)
        self.encode = nn.Linear(length, self.width)
        self.cell = nn.GRU(length + 1, self.width, batch_first=True)
        self.drop = nn.Dropout(self.dropout)
        self.readout = nn.Linear(self.width, self.size)

    def at_seen(self, stimulus: Tensor, factor: Tensor, y0: Tensor) -> Tensor:
        done = self.done(stimulus, factor)
        steps = torch.cat(
            [done[:, None].expand(-1, len(self.clock), -1), self.clock[None, :, None].expand(len(done), -1, 1)], 2
        )
        hidden, _ = self.cell(steps, torch.tanh(self.encode(done))[None])
        return torch.sigmoid(self.readout(self.drop(hidden)))


class Transformer(OnGrid, Treated):
    """Every species a token that may attend to every other: no topology. All observed times are read out at once."""

    training_defaults = Training(steps=300, learning_rate=5e-3)

    def __init__(self, training: Training | None = None, width: int = 32, layers: int = 2, heads: int = 4):
        super().__init__(training)
        self.width, self.n_layers, self.heads = width, layers, heads

    def build(self, experiments: Experiments) -> None:
        self.remember(experiments)
        self.name = nn.Parameter(torch.randn(self.size, self.width) / math.sqrt(self.width))
        self.touch = nn.Linear(3, self.width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(self.width, self.heads, 2 * self.width, 0.0, batch_first=True, norm_first=True)
            for _ in range(self.n_layers)
        )
        self.norm = nn.LayerNorm(self.width)
        self.readout = nn.Parameter(torch.zeros(self.size, self.width, len(experiments.times_h)))
        self.level = nn.Parameter(torch.zeros(self.size, len(experiments.times_h)))

    def at_seen(self, stimulus: Tensor, factor: Tensor, y0: Tensor) -> Tensor:
        state = self.name + self.touch(torch.stack([4 * stimulus, 1 - factor, y0], 2))
        for layer in self.layers:
            state = layer(state)
        return torch.sigmoid(torch.einsum("csw,swt->cts", self.norm(state), self.readout) + self.level.T)


class NeuralODE(Treated):
    """dy/ds = MLP(y, treatment, s) in s = log(1 + t / 2 h), by torchdiffeq's fourth-order Runge-Kutta."""

    training_defaults = Training(steps=1500, learning_rate=2e-3)

    def __init__(self, training: Training | None = None, width: int = 128, step: float = 0.25):
        super().__init__(training)
        self.width, self.step = width, step

    def build(self, experiments: Experiments) -> None:
        length = self.remember(experiments)
        self.net = perceptron([self.size + length + 1, self.width, self.width, self.size])

    def forward(self, stimulus: Tensor, factor: Tensor, y0: Tensor, times_h: np.ndarray) -> Tensor:
        done = self.done(stimulus, factor)
        clock = np.log1p(np.asarray(times_h) / 2)
        first = 0 if clock[0] == 0 else 1
        times = torch.as_tensor(np.append(0.0, clock) if first else clock, dtype=torch.float32)

        def slope(s: Tensor, y: Tensor) -> Tensor:
            return self.net(torch.cat([y, done, s.expand(len(y), 1)], 1)).tanh() * 2

        course = odeint(slope, y0, times, method="rk4", options={"step_size": self.step})
        return course[first:].transpose(0, 1)
