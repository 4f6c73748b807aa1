"""Task D's baselines: the course of a new cell from its points. fit(cells) -> self, reconstruct(seen, times_h).

Unlike `predict`, `reconstruct` reads what was measured of the cells it is asked about. A species that is not measured
has NaN in `seen.activity`; what a model says of it rests on the training cells.
"""

from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from hmlm_lib.baselines.mechanistic import HillFitted
from hmlm_lib.baselines.networks import perceptron
from hmlm_lib.baselines.protocol import filled, through
from hmlm_lib.device import one_thread
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments, fingerprint
from hmlm_lib.hmlm.encoder import EDGE_TYPES, Encoder, clock, shown_species
from hmlm_lib.hmlm.tokens import tokens
from hmlm_lib.training import Training, train

Courses = Float[np.ndarray, "cell time species"]


class CellModel(Protocol):
    """Anything that can stand in task D's table."""

    n_parameters: int

    def fit(self, experiments: Experiments) -> "CellModel":
        """Learn from cells seen at some points each."""

    def reconstruct(self, seen: Experiments, times_h: Float[np.ndarray, " time"]) -> Courses:
        """The course of every species of these cells."""


def observed(seen: Experiments) -> Bool[np.ndarray, " species"]:
    """Species that were measured at every time in every cell; ModelError where some cells differ."""
    some, every = seen.measured.any((0, 1)), seen.measured.all((0, 1))
    if (some & ~every).any():
        name = seen.network.species_names[int(np.flatnonzero(some & ~every)[0])]
        raise ModelError(f"species {name!r} is measured in part; allowed here: everywhere or nowhere")
    return every


class StillCell:
    """Persistence: every species stays at rest; one that was not measured, where the mean training cell rests."""

    n_parameters = 0

    def fit(self, experiments: Experiments) -> "StillCell":
        return self

    def reconstruct(self, seen: Experiments, times_h: np.ndarray) -> Courses:
        return np.repeat(seen.y0[:, None], len(times_h), axis=1)


class MeanCell:
    """The mean training course, whatever was measured."""

    def fit(self, experiments: Experiments) -> "MeanCell":
        self.seen_h, self.values = experiments.times_h, filled(experiments).mean(0, keepdims=True)
        self.n_parameters = self.values.size
        return self

    def reconstruct(self, seen: Experiments, times_h: np.ndarray) -> Courses:
        return through(self.seen_h, np.repeat(self.values, len(seen), axis=0), seen.y0, times_h)


class Between(MeanCell):
    """Monotone cubic through a species' own points (PCHIP in log(1 + t)); the mean course where there are none."""

    def reconstruct(self, seen: Experiments, times_h: np.ndarray) -> Courses:
        known = observed(seen)
        found = super().reconstruct(seen, times_h)
        own = through(seen.times_h, seen.activity[:, :, known], seen.y0[:, known], times_h)
        found[:, :, known] = own
        return found


def _inputs(e: Experiments) -> Float[np.ndarray, "cell input"]:
    return e.stimulus[:, e.network.arrays.has_input]


class PopulationRidge:
    """Ridge from stimulus, rest state and points to all species at the same times; strength by leave-one-out.

    Solved anew for the species that were measured, so it is the best linear answer to that question.
    """

    def fit(self, experiments: Experiments) -> "PopulationRidge":
        self.cells, self.n_parameters = experiments, 0
        return self

    def _features(self, e: Experiments, known: np.ndarray) -> np.ndarray:
        return np.concatenate([_inputs(e), e.y0[:, known], e.activity[:, :, known].reshape(len(e), -1)], axis=1)

    def reconstruct(self, seen: Experiments, times_h: np.ndarray) -> Courses:
        if not np.array_equal(seen.times_h, self.cells.times_h):
            raise ModelError("ridge reads cells at the times it was trained on only")
        known = observed(seen)
        scale = StandardScaler().fit(self._features(self.cells, known))
        ridge = RidgeCV(alphas=np.logspace(0, 4, 13))
        ridge.fit(scale.transform(self._features(self.cells, known)), filled(self.cells).reshape(len(self.cells), -1))
        self.n_parameters = ridge.coef_.size + ridge.intercept_.size
        values = ridge.predict(scale.transform(self._features(seen, known)))
        return through(seen.times_h, values.reshape(len(seen), len(seen.times_h), -1), seen.y0, times_h)


