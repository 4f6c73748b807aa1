"""Our own format: a folder with `species.csv` and `reactions.csv`, one row a species, one row a reaction."""

from pathlib import Path

import numpy as np
import pandas as pd

from hmlm_lib.errors import TableError
from hmlm_lib.files import write_whole
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.network.places import Places
from hmlm_lib.network.rules import check_once, first_alike
from hmlm_lib.tables import line_numbers, read_csv

FLAGS = {"1": True, "0": False, "True": True, "False": False, "true": True, "false": False}
AGAIN = "again"  # column of reactions


def read_tables(folder: str | Path, name: str | None = None) -> SignalingNetwork:
    """The network in `folder`; only the columns `species`, `reaction` and `rule` are required.

    A blank number or text is that of a column that is not there; blanks around text do not count. A rule may stand
    there a second time, and count twice, where the column `again` of its reaction is 1. Raises TableError for a missing
    or unreadable file or column and a blank name, rule or flag, NetworkError or RuleError for other wrong content, any
    other rule given twice included; all name file, row and column.
    """
    folder = Path(folder)
    species, of_species = _read(folder / "species.csv", "species")
    reactions, of_reactions = _read(folder / "reactions.csv", "reaction", "rule")
    where = Places(str(folder), {"species": of_species, "reaction": of_reactions})
    for column in species.columns.intersection(["is_output", "core"]):
        species[column] = _flags(species, column, where, "species")
    again = _flags(reactions, AGAIN, where, "reaction") if AGAIN in reactions else [False] * len(reactions)
    species = species.drop(columns="is_input", errors="ignore")
    network = SignalingNetwork(
        name or folder.name, species, reactions.drop(columns=AGAIN, errors="ignore"), where=where
    )
    once = [row for row, flag in enumerate(again) if not flag]
    cells = [where.of("reaction", row, network.reactions.index[row], "rule") for row in once]
    check_once([network.rules[row] for row in once], cells)
    return network


def _flags(table: pd.DataFrame, column: str, where: Places, what: str) -> list[bool]:
    """A column of FLAGS; TableError, naming the cell, for anything else."""
    for row, value in enumerate(table[column]):
        if value not in FLAGS:
            place = where.of(what, row, table.index[row], column)
            raise TableError(f"{place}: {column} is {'blank' if pd.isna(value) else repr(value)}; allowed: 1 or 0")
    return [FLAGS[value] for value in table[column]]


def _read(path: Path, *required: str) -> tuple[pd.DataFrame, list[str]]:
    """A CSV with text cells (blank: missing), and the place of every row.

    TableError if it cannot be read, lacks a column, or has a row without a name or a rule.
    """
    table = read_csv(path, required, dtype=str, keep_default_na=False)
    table = table.apply(lambda column: column.str.strip()).replace("", np.nan)
    places = [f"{path}, row {number}" for number in line_numbers(path, table)]
    for column in required:
        blank = table[column].isna().to_numpy()
        if blank.any():
            allowed = "`A & !B => C`, or `=> C` for an input" if column == "rule" else "a name"
            raise TableError(f"{places[int(blank.argmax())]}: {column} is blank; allowed: {allowed}")
    return table.set_index(required[0]), places


def write_tables(network: SignalingNetwork, folder: str | Path) -> Path:
    """Write `species.csv` and `reactions.csv`; each appears whole or not at all. Returns the folder.

    TableError where a column of reactions is called `again`.

    Rules that are there twice, as in some published workbooks and in networks drawn at random, are marked in `again`.
    """
    folder = Path(folder)
    if AGAIN in network.reactions:
        raise TableError(f"{folder}: a column of reactions is called {AGAIN!r}, which marks repeated rules; rename it")
    species = network.species.drop(columns="is_input")
    species = species.assign(is_output=species["is_output"].astype(int), core=species["core"].astype(int))
    again = [int(first != number) for number, first in enumerate(first_alike(network.rules))]
    reactions = network.reactions.assign(**{AGAIN: again}) if any(again) else network.reactions
    for name, table in (("species.csv", species), ("reactions.csv", reactions)):
        write_whole(folder / name, table.to_csv(lineterminator="\n"), TableError)
    return folder
