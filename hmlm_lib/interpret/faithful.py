"""Is an explanation faithful? Rank it against what really happens when the source is knocked out.

Effects below `NOTHING` (a thirtieth of the noise of one measurement) count as none, in the truth and in every
explanation that speaks in activities: ranks among them would be ranks of rounding errors. The diagonal is left out:
that a species matters to itself is no finding.
"""

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from hmlm_lib.errors import ModelError, check_whole

NOTHING = 1e-3
Matrix = Float[np.ndarray, "target source"]


def spearman(said: Float[np.ndarray, " pair"], true: Float[np.ndarray, " pair"]) -> float:
    """Rank correlation, ties at their mean rank; 0 where one of the two does not vary.

    ModelError, here and in `precision`, for lengths that differ, numbers that are none, and k below 1.
    """
    _check(said, true)
    a, b = rankdata(said), rankdata(true)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale else 0.0


def precision(said: Float[np.ndarray, " pair"], true: Float[np.ndarray, " pair"], k: int) -> float:
    """Fraction of the k largest of `true` (all, where there are fewer) among the k largest of `said`.

    Ties in `said` count by chance.
    """
    _check(said, true)
    check_whole(k, "k", 1, ModelError)
    k = min(k, len(true))
    wanted = np.zeros(len(true), bool)
    wanted[np.argsort(-true, kind="stable")[:k]] = True
    last = np.sort(said)[-k]
    above, level = said > last, said == last
    hits = wanted[above].sum() + wanted[level].sum() * (k - above.sum()) / level.sum()
    return float(hits / k)


def _check(said: np.ndarray, true: np.ndarray) -> None:
    if np.shape(said) != np.shape(true) or not np.size(said):
        raise ModelError(f"{np.shape(said)} said of {np.shape(true)} pairs; allowed: one each, and a pair or more")
    if not (np.isfinite(said).all() and np.isfinite(true).all()):
        raise ModelError("an effect is no number; allowed: finite ones")


def scores(said: Matrix, true: Matrix, in_activities: bool, k: int = 100) -> dict[str, float]:
    """spearman and precision of sizes, and signed: the rank correlation with signs (0 if `said` has none)."""
    off = ~np.eye(len(true), dtype=bool)
    a, b = said[off], np.where(np.abs(true[off]) < NOTHING, 0.0, true[off])
    if in_activities:
        a = np.where(np.abs(a) < NOTHING, 0.0, a)
    return {
        "spearman": spearman(np.abs(a), np.abs(b)),
        "signed": spearman(a, b) if (a < 0).any() else 0.0,
        "precision": precision(np.abs(a), np.abs(b), k),
    }
