"""Classical models of molecules, a model a task: what CHMR has to beat. fit(...), then predict(...) [molecule, task].

A model may choose its setting on the validation molecules, task by task, then predicts the test once. Labels may be
missing: a task is trained on the molecules that have it; what cannot be trained on is refused by `labels.py`.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.linalg import solve
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.metrics import roc_auc_score

from hmlm_lib.chmr.labels import check_bits, check_columns, check_known, check_score, check_sets
from hmlm_lib.chmr.neighbours import tanimoto
from hmlm_lib.errors import MoleculeError, check_whole

Labels = Float[np.ndarray, "molecule task"]
RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0)


@runtime_checkable
class Classical(Protocol):
    """Anything that can stand beside CHMR in the table of benchmarks."""

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "Classical":
        """Train on x, choose settings on valid_x."""

    def predict(self, x: np.ndarray) -> Labels:
        """A number for every task: the larger, the likelier (classification), or the value itself."""


class Mean:
    """The mean label of every task: what a score is worth that reads nothing."""

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "Mean":
        """MoleculeError as `check_sets`."""
        check_sets(x, y, valid_x, valid_y, "mae")  # both kinds of labels are numbers
        known = ~np.isnan(y)
        self.mean = np.where(known, y, 0.0).sum(0) / np.maximum(known.sum(0), 1)
        return self

    def predict(self, x: np.ndarray) -> Labels:
        return np.tile(self.mean, (len(x), 1))


class KernelRidge:
    """Ridge with the Tanimoto kernel; the penalty of every task by its validation score.

        f(x) = m + sum_i w_i K(x, x_i),    w = (K + r)^-1 (y - m)                                              Eq. (1)

    Beyond `most` training molecules the sum runs over that many of them, drawn by seed, the rarer class first, and w is
    fitted to all labels: w = (K_bx K_xb + r K_bb)^-1 K_bx (y - m), Eq. (2), for complete labels.
    """

    def __init__(self, score: str, seed: int = 0, most: int = 6000):
        check_score(score)
        check_whole(most, "most", 1, MoleculeError)
        self.score, self.seed, self.most = score, seed, most

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "KernelRidge":
        """MoleculeError as `check_sets`, and where no validation label is known to choose a penalty by."""
        check_sets(x, y, valid_x, valid_y, self.score)
        check_known(valid_y, "validation")
        self.prepare(x)
        base = np.arange(len(x)) if len(x) <= self.most else _landmarks(y, self.most, self.seed)
        self.x, self.weight, self.mean = x[base], np.zeros((len(base), y.shape[1])), np.zeros(y.shape[1])
        between = self.kernel(valid_x, self.x)
        own = self.kernel(x, self.x)
        patterns, which = np.unique(~np.isnan(y), axis=1, return_inverse=True)
        for pattern, flags in enumerate(patterns.T):  # tasks measured on the same molecules share one solution
            known, tasks = np.flatnonzero(flags), np.flatnonzero(which.ravel() == pattern)
            if not len(known):
                continue
            self.mean[tasks] = y[np.ix_(known, tasks)].mean(0)
            rows = known if len(base) == len(x) else np.arange(len(base))
            ways = self._ways(own[known], base, rows, y[np.ix_(known, tasks)] - self.mean[tasks])
            for i, task in enumerate(tasks):
                scores = [
                    _worth(valid_y[:, task], between[:, rows] @ w[:, i] + self.mean[task], self.score) for w in ways
                ]
                self.weight[rows, task] = ways[int(np.argmax(scores))][:, i]
        return self

    @staticmethod
    def _ways(own: np.ndarray, base: np.ndarray, rows: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        """Weights for every penalty: Eq. (1), or Eq. (2) where there are fewer landmarks than molecules."""
        if len(own) == len(rows):
            left, step, right = own[:, rows], np.eye(len(rows)), y
        else:
            step = own[base] + 1e-6 * np.eye(len(base))  # molecules with the same fingerprint
            left, right = own.T @ own, own.T @ y
        return [solve(left + ridge * step, right, assume_a="pos", overwrite_a=True) for ridge in RIDGES]

    def prepare(self, x: np.ndarray) -> None:
        """What `kernel` has to know of the training molecules: here nothing."""

    def predict(self, x: np.ndarray) -> Labels:
        """Values, a task a column; MoleculeError for other columns than those of train."""
        check_columns(x, self.x.shape[1], "predict")
        return self.kernel(x, self.x) @ self.weight + self.mean

    def kernel(
        self, a: Bool[np.ndarray, "left bit"], b: Bool[np.ndarray, "right bit"]
    ) -> Float[np.ndarray, "left right"]:
        """K(a, b); MoleculeError for columns of a that are no bits (b are training molecules, which were a before)."""
        check_bits(a)
        return tanimoto(torch.as_tensor(a), torch.as_tensor(b)).double().numpy()


def _landmarks(y: Labels, count: int, seed: int) -> np.ndarray:
    """Some molecules to stand for all: those of the rarer class of the first task, at most half, then any."""
    if np.isnan(y).any():
        raise MoleculeError(f"{len(y)} training molecules with missing labels; allowed beyond `most`: complete labels")
    order = np.random.default_rng(seed).permutation(len(y))
    rare = y[order, 0] == (y[:, 0].mean() < 0.5)
    first = order[rare][: count // 2]
    return np.sort(np.concatenate([first, order[~np.isin(order, first)][: count - len(first)]]))


def _worth(true: Float[np.ndarray, " molecule"], found: Float[np.ndarray, " molecule"], score: str) -> float:
    """Score of a task, the larger the better; minus the squared error where AUROC cannot be had."""
    known = ~np.isnan(true)
    true, found = true[known], found[known]
    if score == "auroc" and len(np.unique(true)) == 2:
        return float(roc_auc_score(true, found))
    return -float(np.square(true - found).mean()) if len(true) else 0.0


class OnePerTask:
    """A scikit-learn model a task, made by build(); a task with one class only predicts that class."""

    def __init__(self, build: Callable[[], object], score: str):
        check_score(score)
        self.build, self.score = build, score

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "OnePerTask":
        """MoleculeError as `check_sets`."""
        check_sets(x, y, valid_x, valid_y, self.score)
        self.models, self.columns = [], x.shape[1]
        for task in range(y.shape[1]):
            known = ~np.isnan(y[:, task])
            constant = len(np.unique(y[known, task])) < 2
            alone = float(y[known, task].mean()) if known.any() else 0.0
            self.models.append(alone if constant else self.build().fit(x[known], y[known, task]))
        return self

    def predict(self, x: np.ndarray) -> Labels:
        """Probabilities (classification) or values, a task a column; MoleculeError for other columns than of train."""
        check_columns(x, self.columns, "predict")
        return np.stack([self._one(model, x) for model in self.models], axis=1)

    @staticmethod
    def _one(model: object, x: np.ndarray) -> Float[np.ndarray, " molecule"]:
        if isinstance(model, float):
            return np.full(len(x), model)
        return model.predict_proba(x)[:, 1] if hasattr(model, "predict_proba") else model.predict(x)


def forest(score: str, seed: int, trees: int = 500) -> OnePerTask:
    """Random forest on bits or descriptors; MoleculeError for another score, or no tree."""
    check_whole(trees, "trees", 1, MoleculeError)
    kind = RandomForestClassifier if score == "auroc" else RandomForestRegressor
    return OnePerTask(lambda: kind(trees, max_features="sqrt", n_jobs=-1, random_state=seed), score)


def boosting(score: str, seed: int) -> OnePerTask:
    """Gradient boosting on bits or descriptors; MoleculeError for another score."""
    kind = HistGradientBoostingClassifier if score == "auroc" else HistGradientBoostingRegressor
    return OnePerTask(lambda: kind(max_iter=200, learning_rate=0.05, random_state=seed), score)
