"""Our own format: a folder with `species.csv` and `reactions.csv`, one row a species, one row a reaction."""

from pathlib import Path

import pandas as pd

from hmlm_lib.errors import TableError
from hmlm_lib.files import write_whole
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.tables import read_csv


def read_tables(folder: str | Path, name: str | None = None) -> SignalingNetwork:
    """The network in `folder`; only the columns `species`, `reaction` and `rule` are required.

    Raises TableError for a missing or unreadable file or column, NetworkError or RuleError for wrong content.
    """
    folder = Path(folder)
    species = _read(folder / "species.csv", "species")
    reactions = _read(folder / "reactions.csv", "reaction", "rule")
    flags = {"1": True, "0": False, "True": True, "False": False, "true": True, "false": False}
    for column in species.columns.intersection(["is_output", "core"]):
        odd = ~species[column].isin(flags)
        if odd.any():
            raise TableError(
                f"{folder / 'species.csv'}, species {species.index[odd][0]}: {column} is "
                f"{species[column][odd].iloc[0]!r}; allowed: 1 or 0"
            )
        species[column] = species[column].map(flags).astype(bool)
    species = species.drop(columns="is_input", errors="ignore")
    return SignalingNetwork(name or folder.name, species, reactions, where=str(folder))


def _read(path: Path, *required: str) -> pd.DataFrame:
    """A CSV with text cells (blank: missing); TableError if it cannot be read or lacks a column."""
    table = read_csv(path, required, dtype=str, keep_default_na=False, na_values=[""])
    blank = table[required[0]].isna()
    if blank.any():
        raise TableError(f"{path}, row {int(blank.to_numpy().argmax()) + 2}: {required[0]} is blank")
    return table.set_index(required[0])


def write_tables(network: SignalingNetwork, folder: str | Path) -> Path:
    """Write `species.csv` and `reactions.csv`; each appears whole or not at all. Returns the folder."""
    folder = Path(folder)
    species = network.species.drop(columns="is_input")
    species = species.assign(is_output=species["is_output"].astype(int), core=species["core"].astype(int))
    for name, table in (("species.csv", species), ("reactions.csv", network.reactions)):
        write_whole(folder / name, table.to_csv(lineterminator="\n"), TableError)
    return folder
