"""From features of molecules to assays: one perceptron for all tasks of a set, missing labels masked, early stopping.

    features = [fingerprint, latents of the encoder]                                                          Eq. (1)
    loss = mean over known labels of binary cross-entropy, or of |y - f| in units of the task's sd            Eq. (2)

`Head` reads features that are fixed, `Tuned` trains the encoder with it. Source: CHMR paper, fine-tuning. No forest is
mixed in. The test rows are read by `predict` alone.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hmlm_lib.chmr.benchmarks import by_task
from hmlm_lib.chmr.classical import Labels
from hmlm_lib.chmr.labels import check_columns, check_known, check_numbers, check_score, check_sets, check_tasks
from hmlm_lib.chmr.model import CHMR
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.device import current, one_thread
from hmlm_lib.errors import MoleculeError, TrainingError, check_chance, check_whole
from hmlm_lib.moving import moved
from hmlm_lib.training import Training

TRAINING = Training(steps=400, learning_rate=1e-3, weight_decay=1e-2)
ENCODER_RATE = 0.3  # learning rate of an encoder that is trained on, as a share of the perceptron's
AT_ONCE = 2048  # rows of one reading


@dataclass(frozen=True)
class HeadConfig:
    """hidden: width of the layers; check_every: steps between two looks at the validation molecules."""

    hidden: int = 512
    layers: int = 2
    dropout: float = 0.5
    batch: int = 256
    check_every: int = 20
    training: Training = field(default_factory=lambda: TRAINING)

    def __post_init__(self) -> None:
        for name in ("hidden", "layers", "batch", "check_every"):
            check_whole(getattr(self, name), name, 1, MoleculeError)
        check_chance(self.dropout, "dropout", MoleculeError)
        if self.training.steps < 1:
            raise MoleculeError(f"{self.training.steps} steps; allowed: 1 or more")


class Scale:
    """Columns to mean 0 and sd 1 of the rows it was made from; bits stay bits: rare ones would become huge."""

    def __init__(self, x: Float[np.ndarray, "row feature"]):
        check_numbers(x)
        binary = ((x == 0) | (x == 1)).all(0)
        self.centre, self.sd = np.where(binary, 0.0, x.mean(0)), np.where(binary, 1.0, x.std(0).clip(1e-3))

    def __call__(self, x: Float[np.ndarray, "row feature"]) -> Float[Tensor, "row feature"]:
        check_numbers(x)
        return torch.as_tensor((x - self.centre) / self.sd).float().clamp(-8, 8)


class Head:
    """fit(x, y, valid_x, valid_y) -> self, predict(x); the form of `classical.py`."""

    check = staticmethod(check_sets)

    def __init__(self, score: str, config: HeadConfig | None = None):
        check_score(score)
        self.score, self.config = score, config or HeadConfig()

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "Head":
        """Trained on x, y, on the current device; stopped where the validation score was best.

        MoleculeError where no label is known or the score cannot use one, or a feature is not finite; TrainingError
        where training diverges.
        """
        c, t, self.device = self.config, self.config.training, current()
        self.check(x, y, valid_x, valid_y, self.score)
        check_known(valid_y, "validation")
        known = ~np.isnan(y)
        self.mean, self.sd = _units(y) if self.score == "mae" else (np.zeros(y.shape[1]), np.ones(y.shape[1]))
        target, mask = torch.as_tensor((np.nan_to_num(y) - self.mean) / self.sd).float(), torch.as_tensor(known).float()
        with torch.random.fork_rng(devices=[]), one_thread():
            torch.manual_seed(t.seed)
            self.net = self._build(x, y.shape[1]).to(self.device)
            target, mask = target.to(self.device), mask.to(self.device)
            data, held = self._tensor(x), self._tensor(valid_x)
            groups = self._groups()
            optimiser = torch.optim.AdamW(groups, lr=t.learning_rate, weight_decay=t.weight_decay)
            best, kept = -np.inf, None
            for step in range(t.steps):
                for group in optimiser.param_groups:
                    group["lr"] = t.rate(step) * group["share"]
                pick = torch.randperm(len(data))[: c.batch]
                self.net.train()
                error = self._error(self.net(data[pick]), target[pick])
                loss = (error * mask[pick]).sum() / mask[pick].sum().clamp(min=1)
                if not torch.isfinite(loss):
                    raise TrainingError(
                        f"training diverged at step {step}; try a learning_rate below {t.learning_rate:g}"
                    )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                if (step + 1) % c.check_every == 0 or step + 1 == t.steps:
                    found = self._judge(held, valid_y)
                    if kept is None or found > best:
                        best, kept = found, {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(kept)
        self.valid_score, self.n_parameters = best, sum(p.numel() for p in self.net.parameters())
        return self

    def predict(self, x: np.ndarray) -> Labels:
        """Logits (classification) or values, a task a column."""
        return self._read(self._tensor(x))

    def _tensor(self, x: Float[np.ndarray, "row feature"]) -> Tensor:
        check_columns(x, len(self.scale.sd), "predict")
        return self.scale(x).to(self.device)

    def _build(self, x: Float[np.ndarray, "row feature"], tasks: int) -> nn.Module:
        self.scale = Scale(x)
        return perceptron(x.shape[1], tasks, self.config)

    def _groups(self) -> list[dict]:
        return [{"params": list(self.net.parameters()), "share": 1.0}]

    def _read(self, x: Tensor) -> Labels:
        self.net.eval()
        with one_thread(), torch.no_grad():
            return torch.cat([self.net(part) for part in x.split(AT_ONCE)]).cpu().double().numpy() * self.sd + self.mean

    def _judge(self, x: Tensor, y: Labels) -> float:
        """Mean over tasks of what validation is judged by: AUROC, or minus the absolute error in units of sd."""
        found = self._read(x)
        if self.score == "mae":
            return -float(np.nanmean(by_task(y, found, self.score) / self.sd))
        each = by_task(y, found, self.score)
        if np.isnan(each).all():  # one class only everywhere: how near the probabilities are
            return -float(np.nanmean(np.abs(y - 1 / (1 + np.exp(-found)))))
        return float(np.nanmean(each))

    def _error(self, found: Tensor, target: Tensor) -> Tensor:
        if self.score == "mae":
            return (found - target).abs()
        return nn.functional.binary_cross_entropy_with_logits(found, target, reduction="none")


class Tuned(Head):
    """A perceptron and the encoder below it, trained together: here x are rows of the molecules, not features.

    The encoder given stays as it is; a copy is trained, at `ENCODER_RATE` of the perceptron's rate. beside: features
    of every molecule that the perceptron reads too. MoleculeError for a structure of other columns than the encoder's.
    """

    check = staticmethod(check_tasks)

    def __init__(
        self,
        score: str,
        encoder: CHMR,
        structure: Structure,
        beside: Float[np.ndarray, "molecule feature"] | None = None,
        config: HeadConfig | None = None,
    ):
        super().__init__(score, config)
        encoder.check(structure.features)
        self.encoder, self.structure = encoder, structure
        self.beside = np.zeros((len(structure), 0)) if beside is None else beside

    def _tensor(self, x: Int[np.ndarray, " row"]) -> Tensor:
        return torch.as_tensor(x, dtype=torch.long)

    def _build(self, x: Int[np.ndarray, " row"], tasks: int) -> nn.Module:
        beside = Scale(self.beside[x])(self.beside)
        return _Whole(deepcopy(self.encoder), self.structure, beside, tasks, self.config)

    def _groups(self) -> list[dict]:
        slow = list(self.net.encoder.parameters())
        own = {id(p) for p in slow}
        rest = [p for p in self.net.parameters() if id(p) not in own]
        return [{"params": slow, "share": ENCODER_RATE}, {"params": rest, "share": 1.0}]


class _Whole(nn.Module):
    """Rows of the molecules to tasks."""

    def __init__(self, encoder: CHMR, structure: Structure, beside: Tensor, tasks: int, config: HeadConfig):
        super().__init__()
        self.encoder, self.structure, self.beside = encoder, structure, beside
        width = encoder.config.width * len(encoder.config.structure)
        self.norm = nn.LayerNorm(width)
        self.top = perceptron(width + beside.shape[1], tasks, config)

    def forward(self, rows: Int[Tensor, " row"]) -> Float[Tensor, "row task"]:
        device = self.norm.weight.device
        latents = self.encoder.latents(
            *moved(self.structure.read(rows, "graph" in self.encoder.config.structure), device)
        )
        return self.top(torch.cat([self.norm(latents.flatten(1)), self.beside[rows].to(device)], dim=1))


def perceptron(inputs: int, tasks: int, config: HeadConfig) -> nn.Sequential:
    """Layers of Eq. (2)'s f."""
    layers: list[nn.Module] = []
    for one, two in pairwise([inputs, *[config.hidden] * config.layers]):
        layers += [nn.Linear(one, two), nn.LayerNorm(two), nn.SiLU(), nn.Dropout(config.dropout)]
    return nn.Sequential(*layers, nn.Linear(config.hidden if config.layers else inputs, tasks))


def _units(y: Labels) -> tuple[Float[np.ndarray, " task"], Float[np.ndarray, " task"]]:
    """Mean and sd of every task over its known labels; 0 and 1 where there is none, sd 1 where all are alike."""
    known = ~np.isnan(y)
    rows = np.maximum(known.sum(0), 1)
    mean = np.where(known, y, 0.0).sum(0) / rows
    sd = np.sqrt(np.where(known, (y - mean) ** 2, 0.0).sum(0) / rows)
    return mean, np.where(sd > 1e-6 * np.abs(mean), sd, 1.0)  # as a share of the mean: labels may be in mol/l
