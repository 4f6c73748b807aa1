"""What the codes of a tree mean: which classes of molecules gather under a branch, and how much a level tells of them.

`enrichment`: of a code and a class, members against what chance would give, by the hypergeometric test, all tests
together adjusted by Benjamini and Hochberg. `information`: adjusted mutual information of the codes of a level with a
classification; 0 by chance, 1 where each determines the other.

Source: Benjamini and Hochberg, J R Stat Soc B 1995;57:289. Ours: their use on Tree-VQ codes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int
from scipy.stats import false_discovery_control, hypergeom
from sklearn.metrics import adjusted_mutual_info_score

from hmlm_lib.errors import MoleculeError

Path = Int[np.ndarray, "molecule level"]


def enrichment(path: Path, classes: Sequence[object] | np.ndarray) -> pd.DataFrame:
    """One row a used code: its commonest class, and whether that is more than chance.

    Columns level (from 1), code, parent (code of the level above, -1 for the first), members, commonest (class), share,
    expected (share in all molecules), q. MoleculeError where path and classes differ in length, for no molecule, and
    for one without a class.
    """
    classes = _checked(path, classes)
    rows = []
    for level in range(path.shape[1]):
        table = pd.crosstab(path[:, level], classes)
        total = table.sum()
        for code, counts in table.iterrows():
            members, best = int(counts.sum()), counts.idxmax()
            chance = hypergeom.sf(counts[best] - 1, len(path), total[best], members)
            parent = int(path[path[:, level] == code][0, level - 1]) if level else -1
            rows.append(
                {
                    "level": level + 1, "code": int(code), "parent": parent, "members": members, "commonest": best,
                    "share": counts[best] / members, "expected": total[best] / len(path),
                    "q": min(1.0, chance * len(total)),
                }
            )  # fmt: skip
    found = pd.DataFrame(rows)
    return found.assign(q=false_discovery_control(found["q"]))


def information(path: Path, classifications: Mapping[str, Sequence[object] | np.ndarray]) -> pd.DataFrame:
    """Adjusted mutual information of every level with every classification; index level, from 1.

    MoleculeError as `enrichment`.
    """
    known = {name: _checked(path, classes) for name, classes in classifications.items()}
    rows = {
        level + 1: {name: adjusted_mutual_info_score(classes, path[:, level]) for name, classes in known.items()}
        for level in range(path.shape[1])
    }
    return pd.DataFrame(rows).T.rename_axis("level")


def _checked(path: Path, classes: Sequence[object] | np.ndarray) -> np.ndarray:
    classes = np.asarray(classes)
    if len(path) != len(classes):
        raise MoleculeError(f"{len(path)} molecules have codes and {len(classes)} a class; they must agree")
    if path.size == 0:
        raise MoleculeError(f"codes of shape {path.shape}; allowed: one molecule and one level, or more")
    unknown = pd.isna(classes)
    if unknown.any():
        raise MoleculeError(f"molecule {int(unknown.argmax())} has no class; allowed: one each")
    return classes
