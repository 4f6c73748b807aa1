"""Nine real data sets, 728 tasks: labels, the papers' splits, scores over tasks, and how much of the test leaks.

| set | tasks | score | published split |
|---|---|---|---|
| chembl2k 41, broad6k 32, biogen 6, toxcast 617 | 696 | AUROC; biogen MAE | scaffolds shuffled once, 60 / 15 / 25 |
| bbbp, bace, hiv 1, clintox 2, sider 27 | 32 | AUROC | scaffolds, largest first, 80 / 10 / 10 |

Sources: InfoAlign (arXiv 2406.12056) for the first four and their split, MoleculeNet and OGB for the others. Where
stereoisomers of one skeleton stand on both sides of a published split, `leak` counts them and `clean` leaves them out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from hmlm_lib.chmr.molecules import read_molecules, scaffold, skeleton
from hmlm_lib.chmr.neighbours import tanimoto_neighbours
from hmlm_lib.data import fetch
from hmlm_lib.errors import MoleculeError, did_you_mean, pick
from hmlm_lib.tables import read_csv

SHUFFLED, LARGEST_FIRST = (0.6, 0.15, 0.25), (0.8, 0.1, 0.1)
SHUFFLE_SEED = 3  # of the published split


@dataclass(frozen=True)
class Source:
    """data: name for `fetch`; column: of the SMILES; tasks: how many, the last columns; score: `auroc` or `mae`."""

    data: str
    column: str
    tasks: int
    score: str
    shuffled: bool


SETS: dict[str, Source] = {
    "chembl2k": Source("chembl2k_assays", "smiles", 41, "auroc", True),
    "broad6k": Source("broad6k_assays", "smiles", 32, "auroc", True),
    "biogen": Source("biogenadme_assays", "smiles", 6, "mae", True),
    "toxcast": Source("moltoxcast_assays", "smiles", 617, "auroc", True),
    "bbbp": Source("bbbp", "smiles", 1, "auroc", False),
    "bace": Source("bace", "mol", 1, "auroc", False),
    "clintox": Source("clintox", "smiles", 2, "auroc", False),
    "sider": Source("sider", "smiles", 27, "auroc", False),
    "hiv": Source("hiv", "smiles", 1, "auroc", False),
}


@dataclass(frozen=True, eq=False)
class Assays:
    """Labels of molecules: NaN where nobody measured.

    given: SMILES as in the file (the published splits are made of these); failed: how many did not parse.
    """

    name: str
    smiles: tuple[str, ...]
    given: tuple[str, ...]
    labels: Float[np.ndarray, "molecule task"]
    tasks: tuple[str, ...]
    score: str
    failed: int

    def __len__(self) -> int:
        return len(self.smiles)


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the molecules to train on, to choose by, and to score once."""

    train: Int[np.ndarray, " train"]
    valid: Int[np.ndarray, " valid"]
    test: Int[np.ndarray, " test"]


def load(name: str) -> Assays:
    """A data set by name; UserWarnings count rows left out and salts (`read_molecules`).

    MoleculeError for another name or form of file, DataUnavailable without the file.
    """
    if name not in SETS:
        raise MoleculeError(f"no data set {name!r}{did_you_mean(name, SETS)}; allowed: {', '.join(SETS)}")
    source = SETS[name]
    path = fetch(source.data)
    table = read_csv(path, error=MoleculeError, low_memory=False)
    if source.column not in table or table.shape[1] <= source.tasks:
        raise MoleculeError(f"{path}: needs a column {source.column!r} and {source.tasks} columns of labels")
    found = read_molecules(table[source.column].tolist(), source=f"{name} ({path.name})")
    values = table.iloc[list(found.row), -source.tasks :]
    labels = values.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    if (np.isnan(labels) & values.notna().to_numpy()).any() or np.isinf(labels).any():
        raise MoleculeError(f"{path}: a label is neither a number nor empty")
    if source.score == "auroc" and not np.isin(labels[~np.isnan(labels)], (0.0, 1.0)).all():
        raise MoleculeError(f"{path}: labels other than 0, 1 and empty")
    tasks = tuple(map(str, values.columns))
    return Assays(name, found.smiles, found.given, labels, tasks, source.score, len(found.failed))


def _groups(smiles: tuple[str, ...], stereo: bool) -> list[list[int]]:
    """Molecules by scaffold, in the order in which scaffolds first occur."""
    groups: dict[str, list[int]] = {}
    for i, one in enumerate(smiles):
        groups.setdefault(scaffold(one, stereo), []).append(i)
    return list(groups.values())


