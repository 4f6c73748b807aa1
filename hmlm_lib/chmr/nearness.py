"""Where looking alike does not help: stereoisomers with different labels, and activity cliffs."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from hmlm_lib.chmr.benchmarks import Assays, Split, by_task
from hmlm_lib.chmr.molecules import skeleton
from hmlm_lib.chmr.neighbours import tanimoto
from hmlm_lib.errors import MoleculeError

ALIKE = 0.7  # Tanimoto similarity from which a pair counts as near


@dataclass(frozen=True)
class Disagreement:
    """Pairs of one skeleton, both labelled for a task. differ: how often the labels do; by_chance: 2pq."""

    molecules: int
    pairs: int
    differ: float
    by_chance: float


def stereo_disagreement(assays: Assays) -> Disagreement:
    """How often stereoisomers have different labels, over all tasks, against pairs of any two molecules.

    MoleculeError, here and in `cliffs`, for labels that are no classes.
    """
    _check_classes(assays)
    groups: dict[str, list[int]] = {}
    for row, one in enumerate(assays.smiles):
        groups.setdefault(skeleton(one), []).append(row)
    several = [rows for rows in groups.values() if len(rows) > 1]
    pairs = differ = expected = 0.0
    share = np.nansum(assays.labels, axis=0) / np.maximum((~np.isnan(assays.labels)).sum(0), 1)
    for rows in several:
        labels = assays.labels[rows]
        ones, known = (labels == 1).sum(0), (~np.isnan(labels)).sum(0)
        both = known * (known - 1) / 2
        pairs, differ = pairs + both.sum(), differ + (ones * (known - ones)).sum()
        expected += (both * 2 * share * (1 - share)).sum()
    total = max(pairs, 1.0)
    return Disagreement(sum(map(len, several)), int(pairs), float(differ / total), float(expected / total))


@dataclass(frozen=True, eq=False)
class Cliffs:
    """near: the nearest labelled training molecule is at `ALIKE` or more; cliff: near, and its label is the other."""

    near: Bool[np.ndarray, "test task"]
    cliff: Bool[np.ndarray, "test task"]


def cliffs(assays: Assays, split: Split, bits: Bool[np.ndarray, "molecule bit"]) -> Cliffs:
    """Labels of the test whose nearest labelled training molecule looks alike, and says the same or the opposite."""
    _check_classes(assays)
    alike = tanimoto(torch.as_tensor(bits[split.test]), torch.as_tensor(bits[split.train])).numpy()
    train, test = assays.labels[split.train], assays.labels[split.test]
    near, cliff = np.zeros(test.shape, bool), np.zeros(test.shape, bool)
    for task in range(test.shape[1]):
        known = np.flatnonzero(~np.isnan(train[:, task]))
        if len(known):
            best = alike[:, known].argmax(1)
            close = alike[np.arange(len(test)), known[best]] >= ALIKE
            near[:, task] = close & ~np.isnan(test[:, task])
            cliff[:, task] = near[:, task] & (train[known[best], task] != test[:, task])
    return Cliffs(near, cliff)


def _check_classes(assays: Assays) -> None:
    if assays.score != "auroc":
        raise MoleculeError(f"{assays.name}: labels are values; allowed: classes 0 and 1, which can be opposite")


def auroc_among(
    labels: Float[np.ndarray, "test task"],
    predicted: Float[np.ndarray, "test task"],
    flags: Bool[np.ndarray, "test task"],
) -> float:
    """AUROC over the flagged labels of all tasks, each task's predictions ranked within itself, ties alike."""
    rank = rankdata(predicted, axis=0)
    return float(by_task(labels[flags][:, None], rank[flags][:, None], "auroc")[0])
