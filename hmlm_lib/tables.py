"""Text tables from disk, packed or not, with one error for all that can be wrong with them."""

import csv
import gzip
import warnings
import zlib
from collections.abc import Collection, Iterator
from io import BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TextIO
from zipfile import BadZipFile

import pandas as pd

from hmlm_lib.errors import HmlmError, TableError


def read_csv(
    path: str | Path | BytesIO, needs: Collection[str] = (), error: type[HmlmError] = TableError, **options: object
) -> pd.DataFrame:
    """`pandas.read_csv`; `error`, naming the file, where it cannot be read, lacks a column, or has one twice.

    A row with more fields than the header is refused too, by its line.
    """
    try:
        table = _read(path, options)
        twice = _twice(path, options) if options.get("header", "infer") == "infer" else None
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except pd.errors.EmptyDataError:
        columns = f"a header with {', '.join(needs)}" if needs else "a header and rows"
        raise error(f"{path}: the file is empty; allowed: {columns}") from None
    except _Longer as problem:
        raise error(str(problem)) from None
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as problem:  # of pandas, text and three packers
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise error(f"{path}: not a table that can be read ({reason})") from None
    if twice is not None:
        raise error(f"{path}: column {twice!r} stands there twice; allowed: every name once")
    for name in needs:
        if name not in table:
            raise error(f"{path}: no column {name!r}; it has: {', '.join(map(str, table.columns))}")
    return table


def line_numbers(path: str | Path, table: pd.DataFrame) -> list[int]:
    """The line of a file that holds each row of its table, for messages: `pandas` passes over empty lines.

    A file whose lines are not rows (packed, or breaks within quotes) counts as one without empty lines.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    full = [number for number, line in enumerate(lines, 1) if line.strip()]
    return full[1:] if len(full) == len(table) + 1 else list(range(2, len(table) + 2))


def _twice(path: str | Path | BytesIO, options: dict) -> str | None:
    """A name that the header repeats, which pandas would rename to `name.1`."""
    if isinstance(path, BytesIO):
        path.seek(0)
    same = {name: value for name, value in options.items() if name in ("sep", "skipinitialspace")}
    names = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False, **same).iloc[0]
    repeated = names[names.duplicated() & (names != "")]  # spreadsheets leave empty columns behind
    return repeated.iloc[0] if len(repeated) else None


class _Longer(Exception):
    """A row has more fields than the header; the message says which."""


def _read(path: str | Path | BytesIO, options: dict) -> pd.DataFrame:
    """The table; _Longer for a row of more fields than the header, of which pandas by itself would make an index."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # fields that would be dropped
            table = pd.read_csv(path, **({"index_col": False} | options))
    except (pd.errors.ParserError, pd.errors.ParserWarning) as problem:
        if longer := _longer(path, options):
            raise _Longer(longer) from None
        raise ValueError(str(problem)) from None
    # Of empty fields at the end of the first row pandas says nothing; those of any other row are an error to it.
    if "index_col" not in options and (longer := _longer(path, options, 2)):
        raise _Longer(longer)
    return table


def _longer(path: str | Path | BytesIO, options: dict, rows: int | None = None) -> str:
    """What is wrong with the first row that has more fields than the header, and where; "" where none is found.

    rows: how many are looked at, the header among them; None: all.
    """
    allowed = 0
    try:
        with _text(path) as file:
            for line, row in islice(_rows(file, options), rows):
                allowed = allowed or len(row)
                if len(row) > allowed:
                    return f"{path}, line {line} has {len(row)} fields; allowed: {allowed}, as in the header"
    except (OSError, UnicodeDecodeError, EOFError, zlib.error, csv.Error):
        return ""
    return ""


def _rows(file: TextIO, options: dict) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, and the line where each begins: breaks within quotes make a row of several lines."""
    dialect = {"delimiter": options.get("sep", ","), "skipinitialspace": options.get("skipinitialspace", False)}
    rows, line = csv.reader(file, **dialect), 1
    for row in rows:
        if len(row) > 1 or "".join(row).strip():
            yield line, row
        line = rows.line_num + 1


def _text(path: str | Path | BytesIO) -> TextIO:
    """The text of a file, packed with gzip or not."""
    if isinstance(path, BytesIO):
        return TextIOWrapper(BytesIO(path.getvalue()), "utf-8-sig", newline="")
    if str(path).endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return Path(path).open(encoding="utf-8-sig", newline="")