def published_split(assays: Assays, stereo: bool = True) -> Split:
    """The papers' split: 60 / 15 / 25 of shuffled scaffolds, or 80 / 10 / 10 of scaffolds by falling size.

    stereo=False strips stereochemistry from the scaffolds first, and salts from the molecules. MoleculeError for a set
    without a published split.
    """
    published = pick(SETS, assays.name, "set with a published split", MoleculeError)
    groups = _groups(assays.given if stereo else assays.smiles, stereo)
    if published.shuffled:
        return shuffled_scaffolds(groups, len(assays), SHUFFLE_SEED)
    # Larger groups first; of equals the one that begins earlier, as OGB has it.
    groups.sort(key=lambda group: (len(group), group[0]), reverse=True)
    ends = [int(LARGEST_FIRST[0] * len(assays)), int((LARGEST_FIRST[0] + LARGEST_FIRST[1]) * len(assays))]
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for group in groups:
        if len(parts[0]) + len(group) <= ends[0]:
            parts[0].extend(group)
        elif len(parts[0]) + len(parts[1]) + len(group) <= ends[1]:
            parts[1].extend(group)
        else:
            parts[2].extend(group)
    return Split(*(np.array(sorted(part), dtype=int) for part in parts))


def shuffled_scaffolds(groups: list[list[int]], count: int, seed: int) -> Split:
    """Scaffolds in random order, cut after 60 % and 75 % of the molecules."""
    order = np.random.RandomState(seed).permutation(len(groups))
    line = np.concatenate([groups[i] for i in order]).astype(int)
    first, second = (int(SHUFFLED[0] * count), int(SHUFFLED[0] * count) + int(SHUFFLED[1] * count))
    return Split(*(np.sort(part) for part in np.split(line, [first, second])))


def random_split(assays: Assays, seed: int, stereo: bool = False) -> Split:
    """Another draw of shuffled scaffolds, to see how much of a score is the split; stereo stripped unless asked."""
    return shuffled_scaffolds(_groups(assays.smiles, stereo), len(assays), seed)


@dataclass(frozen=True, eq=False)
class Leak:
    """Of the test molecules: whose skeleton is in train, and the largest Tanimoto similarity to train."""

    skeleton: Bool[np.ndarray, " test"]
    similarity: Float[np.ndarray, " test"]


def leak(assays: Assays, split: Split, bits: Bool[np.ndarray, "molecule bit"]) -> Leak:
    """How near the test is to the training set."""
    known = {skeleton(assays.smiles[i]) for i in split.train}
    same = np.array([skeleton(assays.smiles[i]) in known for i in split.test], dtype=bool)
    _, nearest = tanimoto_neighbours(bits[split.train], 1, of=bits[split.test])
    return Leak(same, nearest[:, 0].numpy().astype(float))


def clean(split: Split, found: Leak) -> Split:
    """The split without test molecules whose skeleton is in train."""
    return Split(split.train, split.valid, split.test[~found.skeleton])


def by_task(
    true: Float[np.ndarray, "row task"], predicted: Float[np.ndarray, "row task"], score: str
) -> Float[np.ndarray, " task"]:
    """AUROC or mean absolute error of every task over its known labels; NaN where there is nothing to score.

    AUROC = (R - n1 (n1 + 1) / 2) / (n1 n0), R: sum of the ranks of the n1 positives (Mann and Whitney).
    MoleculeError for another score, for labels that are not 0, 1 or NaN where AUROC is asked, and for predictions of
    another shape or of a known label not finite.
    """
    true, predicted = np.asarray(true, dtype=float), np.asarray(predicted)
    known = ~np.isnan(true)
    if predicted.shape != true.shape or not np.isfinite(predicted[known]).all():
        raise MoleculeError(f"predictions of shape {predicted.shape}; allowed: finite numbers of shape {true.shape}")
    if score not in ("auroc", "mae"):
        raise MoleculeError(f"score is {score!r}; allowed: auroc, mae")
    odd = true[known & (true != 0) & (true != 1)]
    if score == "auroc" and odd.size:
        raise MoleculeError(f"a label is {odd[0]:g}; allowed for AUROC: 0, 1, NaN where nobody measured")
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of a task without labels, or of one class
        if score == "mae":
            return np.where(known, np.abs(true - predicted), 0.0).sum(0) / known.sum(0)
        rank = rankdata(np.where(known, predicted, np.inf), axis=0)  # unknown rows rank last and count for nothing
        positive = known & (true == 1)
        ones, zeros = positive.sum(0), (known & (true == 0)).sum(0)
        return (np.where(positive, rank, 0.0).sum(0) - ones * (ones + 1) / 2) / (ones * zeros)


def score(
    assays: Assays, rows: Int[np.ndarray, " row"], predicted: Float[np.ndarray, "row task"]
) -> tuple[float, Float[np.ndarray, " task"]]:
    """Mean over tasks and the score of every task: AUROC, NaN for one class only; or mean absolute error.

    Labels that nobody measured count for nothing. MoleculeError for numbers that are not finite, or nothing to score.
    """
    true = assays.labels[rows]
    if predicted.shape != true.shape or not np.isfinite(predicted).all():
        raise MoleculeError(f"predictions of shape {predicted.shape}; allowed: finite numbers of shape {true.shape}")
    each = by_task(true, predicted, assays.score)
    if np.isnan(each).all():
        raise MoleculeError(f"{assays.name}: no task with labels to score among {len(rows)} molecules")
    return float(np.nanmean(each)), each
