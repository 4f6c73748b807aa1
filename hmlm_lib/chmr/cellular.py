"""Real cellular responses: LINCS L1000 expression and Cell Painting morphology, and molecules joined to them.

| table | molecules | features | source |
|---|---|---|---|
| expression | 1,170 drugs | 978 consensus z-scores | LINCS L1000, dhimmel/lincs |
| morphology | 717 compounds | 579 z-scores against DMSO | Cell Painting, mpimp-comas |

They hardly share a molecule with each other or with the nine sets of labels, so most rows of every modality are
missing: the paper's situation, only smaller. Who has the published pretraining tables puts them in a folder and names
it in HMLM_CELLS_DIR; the same commands then use these instead:

    GE.csv.gz, CP-JUMP.csv.gz, CP-Bray.csv.gz        a column `smiles`, one row a profile
    GE_feature.npz, CP-JUMP_feature.npz, ...         an array `data` [profile, feature], rows in the same order

Encoders and rows made from them are kept apart from the others by these files' contents (`origin.py`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hmlm_lib.chmr.modalities import Modality, from_table
from hmlm_lib.chmr.molecules import read_molecules, skeleton
from hmlm_lib.data import fetch
from hmlm_lib.errors import MoleculeError
from hmlm_lib.tables import read_csv

FOLDER = "HMLM_CELLS_DIR"
PUBLISHED = {"GE": "expression", "CP-JUMP": "morphology_jump", "CP-Bray": "morphology_bray"}
PAINTED = ("comas_dcm_1098x579", "comas_np_863x579")


@dataclass(frozen=True, eq=False)
class Table:
    """smiles and key (skeleton) of every row of values."""

    smiles: tuple[str, ...]
    key: tuple[str, ...]
    values: pd.DataFrame


def expression() -> Table:
    """L1000 consensus z-scores of drugs, a column a landmark gene. DataUnavailable without the files."""
    scores = read_csv(fetch("l1000_consensus_drugbank_1170x978"), ("perturbagen",), MoleculeError, sep="\t")
    drugs = read_csv(fetch("drugbank_structures_1170"), ("drugbank_id", "smiles"), MoleculeError)
    scores, drugs = scores.set_index("perturbagen"), drugs.set_index("drugbank_id")["smiles"]
    return _table(scores.join(drugs, how="inner"), "smiles", list(scores.columns), "l1000_consensus_drugbank_1170x978")


def morphology() -> Table:
    """Cell Painting z-scores, a column a feature; wells that were toxic are left out."""
    parts = [read_csv(fetch(name), ("Smiles", "Toxic"), MoleculeError, sep="\t") for name in PAINTED]
    if any(part["Toxic"].dtype != bool for part in parts):
        raise MoleculeError("comas: Toxic is neither True nor False somewhere")
    columns = [name for name in parts[0] if name.startswith("Median_") and all(name in part for part in parts)]
    whole = pd.concat([part[~part["Toxic"]] for part in parts])
    return _table(whole, "Smiles", columns, "comas")


def _table(rows: pd.DataFrame, column: str, features: list, source: str) -> Table:
    if not features:
        raise MoleculeError(f"{source}: no column of features")
    found = read_molecules(rows[column].tolist(), source=source)
    kept = rows.iloc[list(found.row)][features].reset_index(drop=True)
    if not all(pd.api.types.is_numeric_dtype(kept[name]) for name in features):
        raise MoleculeError(f"{source}: a feature is neither a number nor empty")
    return Table(found.smiles, tuple(skeleton(one) for one in found.smiles), kept)


def published(folder: str | Path) -> dict[str, Table]:
    """Tables of a folder in the published layout, those that are there.

    MoleculeError, naming the file, where a table lacks its features, or both have different rows.
    """
    found = {}
    for name, modality in PUBLISHED.items():
        listed, features = Path(folder) / f"{name}.csv.gz", Path(folder) / f"{name}_feature.npz"
        if not listed.is_file() and not features.is_file():
            continue
        for path in (listed, features):
            if not path.is_file():
                raise MoleculeError(f"{path}: missing; allowed: {listed.name} and {features.name} side by side")
        rows = read_csv(listed, ("smiles",), MoleculeError)
        values = _features(features)
        if len(values) != len(rows):
            raise MoleculeError(f"{features}: {len(values)} rows for {len(rows)} in {listed.name}; allowed: as many")
        whole = pd.DataFrame(values).assign(smiles=rows["smiles"])
        found[modality] = _table(whole, "smiles", list(range(values.shape[1])), str(listed))
    if not found:
        raise MoleculeError(f"{folder}: none of {', '.join(f'{name}.csv.gz' for name in PUBLISHED)} is there")
    return found


def _features(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as packed:
            values = packed["data"]
    except Exception as problem:  # of NumPy, zip and deflate: a dozen kinds
        raise MoleculeError(f"{path}: not an archive with an array 'data' ({problem})") from None
    if values.ndim != 2:
        raise MoleculeError(f"{path}: 'data' has shape {values.shape}; allowed: profile x feature")
    return values


def tables() -> dict[str, Table]:
    """The published tables where HMLM_CELLS_DIR names their folder, otherwise the two public ones."""
    folder = os.environ.get(FOLDER)
    return published(folder) if folder else {"expression": expression(), "morphology": morphology()}


def with_cells(smiles: Sequence[str], tables: dict[str, Table]) -> tuple[tuple[str, ...], dict[str, Modality]]:
    """The molecules, then those of the tables that are not among them, and every modality of all of these."""
    everyone, seen = list(smiles), {skeleton(one) for one in smiles}
    for table in tables.values():
        for key, one in zip(table.key, table.smiles, strict=True):
            if key not in seen:
                seen.add(key)
                everyone.append(one)
    cells = {name: from_table(everyone, t.values, t.key, name) for name, t in tables.items()}
    return tuple(everyone), cells


def coverage(smiles: Sequence[str], cells: dict[str, Modality]) -> pd.Series:
    """How many of the first `len(smiles)` molecules have each modality."""
    return pd.Series({name: int(np.sum(m.known[: len(smiles)])) for name, m in cells.items()}, name="molecules")
