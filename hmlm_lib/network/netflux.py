"""Read the spreadsheets the field publishes its networks in (Netflux .xlsx and .xls).

A workbook has the sheets `species` (module, ID, name, Yinit, Ymax, tau, type) and `reactions` (module, ID, rule,
weight, n, EC50, PMIDs): a title row, a header row, data. Case and order of columns vary, blank rows occur, names carry
stray blanks. What a file leaves blank gets Netflux's defaults (n 1.4, EC50 0.5, all else 0 or 1).
"""

import io
import math
import tarfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import xlrd
from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell

from hmlm_lib.errors import TableError, did_you_mean
from hmlm_lib.network.network import REACTION_DEFAULTS, SPECIES_DEFAULTS, SignalingNetwork
from hmlm_lib.network.places import Places

MAX_COLUMNS = 60  # some published sheets claim 16,000, all but the first few empty
SPECIES_COLUMNS = {
    "module": "module",
    "name": "full_name",
    "type": "kind",
    "yinit": "y0",
    "ymax": "ymax",
    "tau": "tau",
}
REACTION_COLUMNS = {"rule": "rule", "weight": "w", "n": "n", "ec50": "ec50"}
UNSTORED = object()  # stands for the value of a formula that was never computed
Rows = list[tuple[object, ...]]


def read_netflux(path: str | Path, name: str | None = None) -> SignalingNetwork:
    """The network in a Netflux workbook; species without a module are `unassigned`, a rule given twice counts twice.

    Raises TableError, RuleError or NetworkError, naming file, sheet, row and column, for what cannot be read.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise TableError(f"{path}: {problem.strerror or 'cannot be read'}") from None
    return _read(content, path.name, name or path.stem)


def read_netflux_archive(path: str | Path) -> Iterator[SignalingNetwork]:
    """Every .xls or .xlsx workbook in a tar archive, in order of name, named by the folder it lies in."""
    try:
        with tarfile.open(path) as archive:
            members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith((".xls", ".xlsx"))]
            for member in sorted(members, key=lambda member: member.name):
                file = archive.extractfile(member)
                assert file is not None
                yield _read(file.read(), member.name, Path(member.name).parent.name)
    except (tarfile.TarError, OSError) as problem:
        raise TableError(f"{path}: not a readable tar archive ({problem})") from None


def _read(content: bytes, file: str, name: str) -> SignalingNetwork:
    if not content:
        raise TableError(f"{file}: the file is empty; allowed: a workbook with the sheets species and reactions")
    sheets = _sheets(content, file)
    species, of_species = _table(sheets, "species", SPECIES_COLUMNS, file)
    reactions, of_reactions = _table(sheets, "reactions", REACTION_COLUMNS, file)
    theirs = {ours: column for column, ours in (SPECIES_COLUMNS | REACTION_COLUMNS).items()}
    where = Places(file, {"species": of_species, "reaction": of_reactions}, theirs)
    return SignalingNetwork(name, species, reactions, where=where)


def _sheets(content: bytes, file: str) -> dict[str, Rows]:
    """Sheet name in lower case -> rows of cell values."""
    try:
        if content[:4] == b"PK\x03\x04":
            return _xlsx_sheets(content)
        book = xlrd.open_workbook(file_contents=content, logfile=io.StringIO())
        return {
            sheet.name.strip().lower(): [tuple(sheet.row_values(i, 0, MAX_COLUMNS)) for i in range(sheet.nrows)]
            for sheet in book.sheets()
        }
    except Exception as problem:  # the two libraries raise a dozen kinds, from BadZipFile to AssertionError
        raise TableError(f"{file}: not a readable .xlsx or .xls workbook ({problem})") from None


def _xlsx_sheets(content: bytes) -> dict[str, Rows]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions and styles that carry no data
        stored, written = (
            openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=data_only)
            for data_only in (True, False)
        )
        return {
            sheet.title.strip().lower(): [
                tuple(map(_stored, *rows))
                for rows in zip(sheet.iter_rows(max_col=MAX_COLUMNS), twin.iter_rows(max_col=MAX_COLUMNS), strict=True)
            ]
            for sheet, twin in zip(stored.worksheets, written.worksheets, strict=True)
        }


def _stored(cell: ReadOnlyCell | EmptyCell, written: ReadOnlyCell | EmptyCell) -> object:
    """A cell's value, UNSTORED for a formula whose result was never saved (a result saved as blank text is blank)."""
    unstored = cell.value is None and written.data_type == "f" and cell.data_type != "str"
    return UNSTORED if unstored else cell.value


