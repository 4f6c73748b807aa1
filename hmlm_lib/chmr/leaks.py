"""How near the published tests of the nine sets are to their training parts: counted where the data are, and kept.

`python benchmarks/leaks.py` writes reports/leaks.csv, counts and percentages alone; `python -m hmlm_lib results` makes
its table from that file and needs no data. A line holds only for the file it was counted from: one with another sha256
than the set's in sources.csv is not shown.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

from hmlm_lib import paths
from hmlm_lib.chmr import benchmarks
from hmlm_lib.chmr.benchmarks import SETS, Assays, Leak, Split
from hmlm_lib.chmr.molecules import fingerprints, parsed
from hmlm_lib.data import source
from hmlm_lib.errors import MoleculeError
from hmlm_lib.files import write_whole
from hmlm_lib.tables import read_csv

COUNTS = ("molecules", "train", "valid", "test", "unparsed", "mixtures")
SHARES = ("skeleton_percent", "similarity_median", "similarity_95")
HEADS = (
    "set", "molecules", "train", "valid", "test", "rows not parsed", "salts, mixtures",
    "% of the test with their skeleton in train", "largest similarity to train, median", "95th percentile",
)  # fmt: skip


def path() -> Path:
    """The committed file."""
    return paths.ROOT / "reports" / "leaks.csv"


def several(smiles: str) -> bool:
    """Whether a SMILES is of several fragments."""
    return "." in smiles and len(Chem.GetMolFrags(parsed(smiles))) > 1


def counted(assays: Assays, split: Split, found: Leak) -> dict[str, float]:
    """COUNTS and SHARES of a set; similarity: Tanimoto, of a test molecule to the nearest of train."""
    sizes = (len(assays), len(split.train), len(split.valid), len(split.test), assays.failed)
    similarity = np.quantile(found.similarity, (0.5, 0.95))
    shares = (100 * found.skeleton.mean(), *similarity)
    return dict(zip(COUNTS, (*sizes, sum(map(several, assays.given))), strict=True)) | {
        name: round(float(value), 4) for name, value in zip(SHARES, shares, strict=True)
    }


def line(name: str) -> dict[str, str | float]:
    """A set by name, read and counted on its published split. DataUnavailable without its file."""
    assays = benchmarks.load(name)
    split = benchmarks.published_split(assays)
    found = benchmarks.leak(assays, split, fingerprints(assays.smiles))
    return {"set": name} | counted(assays, split, found) | {"sha256": source(SETS[name].data).sha256}


def write() -> None:
    """All nine sets counted anew; the file is replaced when all are done."""
    table = pd.DataFrame([line(name) for name in SETS])
    write_whole(path(), table.to_csv(index=False))


def table() -> pd.DataFrame:
    """Lines of the file that hold for today's sources: index set, in the order of SETS; empty without the file.

    MoleculeError, naming the file, where a column lacks.
    """
    if not path().is_file():
        return pd.DataFrame(columns=[*COUNTS, *SHARES])
    kept = read_csv(path(), ("set", *COUNTS, *SHARES, "sha256"), MoleculeError).set_index("set")
    today = [name for name in SETS if name in kept.index and kept.loc[name, "sha256"] == source(SETS[name].data).sha256]
    return kept.loc[today, [*COUNTS, *SHARES]]


def markdown() -> list[str]:
    """The table as lines of reports/results.md, with what it says; none without a line that holds."""
    found = table()
    if not len(found):
        return []
    lines = [
        "## How near the published tests are to training", "",
        "Written by `python benchmarks/leaks.py` from the files of the nine sets. Skeleton: atoms and bonds without",
        "stereochemistry; the clean test is without test molecules whose skeleton is in train. Similarity: Tanimoto of",
        "Morgan bits and MACCS keys, exact, of a test molecule to the nearest of train. Rows not parsed are left out;",
        "of a salt or mixture the fragment with most heavy atoms is kept.", "",
        f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|",
    ]  # fmt: skip
    for name, row in found.iterrows():
        counts = [f"{int(row[column]):,}" for column in COUNTS]
        shares = [f"{row[column]:.{places}f}" for column, places in zip(SHARES, (1, 2, 2), strict=True)]
        lines.append(f"| {' | '.join((name, *counts, *shares))} |")
    return [*lines, ""]
