"""HMLM of a population: what is common is learned from many cells, what is one cell's own is read from its points.

    forecast     y_0 = roll-out of the typical cell                                                       Eq. (1)
    latent       c_p = c_(p-1) + Encoder(points - y_(p-1), y_(p-1)),   c_0 = 0                            Eq. (2)
    kinetics     gate += G_e c_target, weight += w_r c_product, log tau += t_v c_v, drive += d_v c_v      Eq. (3)
    again        y_p = roll-out of that cell,   p = 1 ... passes                                          Eq. (4)
    refine       c* = argmin_c sum_measured (y(c) - points)^2 + pull |c - c_passes|^2                     Eq. (5)

Species that were never measured follow from the equations of the cell that the others point to. Training hides random
species of every cell, so that the encoder learns to do without. A new cell is read in one pass; Eq. (5), a few steps of
gradient descent that begin there, weighs what the encoder expects against what was measured. No parameter is trained.

Ours: the paper has one cell. The loss is the mean squared error at the measured points, all passes weighed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments, same_species, warn_beyond
from hmlm_lib.hmlm.encoder import Encoder, clock, shown_species
from hmlm_lib.hmlm.kinetics import Kinetics
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.transducer import between, time_grid
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Progress, Training, train

TRAINING = Training(steps=800, learning_rate=0.02, shared_rate=0.15)
REFINE_RATE = 0.02
TYPICAL_WEIGHT = 0.2  # of Eq. (1)'s error in the loss, beside 1 for every pass


@dataclass(frozen=True)
class CellConfig:
    """width, heads, layers: of the encoder. latent: numbers a species of a cell. passes: readings, Eq. (2).

    hidden: fraction of training cells that hide species; of these, 35 to 85 % of the species are hidden.
    refine: steps of Eq. (5), 0 for none; pull: its weight.
    """

    model: HMLMConfig = field(default_factory=lambda: HMLMConfig(sums=False, pace=False))
    width: int = 32
    heads: int = 4
    layers: int = 3
    latent: int = 16
    passes: int = 1
    hidden: float = 0.6
    latent_penalty: float = 1e-4
    refine: int = 60
    pull: float = 0.03

    def __post_init__(self) -> None:
        if self.passes < 1 or self.latent < 1 or self.layers < 0 or not 0 <= self.hidden <= 1:
            raise ModelError(
                f"passes = {self.passes}, latent = {self.latent}, layers = {self.layers}, hidden = {self.hidden}; "
                f"allowed: passes and latent >= 1, layers >= 0, hidden in [0, 1]"
            )
        if min(self.width, self.heads) < 1 or self.width % self.heads:
            raise ModelError(f"width is {self.width}, heads {self.heads}; allowed: a multiple of heads, both >= 1")
        if self.refine < 0 or self.pull < 0:
            raise ModelError(f"refine = {self.refine}, pull = {self.pull}; allowed: 0 or more")
        if self.model.attention != "logic" or not self.model.identity:
            raise ModelError("a population needs attention='logic' and identity=True")


class Loadings(nn.Module):
    """Eq. (3): linear in the latent numbers of the species that an edge, reaction or time constant belongs to."""

    def __init__(self, model: HMLM, latent: int):
        super().__init__()
        self.register_buffer("target", model._target, persistent=False)
        self.register_buffer("product", model._product, persistent=False)
        size, scale = len(model._species), 0.3 / latent**0.5
        shapes = {"gate": (len(model.gate), len(self.target)), "weight": (len(self.product),), "tau": (size,)}
        for name, shape in shapes.items():
            setattr(self, name, nn.Parameter(scale * torch.randn(*shape, latent)))
        self.drive = nn.Parameter(torch.zeros(size, latent))

    def forward(self, latent: Float[Tensor, "cell species latent"]) -> Kinetics:
        return Kinetics(
            gate=torch.einsum("pel,cel->pec", self.gate, latent[:, self.target]),
            weight=torch.einsum("rl,crl->rc", self.weight, latent[:, self.product]),
            log_tau=torch.einsum("sl,csl->sc", self.tau, latent),
            drive=torch.einsum("sl,csl->sc", self.drive, latent),
        )


class CellHMLM(nn.Module):
    """fit(cells) -> self, then reconstruct(cells, times_h) or attention(cells), which read what was measured."""

    FREE = (*tuple(f"typical.{name}" for name in HMLM.FREE), "loadings.gate", "loadings.weight", "loadings.tau")

    def __init__(self, network: SignalingNetwork, config: CellConfig):
        super().__init__()
        self.network, self.config, self.seed = network, config, 0
        self.typical = HMLM(network, config.model)
        model = self.typical
        self.encoder = Encoder(
            model._source, model._target, model.edge_kind(), len(model._species),
            config.width, config.heads, config.layers, config.latent,
        )  # fmt: skip
        self.loadings = Loadings(model, config.latent)
        self.register_buffer("rest", torch.zeros(len(model._species)))

    @classmethod
    def from_network(cls, network: SignalingNetwork, config: CellConfig | None = None, seed: int = 0) -> "CellHMLM":
        """An untrained model; the same seed gives the same parameters."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = cls(network, config or CellConfig())
        model.seed = seed
        return model

    @property
    def horizon_h(self) -> float:
        """Longest time it was trained on."""
        return self.typical.horizon_h

    @horizon_h.setter
    def horizon_h(self, hours: float) -> None:
        self.typical.horizon_h = hours

    def edge_labels(self) -> list[str]:
        """As of `HMLM`."""
        return self.typical.edge_labels()

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters())

    def passes(
        self,
        stimulus: Float[Tensor, "cell species"],
        factor: Float[Tensor, "cell species"],
        y0: Float[Tensor, "cell species"],
        points: Float[Tensor, "cell time species"],
        measured: Bool[Tensor, "cell time species"],
        times_h: Float[np.ndarray, " time"],
        grid: Float[np.ndarray, " point"],
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """States [point, species, cell] of the typical cell and after every pass; the penalty; the latent numbers."""
        states, penalty = self.typical.rollout(stimulus, factor, y0, grid)
        found, latent = [states], None
        read = self._reader(y0, points, measured, times_h, grid)
        for _ in range(self.config.passes):
            step = self.encoder(*read(states))
            latent = step if latent is None else latent + step
            states, _ = self.typical.rollout(stimulus, factor, y0, grid, self.loadings(latent))
            found.append(states)
        return found, penalty, latent

    @staticmethod
    def _read_times(times_h: Float[np.ndarray, " time"]) -> Float[np.ndarray, " point"]:
        """Hours of the points that are read: the rest state is a point too."""
        return np.append(0.0, times_h) if times_h[0] > 0 else times_h

    def _reader(
        self,
        y0: Float[Tensor, "cell species"],
        points: Float[Tensor, "cell time species"],
        measured: Bool[Tensor, "cell time species"],
        times_h: Float[np.ndarray, " time"],
        grid: Float[np.ndarray, " point"],
    ) -> Callable[[Float[Tensor, "point species cell"]], tuple[Tensor, ...]]:
        """From states on the grid to what the encoder reads: residual, forecast, known points, clock."""
        asked = self._read_times(times_h)
        known, first = measured, measured.any(1, keepdim=True)
        if len(asked) > len(times_h):
            known = torch.cat([first, measured], 1)
        hour = clock(asked, self.horizon_h).to(points.device)

        def read(states: Tensor) -> tuple[Tensor, ...]:
            forecast = between(states, grid, asked).permute(2, 0, 1)
            expected = forecast[:, -len(times_h) :]
            residual = torch.where(measured, points - expected, 0.0)
            if len(asked) > len(times_h):
                residual = torch.cat([torch.where(first, y0[:, None] - self.rest, 0.0), residual], 1)
            return residual, forecast, known, hour

        return read

    def fit(
        self,
        experiments: Experiments,
        training: Training | None = None,
        report: Callable[[Progress], None] | None = None,
        batch: int = 32,
    ) -> "CellHMLM":
        """Train on cells seen at some points each; batch: cells a step. Raises ModelError or TrainingError."""
        self.typical._check_trainable(experiments, batch)
        self.horizon_h = float(experiments.times_h[-1])
        grid, times = time_grid(self.horizon_h, self.config.model.grid), experiments.times_h
        held, factor, y0, target, known = self._points(experiments)
        self.rest.copy_(y0.mean(0))

        def loss(generator: torch.Generator) -> Tensor:
            rows = torch.randperm(len(held), generator=generator)[:batch]
            shown = shown_species(len(rows), len(self.rest), self.config.hidden, generator).to(held.device)
            start = torch.where(shown, y0[rows], self.rest)
            states, penalty, latent = self.passes(
                held[rows], factor[rows], start, target[rows], known[rows] & shown[:, None], times, grid
            )
            weights = [TYPICAL_WEIGHT] + [1.0] * self.config.passes
            error = sum(
                weight * ((between(s, grid, times).permute(2, 0, 1) - target[rows]).square() * known[rows]).sum()
                for weight, s in zip(weights, states, strict=True)
            )
            return error / known[rows].sum() + penalty + self.config.latent_penalty * latent.square().mean()

        train(self, loss, training or TRAINING, report, self.typical._data(experiments, batch, self.config, self.seed))
        return self

    def reconstruct(
        self, experiments: Experiments, times_h: Sequence[float] | np.ndarray | None = None
    ) -> Float[np.ndarray, "cell time species"]:
        """Trajectories at times_h of the cells whose points are in experiments.activity (NaN: not measured)."""
        self._check_readable(experiments)
        times = experiments.times_h if times_h is None else check_times(times_h)
        warn_beyond(times, self.horizon_h)
        grid = time_grid(max(self.horizon_h, float(times[-1]), float(experiments.times_h[-1])), self.config.model.grid)
        held, factor, y0, points, known = self._points(experiments)
        with one_thread():
            with torch.no_grad():
                _, _, latent = self.passes(held, factor, y0, points, known, experiments.times_h, grid)

            def course(latent: Tensor, at: Float[np.ndarray, " time"]) -> Float[Tensor, "cell time species"]:
                states, _ = self.typical.rollout(held, factor, y0, grid, self.loadings(latent))
                return between(states, grid, at).permute(2, 0, 1)

            latent = self._refined(latent, lambda c: (course(c, experiments.times_h) - points).square() * known)
            with torch.no_grad():
                return course(latent, times).cpu().double().numpy()

    def attention(self, experiments: Experiments) -> xr.DataArray:
        """Temporal attention over the measured points, dims (cell, time, head, species); see `looking.py`."""
        from hmlm_lib.hmlm.looking import temporal_attention

        return temporal_attention(self, experiments)

    def _check_readable(self, experiments: Experiments) -> None:
        same_species(self.network, experiments)
        if not self.horizon_h:
            raise ModelError("CellHMLM has not been fitted")

    def _points(self, experiments: Experiments) -> tuple[Tensor, ...]:
        """Stimulus, factor, y0, activity with 0 where nothing was measured, and where something was."""
        *treated, points = self.typical._tensors(experiments)
        known = torch.isfinite(points)
        return *treated, torch.where(known, points, 0.0), known

    def _refined(self, read: Float[Tensor, "cell species latent"], errors: Callable[[Tensor], Tensor]) -> Tensor:
        """Eq. (5) by Adam from what was read; cells do not touch each other."""
        latent = read.clone().requires_grad_()
        optimiser = torch.optim.Adam([latent], lr=REFINE_RATE)
        for step in range(self.config.refine):
            optimiser.param_groups[0]["lr"] = REFINE_RATE * 0.5 * (1 + np.cos(np.pi * step / self.config.refine))
            loss = errors(latent).sum() + self.config.pull * (latent - read).square().sum()
            (latent.grad,) = torch.autograd.grad(loss, latent)
            optimiser.step()
        return latent.detach()

    def save(self, path: str | Path) -> Path:
        """Checkpoint without pickle; see `checkpoint.py`."""
        from hmlm_lib.hmlm.checkpoint import save

        return save(self, path)

    @classmethod
    def load(cls, path: str | Path, network: SignalingNetwork) -> "CellHMLM":
        """A saved model on its network; ModelError for a damaged file or another network."""
        from hmlm_lib.hmlm.checkpoint import load_cells

        return load_cells(path, network)
