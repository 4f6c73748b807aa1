"""CellBox's melanoma data: 89 drug conditions x 99 nodes at 24 h, and what a straight line makes of them.

The published deep ODE learns a network of 99 nodes from these. Its predictions of held-out conditions, averaged over
random partitions, come with the paper. Beside them: ridge regression of the nodes on the drugs, in closed form, the
penalty by leave-one-out among the training conditions,

    W = (P' P + lambda I)^-1 P' X                                                                             Eq. (1)

Source: Yuan et al., Cell Systems 2021;12:128 (data, predictions, random partitions with 30 % held out).
"""

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import ShuffleSplit

from hmlm_lib.data import fetch
from hmlm_lib.errors import TableError
from hmlm_lib.tables import read_csv

HELD_OUT, PENALTIES = 0.3, np.logspace(-3, 2, 11)

Nodes = Float[np.ndarray, "condition node"]


def load() -> tuple[Nodes, Nodes, Nodes]:
    """Drugs given, measured nodes (log ratios), and the published predictions of held-out conditions, by `fetch`.

    TableError for a file that is no table of numbers.
    """
    drugs, nodes = (_numbers(f"cellbox_{name}", header=None) for name in ("pert", "expr"))
    return drugs, nodes, _numbers("cellbox_random_partition_average_testhat", index_col=0)


def _numbers(name: str, **options: object) -> Nodes:
    path = fetch(name)
    values = read_csv(path, **options).apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise TableError(f"{path}: a cell is no finite number; allowed: numbers alone")
    return values


def ridge(drugs: Nodes, nodes: Nodes, partitions: int = 100, seed: int = 0) -> Nodes:
    """Mean over random partitions of the predictions of held-out conditions, Eq. (1); NaN where never held out."""
    total, count = np.zeros_like(nodes), np.zeros(len(nodes))
    given = drugs[:, drugs.any(0)]
    for train, test in ShuffleSplit(partitions, test_size=HELD_OUT, random_state=seed).split(given):
        total[test] += RidgeCV(PENALTIES).fit(given[train], nodes[train]).predict(given[test])
        count[test] += 1
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)


def correlation(said: Nodes, measured: Nodes) -> float:
    """Pearson's r over all values that were predicted."""
    known = np.isfinite(said)
    return float(np.corrcoef(said[known], measured[known])[0, 1])