def _table(sheets: dict[str, Rows], sheet: str, columns: dict[str, str], file: str) -> tuple[pd.DataFrame, list[str]]:
    """The sheet as a table indexed by ID, with our column names, and the place of every row.

    TableError for cells that are no numbers, formulas without a value, and an ID given twice.
    """
    if sheet not in sheets:
        raise TableError(f"{file}: no sheet {sheet!r}{did_you_mean(sheet, sheets)}; it has: {', '.join(sheets)}")
    header, at = _header(sheets[sheet], sheet, columns, file)
    records: dict[str, dict[str, object]] = {}
    for number, row in enumerate(sheets[sheet][at + 1 :], start=at + 2):
        where = f"{file}, sheet {sheet}, row {number}"
        cells = {key: _clean(row[i]) if i < len(row) else None for key, i in header.items()}
        if cells["id"] is None:
            if cells.get("rule") is not None:
                raise TableError(f"{where}: a rule without ID")
            continue
        for column, cell in cells.items():
            if cell is UNSTORED:
                raise TableError(
                    f"{where}, column {column}: a formula without a stored value; allowed: text or a number (write a "
                    f"rule such as '=> A' as text, or save the workbook once in a spreadsheet program)"
                )
        key = _text(cells["id"])
        if key in records:
            raise TableError(f"{where}: ID {key!r} is given twice (first in row {records[key]['row']})")
        records[key] = {"row": number} | {
            ours: _cell(cells.get(theirs), theirs, where)
            for theirs, ours in columns.items()
            if cells.get(theirs) is not None or theirs == "rule"
        }
        if "rule" in columns:
            records[key]["evidence"] = _evidence(sheets[sheet][at], row)
    table = pd.DataFrame.from_dict(records, orient="index").drop(columns="row", errors="ignore")
    if len(table) == 0:
        return pd.DataFrame({"rule": pd.Series(dtype=str)} if "rule" in columns else {}), []
    defaults = SPECIES_DEFAULTS | REACTION_DEFAULTS
    places = [f"{file}, sheet {sheet}, row {records[key]['row']}" for key in table.index]
    return table.fillna({column: defaults[column] for column in table.columns.intersection(list(defaults))}), places


def _header(rows: Rows, sheet: str, columns: dict[str, str], file: str) -> tuple[dict[str, int], int]:
    """Position of each known column, from the first of the top rows that names `ID`."""
    for at, row in enumerate(rows[:5]):
        names = [str(cell).strip().lower() if cell is not None else "" for cell in row]
        if "id" in names:
            missing = [name for name in ("rule",) if name in columns and name not in names]
            if missing:
                raise TableError(f"{file}, sheet {sheet}, row {at + 1}: no column {missing[0]!r}")
            return {name: names.index(name) for name in ("id", *columns) if name in names}, at
    raise TableError(f"{file}, sheet {sheet}: no header row with a column 'ID' in the first five rows")


def _clean(cell: object) -> object | None:
    """Text without blanks at its ends; None for an empty cell."""
    if isinstance(cell, str):
        cell = cell.strip()
    return None if cell == "" else cell


def _text(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _cell(cell: object, column: str, where: str) -> object:
    if column in ("module", "name", "type"):
        return _text(cell)
    if column == "rule":
        if not isinstance(cell, str):
            raise TableError(f"{where}, column {column}: {cell!r} is not a rule such as 'A & !B => C'")
        return cell
    try:
        number = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise TableError(f"{where}, column {column}: {cell!r} is not a finite number")
    return number


def _evidence(header: tuple[object, ...], row: tuple[object, ...]) -> str:
    """Every number under a heading that speaks of PMIDs or references, joined by semicolons."""
    ids = [
        str(int(cell))
        for name, cell in zip(header, row, strict=False)
        if isinstance(name, str)
        and any(word in name.lower() for word in ("pmid", "ref"))
        and isinstance(cell, int | float)
        and cell > 999
    ]
    return ";".join(dict.fromkeys(ids))
