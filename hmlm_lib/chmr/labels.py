"""What a model of molecules may be trained on: rows, columns and labels that fit, and a score that exists.

Missing labels count for nothing. A task alone may be poor: classical models predict one that nobody labelled as 0, one
with a single class as that class.
"""

import numpy as np

from hmlm_lib.errors import MoleculeError

SCORES = {"auroc": "0, 1", "mae": "finite numbers"}  # and the labels that each can use


def check_score(score: str) -> None:
    """MoleculeError for a score that tasks are not judged by."""
    if score not in SCORES:
        raise MoleculeError(f"score is {score!r}; allowed: {', '.join(SCORES)}")


def check_sets(x: np.ndarray, y: np.ndarray, valid_x: np.ndarray, valid_y: np.ndarray, score: str) -> None:
    """MoleculeError unless features have as many columns in both sets, and as `check_tasks`."""
    _check_table(x, "train: features", "column")
    check_columns(valid_x, x.shape[1], "validation")
    check_tasks(x, y, valid_x, valid_y, score)


def check_tasks(x: np.ndarray, y: np.ndarray, valid_x: np.ndarray, valid_y: np.ndarray, score: str) -> None:
    """MoleculeError unless rows and tasks fit in both sets, all labels suit the score, and train has one.

    score: `auroc` wants labels 0, 1 or NaN, `mae` finite numbers or NaN. Of x and valid_x only the length is read.
    """
    for features, labels, name in ((x, y, "train"), (valid_x, valid_y, "validation")):
        _check_labels(labels, name, score)
        if len(features) != len(labels):
            raise MoleculeError(f"{name}: {len(features)} rows for {len(labels)} labels; allowed: as many")
    if valid_y.shape[1] != y.shape[1]:
        raise MoleculeError(f"validation: labels of {valid_y.shape[1]} tasks; allowed: {y.shape[1]}, as in train")
    check_known(y, "train")


def check_columns(x: np.ndarray, columns: int, name: str) -> None:
    """MoleculeError unless the features have as many columns as those of train."""
    if np.ndim(x) != 2 or x.shape[1] != columns:
        raise MoleculeError(f"{name}: features of shape {np.shape(x)}; allowed: {columns} columns, as in train")


def check_bits(x: np.ndarray) -> None:
    """MoleculeError for features other than 0 and 1, or booleans."""
    if x.dtype == bool:
        return
    fits = (x == 0) | (x == 1)
    if not fits.all():
        row, column = np.argwhere(~fits)[0]
        raise MoleculeError(f"bit {column} of molecule {row} is {x[row, column]:g}; allowed: 0, 1")


def check_numbers(x: np.ndarray) -> None:
    """MoleculeError for a feature that is not finite."""
    odd = np.argwhere(~np.isfinite(x))
    if len(odd):
        row, column = odd[0]
        raise MoleculeError(f"feature {column} of molecule {row} is {x[row, column]}; allowed: finite numbers")


def check_known(y: np.ndarray, name: str) -> None:
    """MoleculeError where no label is known."""
    if np.isnan(y).all():
        raise MoleculeError(f"no label is known in {name}; allowed: at least one")


def _check_table(table: object, name: str, columns: str) -> None:
    shape = getattr(table, "shape", None)
    if shape is None or len(shape) != 2:
        found = type(table).__name__ if shape is None else f"of shape {tuple(shape)}"
        raise MoleculeError(f"{name} are {found}; allowed: an array [molecule, {columns}]")


def _check_labels(y: np.ndarray, name: str, score: str) -> None:
    """MoleculeError unless labels are numbers, [molecule, task], that the score can use."""
    _check_table(y, f"{name}: labels", "task")
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "biuf":
        kind = y.dtype if isinstance(y, np.ndarray) else type(y).__name__
        raise MoleculeError(f"{name}: labels are {kind}; allowed: a numpy array of numbers")
    allowed = {"auroc": np.isin(y, (0, 1)), "mae": np.isfinite(y)}[score]
    odd = np.argwhere(~allowed & ~np.isnan(y))
    if len(odd):
        row, task = odd[0]
        raise MoleculeError(
            f"{name}: label of molecule {row}, task {task}, is {y[row, task]:g}; "
            f"allowed for {score}: {SCORES[score]}, NaN where nobody measured"
        )
