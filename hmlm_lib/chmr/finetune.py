"""From features of molecules to assays: one perceptron for all tasks of a set, missing labels masked, early stopping.

    features = [fingerprint, latents of the frozen encoder]                                                   Eq. (1)
    loss = mean over known labels of binary cross-entropy, or of |y - f| in units of the task's sd            Eq. (2)

Source: CHMR paper, fine-tuning. No forest is mixed in. The test rows are read by `predict` alone.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hmlm_lib.chmr.benchmarks import by_task
from hmlm_lib.chmr.classical import Labels
from hmlm_lib.device import one_thread
from hmlm_lib.errors import MoleculeError
from hmlm_lib.training import Training

TRAINING = Training(steps=600, learning_rate=1e-3, weight_decay=1e-2)


@dataclass(frozen=True)
class HeadConfig:
    """hidden: width of the layers; check_every: steps between two looks at the validation molecules."""

    hidden: int = 512
    layers: int = 2
    dropout: float = 0.5
    batch: int = 256
    check_every: int = 20
    training: Training = field(default_factory=lambda: TRAINING)


class Head:
    """fit(x, y, valid_x, valid_y) -> self, predict(x); the form of `classical.py`."""

    def __init__(self, score: str, config: HeadConfig | None = None):
        self.score, self.config = score, config or HeadConfig()

    def fit(self, x: Float[np.ndarray, "row feature"], y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "Head":
        """Trained on x, y; stopped where the validation score was best."""
        c, t = self.config, self.config.training
        known = ~np.isnan(y)
        if not known.any() or np.isnan(valid_y).all():
            raise MoleculeError("no label is known in train or validation; allowed: at least one in each")
        regression = self.score == "mae"
        rows = np.maximum(known.sum(0), 1)
        self.mean = np.where(known, y, 0.0).sum(0) / rows if regression else np.zeros(y.shape[1])
        self.sd = (
            np.sqrt(np.where(known, (y - self.mean) ** 2, 0.0).sum(0) / rows).clip(1e-6)
            if regression
            else np.ones(y.shape[1])
        )
        binary = ((x == 0) | (x == 1)).all(0)  # bits stay bits: rare ones would become huge
        self.centre, self.scale = np.where(binary, 0.0, x.mean(0)), np.where(binary, 1.0, x.std(0).clip(1e-3))
        data, target = self._tensor(x), torch.as_tensor((np.nan_to_num(y) - self.mean) / self.sd).float()
        mask, held = torch.as_tensor(known).float(), self._tensor(valid_x)
        with torch.random.fork_rng(devices=[]), one_thread():
            torch.manual_seed(t.seed)
            self.net = self._build(x.shape[1], y.shape[1])
            optimiser = torch.optim.AdamW(self.net.parameters(), lr=t.learning_rate, weight_decay=t.weight_decay)
            best, kept = -np.inf, None
            for step in range(t.steps):
                for group in optimiser.param_groups:
                    group["lr"] = t.rate(step)
                pick = torch.randperm(len(data))[: c.batch]
                self.net.train()
                error = self._error(self.net(data[pick]), target[pick])
                loss = (error * mask[pick]).sum() / mask[pick].sum().clamp(min=1)
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

    def predict(self, x: Float[np.ndarray, "row feature"]) -> Labels:
        """Logits (classification) or values, a task a column."""
        return self._read(self._tensor(x))

    def _tensor(self, x: np.ndarray) -> Tensor:
        return torch.as_tensor((x - self.centre) / self.scale).float().clamp(-8, 8)

    def _read(self, x: Tensor) -> Labels:
        self.net.eval()
        with one_thread(), torch.no_grad():
            return self.net(x).double().numpy() * self.sd + self.mean

    def _judge(self, x: Tensor, y: Labels) -> float:
        """Mean over tasks of what validation is judged by: AUROC, or minus the absolute error in units of sd."""
        found = self._read(x)
        if self.score == "mae":
            return -float(np.nanmean(np.abs(y - found) / self.sd))
        each = by_task(y, found, self.score)
        if np.isnan(each).all():  # one class only everywhere: how near the probabilities are
            return -float(np.nanmean(np.abs(y - 1 / (1 + np.exp(-found)))))
        return float(np.nanmean(each))

    def _error(self, found: Tensor, target: Tensor) -> Tensor:
        if self.score == "mae":
            return (found - target).abs()
        return nn.functional.binary_cross_entropy_with_logits(found, target, reduction="none")

    def _build(self, inputs: int, tasks: int) -> nn.Sequential:
        c, sizes = self.config, [inputs, *[self.config.hidden] * self.config.layers]
        layers: list[nn.Module] = []
        for one, two in pairwise(sizes):
            layers += [nn.Linear(one, two), nn.LayerNorm(two), nn.SiLU(), nn.Dropout(c.dropout)]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], tasks))
