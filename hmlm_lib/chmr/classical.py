"""Classical models of molecules, a model a task: what CHMR has to beat. fit(...), then predict(...) [molecule, task].

A model may choose its setting on the validation molecules, task by task, then predicts the test once. Labels may be
missing: a task is trained on the molecules that have it.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.metrics import roc_auc_score

from hmlm_lib.chmr.neighbours import tanimoto

Labels = Float[np.ndarray, "molecule task"]
RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0)


class Classical(Protocol):
    """Anything that can stand beside CHMR in the table of benchmarks."""

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "Classical":
        """Train on x, choose settings on valid_x."""

    def predict(self, x: np.ndarray) -> Labels:
        """A number for every task: the larger, the likelier (classification), or the value itself."""


def _kernel(a: Bool[np.ndarray, "left bit"], b: Bool[np.ndarray, "right bit"]) -> Float[np.ndarray, "left right"]:
    return tanimoto(torch.as_tensor(a), torch.as_tensor(b)).double().numpy()


class KernelRidge:
    """Ridge with the Tanimoto kernel; the penalty of every task by its validation score."""

    def __init__(self, score: str):
        self.score = score

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "KernelRidge":
        self.x, self.weight, self.mean = x, np.zeros_like(y), np.zeros(y.shape[1])
        own, between = _kernel(x, x), _kernel(valid_x, x)
        for task in range(y.shape[1]):
            known = np.flatnonzero(~np.isnan(y[:, task]))
            if not len(known):
                continue
            self.mean[task] = y[known, task].mean()
            value, vector = np.linalg.eigh(own[np.ix_(known, known)])
            turned = vector.T @ (y[known, task] - self.mean[task])
            found = [vector @ (turned / (value + ridge)) for ridge in RIDGES]
            scores = [_worth(valid_y[:, task], between[:, known] @ w + self.mean[task], self.score) for w in found]
            self.weight[known, task] = found[int(np.argmax(scores))]
        return self

    def predict(self, x: np.ndarray) -> Labels:
        return _kernel(x, self.x) @ self.weight + self.mean


def _worth(true: Float[np.ndarray, " molecule"], found: Float[np.ndarray, " molecule"], score: str) -> float:
    """Score of a task, the larger the better; minus the squared error where AUROC cannot be had."""
    known = ~np.isnan(true)
    true, found = true[known], found[known]
    if score == "auroc" and len(np.unique(true)) == 2:
        return float(roc_auc_score(true, found))
    return -float(np.square(true - found).mean()) if len(true) else 0.0


class OnePerTask:
    """A scikit-learn model a task, made by build(); a task with one class only predicts that class."""

    def __init__(self, build: Callable[[], object]):
        self.build = build

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "OnePerTask":
        self.models = []
        for task in range(y.shape[1]):
            known = ~np.isnan(y[:, task])
            constant = len(np.unique(y[known, task])) < 2
            alone = float(y[known, task].mean()) if known.any() else 0.0
            self.models.append(alone if constant else self.build().fit(x[known], y[known, task]))
        return self

    def predict(self, x: np.ndarray) -> Labels:
        return np.stack([self._one(model, x) for model in self.models], axis=1)

    @staticmethod
    def _one(model: object, x: np.ndarray) -> Float[np.ndarray, " molecule"]:
        if isinstance(model, float):
            return np.full(len(x), model)
        return model.predict_proba(x)[:, 1] if hasattr(model, "predict_proba") else model.predict(x)


def forest(score: str, seed: int, trees: int = 500) -> OnePerTask:
    """Random forest on bits or descriptors."""
    kind = RandomForestClassifier if score == "auroc" else RandomForestRegressor
    return OnePerTask(lambda: kind(trees, max_features="sqrt", n_jobs=-1, random_state=seed))


def boosting(score: str, seed: int) -> OnePerTask:
    """Gradient boosting on bits or descriptors."""
    kind = HistGradientBoostingClassifier if score == "auroc" else HistGradientBoostingRegressor
    return OnePerTask(lambda: kind(max_iter=200, learning_rate=0.05, random_state=seed))
