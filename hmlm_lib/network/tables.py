"""Our own format: a folder with `species.csv` and `reactions.csv`, one row a species, one row a reaction."""

from pathlib import Path

import pandas as pd

from hmlm_lib.errors import TableError
from hmlm_lib.files import write_whole
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.network.places import Places
from hmlm_lib.network.rules import check_once
from hmlm_lib.tables import line_numbers, read_csv


def read_tables(folder: str | Path, name: str | None = None) -> SignalingNetwork:
    """The network in `folder`; only the columns `species`, `reaction` and `rule` are required.

    A blank number or text is that of a column that is not there. Raises TableError for a missing or unreadable file or
    column and a blank name, rule or flag, NetworkError or RuleError for other wrong content, a rule given twice
    included; all name file, row and column.
    """
    folder = Path(folder)
    species, of_species = _read(folder / "species.csv", "species")
    reactions, of_reactions = _read(folder / "reactions.csv", "reaction", "rule")
    where = Places(str(folder), {"species": of_species, "reaction": of_reactions})
    flags = {"1": True, "0": False, "True": True, "False": False, "true": True, "false": False}
    for column in species.columns.intersection(["is_output", "core"]):
        odd = ~species[column].isin(flags).to_numpy()
        if odd.any():
            row = int(odd.argmax())
            place = where.of("species", row, species.index[row], column)
            value = species[column].iloc[row]
            raise TableError(f"{place}: {column} is {'blank' if pd.isna(value) else repr(value)}; allowed: 1 or 0")
        species[column] = species[column].map(flags).astype(bool)
    species = species.drop(columns="is_input", errors="ignore")
    network = SignalingNetwork(name or folder.name, species, reactions, where=where)
    cells = [where.of("reaction", row, key, "rule") for row, key in enumerate(network.reactions.index)]
    check_once(network.rules, cells)
    return network


def _read(path: Path, *required: str) -> tuple[pd.DataFrame, list[str]]:
    """A CSV with text cells (blank: missing), and the place of every row.

    TableError if it cannot be read, lacks a column, or has a row without a name or a rule.
    """
    table = read_csv(path, required, dtype=str, keep_default_na=False, na_values=[""])
    places = [f"{path}, row {number}" for number in line_numbers(path, table)]
    for column in required:
        blank = table[column].isna().to_numpy()
        if blank.any():
            allowed = "`A & !B => C`, or `=> C` for an input" if column == "rule" else "a name"
            raise TableError(f"{places[int(blank.argmax())]}: {column} is blank; allowed: {allowed}")
    return table.set_index(required[0]), places


def write_tables(network: SignalingNetwork, folder: str | Path) -> Path:
    """Write `species.csv` and `reactions.csv`; each appears whole or not at all. Returns the folder."""
    folder = Path(folder)
    species = network.species.drop(columns="is_input")
    species = species.assign(is_output=species["is_output"].astype(int), core=species["core"].astype(int))
    for name, table in (("species.csv", species), ("reactions.csv", network.reactions)):
        write_whole(folder / name, table.to_csv(lineterminator="\n"), TableError)
    return folder
