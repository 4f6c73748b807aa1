"""Real cellular responses: LINCS L1000 expression and Cell Painting morphology, and molecules joined to them.

| table | molecules | features | source |
|---|---|---|---|
| expression | 1,170 drugs | 978 consensus z-scores | LINCS L1000, dhimmel/lincs |
| morphology | 717 compounds | 579 z-scores against DMSO | Cell Painting, mpimp-comas |

They hardly share a molecule with each other or with the nine sets of labels, so most rows of every modality are
missing: the paper's situation, only smaller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hmlm_lib.chmr.modalities import Modality, from_table
from hmlm_lib.chmr.molecules import read_molecules, skeleton
from hmlm_lib.data import fetch
from hmlm_lib.errors import MoleculeError

PAINTED = ("comas_dcm_1098x579", "comas_np_863x579")


@dataclass(frozen=True, eq=False)
class Table:
    """smiles and key (skeleton) of every row of values."""

    smiles: tuple[str, ...]
    key: tuple[str, ...]
    values: pd.DataFrame


def expression() -> Table:
    """L1000 consensus z-scores of drugs, a column a landmark gene. DataUnavailable without the files."""
    scores = pd.read_csv(fetch("l1000_consensus_drugbank_1170x978"), sep="\t", index_col="perturbagen")
    drugs = pd.read_csv(fetch("drugbank_structures_1170"), index_col="drugbank_id")["smiles"]
    return _table(scores.join(drugs, how="inner"), "smiles", list(scores.columns), "l1000_consensus_drugbank_1170x978")


def morphology() -> Table:
    """Cell Painting z-scores, a column a feature; wells that were toxic are left out."""
    parts = [pd.read_csv(fetch(name), sep="\t") for name in PAINTED]
    columns = [name for name in parts[0] if name.startswith("Median_") and all(name in part for part in parts)]
    whole = pd.concat([part[~part["Toxic"]] for part in parts])
    return _table(whole, "Smiles", columns, "comas")


def _table(rows: pd.DataFrame, column: str, features: list[str], source: str) -> Table:
    if not features:
        raise MoleculeError(f"{source}: no column of features")
    found = read_molecules(rows[column].tolist(), source=source)
    kept = rows.iloc[list(found.row)][features].reset_index(drop=True)
    return Table(found.smiles, tuple(skeleton(one) for one in found.smiles), kept)


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
