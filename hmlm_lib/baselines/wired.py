"""Models that know the wiring and relax toward a drive, without the form of the true equations.

All are solved as HMLM is (`transducer.py`), with the stimulus entering as it does there, and learn one time constant a
species from the network's own: only how regulators become a drive differs.

- `CellBox`: sigmoid of a weighted sum over regulators. Source: Yuan et al., Cell Syst 2021;12:128 (their tanh, scaled
  to [0, 1]).
- `Lembas`: weighted sum with the sign of every edge fixed, Michaelis-Menten-like activation. Source: Nilsson et al.,
  Nat Commun 2022;13:3069.
- `GraphODE`: message passing with shared weights.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hmlm_lib.baselines.protocol import Trained
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.tokens import tokens
from hmlm_lib.hmlm.transducer import between, time_grid, transduce
from hmlm_lib.training import Training


class Wired(Trained):
    """tau dy/dt = factor ymax (1 - (1 - u)(1 - level(y))) - y; subclasses give `level`, 0 without a regulator."""

    training_defaults = Training(steps=800, learning_rate=5e-2)

    def __init__(self, training: Training | None = None, grid: int = 40, corrections: int = 2):
        super().__init__(training)
        self.grid, self.corrections = grid, corrections

    def build(self, experiments: Experiments) -> None:
        arrays = experiments.network.arrays
        self.t = tokens(arrays)
        self.ymax = torch.as_tensor(arrays.ymax, dtype=torch.float32)
        self.horizon_h = float(experiments.times_h[-1])
        self.log_tau = nn.Parameter(torch.log(self.t.tau_h)[:, None])
        mask = torch.zeros(self.t.n_species, self.t.n_species)
        mask[self.t.target, self.t.source] = 1.0
        self.mask, self.driven = mask, (mask.sum(1, keepdim=True) > 0).float()
        self.build_level()

    def build_level(self) -> None:
        raise NotImplementedError

    def level(self, y: Float[Tensor, "species batch"]) -> Float[Tensor, "species batch"]:
        raise NotImplementedError

    def forward(self, stimulus: Tensor, factor: Tensor, y0: Tensor, times_h: np.ndarray) -> Tensor:
        grid = time_grid(max(self.horizon_h, float(times_h[-1])), self.grid)
        untouched, ymax = (1 - stimulus).T, (factor * self.ymax).T

        def drive(y: Tensor, _: int) -> Tensor:
            return ymax * (1 - untouched * (1 - self.driven * self.level(y)))

        states = transduce(drive, y0.T, torch.exp(self.log_tau), grid, self.corrections)
        return between(states, grid, times_h).permute(2, 0, 1)


class CellBox(Wired):
    """level = sigmoid(W y + b), W on the network's edges, signs free."""

    def build_level(self) -> None:
        size = self.t.n_species
        sign = torch.where(self.t.inhibits, -1.0, 1.0)
        start = torch.zeros(size, size)
        start[self.t.target, self.t.source] = 3.0 * sign
        self.weight, self.bias = nn.Parameter(start), nn.Parameter(torch.full((size, 1), -2.0))

    def level(self, y: Tensor) -> Tensor:
        return torch.sigmoid((self.weight * self.mask) @ y + self.bias)

    @property
    def n_parameters(self) -> int:
        return int(self.mask.sum()) + len(self.bias) + len(self.log_tau)


class Lembas(CellBox):
    """level = MML(W y + b), signs of W fixed; MML(x) = .01 x below 0, x to 1/2, then 1 - 1 / (4 x)."""

    def build_level(self) -> None:
        size = self.t.n_species
        self.direction = torch.zeros(size, size)
        self.direction[self.t.target, self.t.source] = torch.where(self.t.inhibits, -1.0, 1.0)
        self.weight, self.bias = nn.Parameter(torch.full((size, size), 0.5)), nn.Parameter(torch.zeros(size, 1))

    def level(self, y: Tensor) -> Tensor:
        x = (nn.functional.softplus(self.weight) * self.direction) @ y + self.bias
        return torch.where(x < 0.5, torch.where(x < 0, 0.01 * x, x), 1 - 0.25 / x.clamp(min=0.5))


class GraphODE(Wired):
    """Messages from regulators by one shared MLP, summed, read by another; species differ by their features only."""

    training_defaults = Training(steps=800, learning_rate=1e-2)

    def __init__(self, training: Training | None = None, width: int = 16, grid: int = 24, corrections: int = 1):
        super().__init__(training, grid, corrections)
        self.width = width

    def build_level(self) -> None:
        t, d = self.t, self.width
        about = torch.cat([t.species[t.source], t.species[t.target], t.edge], 1)
        self.edge, self.species = about, t.species
        self.about, self.carried, self.send = nn.Linear(about.shape[1], d), nn.Linear(1, d), nn.Linear(d, d)
        self.own, self.heard, self.state = nn.Linear(t.species.shape[1], d), nn.Linear(d, d), nn.Linear(1, d)
        self.read = nn.Linear(d, 1)

    def level(self, y: Tensor) -> Tensor:
        t, x = self.t, y.T[..., None]
        message = self.send(nn.functional.gelu(self.about(self.edge) + self.carried(x[:, t.source])))
        total = message.new_zeros(len(x), t.n_species, self.width).index_add(1, t.target, message)
        hidden = nn.functional.gelu(self.own(self.species) + self.heard(total) + self.state(x))
        return torch.sigmoid(self.read(hidden)[..., 0] - 1.0).T