class Masked(nn.Module):
    """Networks trained to give back all points of a cell while some of its species are hidden from them."""

    training_defaults = Training(steps=1500, learning_rate=3e-3, weight_decay=1e-2)

    def __init__(self, training: Training | None = None, batch: int = 64, hidden: float = 0.6):
        super().__init__()
        self.schedule, self.batch, self.hidden = training or self.training_defaults, batch, hidden

    def build(self, experiments: Experiments) -> None:
        raise NotImplementedError

    def forward(
        self,
        level: Float[Tensor, "cell input"],
        y0: Float[Tensor, "cell species"],
        residual: Float[Tensor, "cell time species"],
        known: Bool[Tensor, "cell time species"],
    ) -> Float[Tensor, "cell time species"]:
        """Residuals from the mean course at the seen times, given those that are known (0 elsewhere)."""
        raise NotImplementedError

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters())

    def fit(self, experiments: Experiments) -> "Masked":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.schedule.seed)
            self.mean = MeanCell().fit(experiments)
            self.build(experiments)
        level, y0, points, known = self._tensors(experiments)
        middle, rest = torch.as_tensor(self.mean.values, dtype=torch.float32), y0.mean(0)

        def loss(generator: torch.Generator) -> Tensor:
            rows = torch.randperm(len(y0), generator=generator)[: self.batch]
            open_to = shown_species(len(rows), y0.shape[1], self.hidden, generator)
            start, shown = torch.where(open_to, y0[rows], rest), known[rows] & open_to[:, None]
            true = points[rows] - middle
            found = self(level[rows], start, torch.where(shown, true, 0.0), shown)
            return ((found - true).square() * known[rows]).sum() / known[rows].sum()

        self.train()
        train(self, loss, self.schedule, data=fingerprint(experiments))
        self.eval()
        return self

    def reconstruct(self, seen: Experiments, times_h: np.ndarray) -> Courses:
        if not np.array_equal(seen.times_h, self.mean.seen_h):
            raise ModelError(f"{type(self).__name__} reads cells at the times it was trained on only")
        level, y0, points, known = self._tensors(seen)
        middle = torch.as_tensor(self.mean.values, dtype=torch.float32)
        with one_thread(), torch.no_grad():
            values = middle + self(level, y0, torch.where(known, points - middle, 0.0), known)
        return through(seen.times_h, values.double().numpy(), seen.y0, times_h)

    @staticmethod
    def _tensors(e: Experiments) -> tuple[Tensor, ...]:
        level, y0, points = (
            torch.as_tensor(np.array(v), dtype=torch.float32) for v in (_inputs(e), e.y0, np.nan_to_num(e.activity))
        )
        return level, y0, points, torch.as_tensor(e.measured)


class CellMLP(Masked):
    """A perceptron over everything at once; knows no wiring."""

    training_defaults = Training(steps=1500, learning_rate=1e-3, weight_decay=0.05)

    def __init__(self, training: Training | None = None, width: int = 256, dropout: float = 0.1):
        super().__init__(training)
        self.width, self.dropout = width, dropout

    def build(self, experiments: Experiments) -> None:
        _, times, size = experiments.activity.shape
        levels = int(experiments.network.arrays.has_input.sum())
        self.net = perceptron([levels + size + times * size, self.width, self.width, times * size], self.dropout)

    def forward(self, level: Tensor, y0: Tensor, residual: Tensor, known: Tensor) -> Tensor:
        whole = known.any(1).to(y0.dtype)
        change = self.net(torch.cat([level, whole, 4 * residual.flatten(1)], 1))
        return residual + change.unflatten(1, residual.shape[1:])


class GraphEncoder(Masked):
    """HMLM's encoder with a plain decoder: residual of a species at a time, linear in its latent numbers.

    Knows the wiring, but rolls nothing out.
    """

    def __init__(self, training: Training | None = None, width: int = 64, heads: int = 4, layers: int = 3):
        super().__init__(training, batch=32)
        self.width, self.heads, self.layers = width, heads, layers

    def build(self, experiments: Experiments) -> None:
        t = tokens(experiments.network.arrays)
        kind = t.inhibits.long() + 2 * (t.edge[:, 1] > 0).long()
        assert int(kind.max()) < EDGE_TYPES
        self.inputs = torch.as_tensor(np.flatnonzero(experiments.network.arrays.has_input))
        times = len(experiments.times_h)
        self.encoder = Encoder(
            t.source, t.target, kind, t.n_species, self.width, self.heads, self.layers, 2 * times, untrained=0.05
        )
        self.hour = clock(experiments.times_h, float(experiments.times_h[-1]))
        self.stimulus = nn.Linear(len(self.inputs), 2 * times)
        self.decode = nn.Parameter(0.3 * torch.randn(t.n_species, 2 * times, times) / (2 * times) ** 0.5)

    def forward(self, level: Tensor, y0: Tensor, residual: Tensor, known: Tensor) -> Tensor:
        middle = torch.as_tensor(self.mean.values, dtype=y0.dtype).expand_as(residual)
        latent = self.encoder(residual, middle, known, self.hour) + self.stimulus(level)[:, None]
        return residual + torch.einsum("csl,slt->cts", latent, self.decode)


class HillPerCell:
    """The true equations, w, n, EC50 and tau of every new cell fitted to its points, pulled toward the typical cell.

    penalty: weight of the mean squared distance (in the transformed parameters) from the network fitted to the mean.
    """

    training_defaults = Training(steps=150, learning_rate=5e-2)

    def __init__(self, training: Training | None = None, penalty: float = 1e-4):
        self.schedule, self.penalty = training or self.training_defaults, penalty

    def fit(self, experiments: Experiments) -> "HillPerCell":
        schedule = replace(self.schedule, steps=2 * self.schedule.steps)
        self.typical = HillFitted(schedule).fit(experiments.take(np.arange(min(100, len(experiments)))))
        self.n_parameters = self.typical.n_parameters
        return self

    def reconstruct(self, seen: Experiments, times_h: np.ndarray) -> Courses:
        cell = HillFitted(self.schedule)
        cell.build(seen)
        cell.horizon_h = self.typical.horizon_h
        centre = {name: value.detach() for name, value in self.typical.named_parameters()}
        for name, value in centre.items():
            setattr(cell, name, nn.Parameter(value.repeat(1, len(seen))))
        held, factor, y0, target = cell._tensors(seen)
        known = torch.isfinite(target)
        target = torch.where(known, target, 0.0)

        def loss(_: torch.Generator) -> Tensor:
            error = (cell(held, factor, y0, seen.times_h) - target).square() * known
            far = sum((value - centre[name]).square().sum() for name, value in cell.named_parameters())
            return error.sum() / known.sum() + self.penalty * far / (len(centre) * len(seen))

        # A cell's gradient is a share of the mean over cells; Adam does not mind, a clip would.
        train(cell, loss, replace(self.schedule, clip=1e3))
        with one_thread(), torch.no_grad():
            return cell(held, factor, y0, times_h).double().numpy()
