"""Text tables from disk, packed or not, with one error for all that can be wrong with them."""

import bz2
import csv
import gzip
import lzma
import warnings
import zlib
from collections.abc import Collection, Iterator
from io import BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from tarfile import TarError
from typing import IO, TextIO
from zipfile import BadZipFile, ZipFile

import pandas as pd

from hmlm_lib.errors import HmlmError, TableError

# Of pandas, of text, and of the packers it knows, one of which may be missing.
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    BadZipFile,
    TarError,
    lzma.LZMAError,
    zlib.error,
    RuntimeError,
    ImportError,
)
PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def read_csv(
    path: str | Path | BytesIO,
    needs: Collection[str] = (),
    error: type[HmlmError] = TableError,
    called: str = "",
    **options: object,
) -> pd.DataFrame:
    """`pandas.read_csv`; `error`, naming the file, where it cannot be read, lacks a column, or has one twice.

    A row with more fields than the header is refused too, by its line where the file is text, or packed as one of
    PACKED or zip. called: what a message calls content that is no file.
    """
    where = called or str(path)
    try:
        header = _header(path, options) if options.get("header", "infer") == "infer" else []
        if problem := _spreadsheets(header, options):
            raise _Shape(problem)
        table = _read(path, options)
    except FileNotFoundError:
        raise error(f"{where}: no such file") from None
    except pd.errors.EmptyDataError:
        columns = f"a header with {', '.join(needs)}" if needs else "a header and rows"
        raise error(f"{where}: the file is empty; allowed: {columns}") from None
    except _Shape as problem:
        raise error(f"{where}{problem}") from None
    except UNREADABLE as problem:
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise error(f"{where}: not a table that can be read ({reason})") from None
    twice = [name for name in header if name and header.count(name) > 1]  # spreadsheets leave empty columns behind
    if twice:
        raise error(f"{where}: column {twice[0]!r} stands there twice; allowed: every name once")
    for name in needs:
        if name not in table:
            raise error(f"{where}: no column {name!r}; it has: {', '.join(map(str, table.columns))}")
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


class _Shape(Exception):
    """The text is no table of ours; the message follows the name of the file."""


def _header(path: str | Path | BytesIO, options: dict) -> list[str]:
    """The names as written: pandas would rename a second `name` to `name.1`."""
    same = {name: value for name, value in options.items() if name in ("sep", "skipinitialspace")}
    names = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False, **same)
    if isinstance(path, BytesIO):
        path.seek(0)
    return names.iloc[0].tolist()


def _spreadsheets(header: list[str], options: dict) -> str:
    """What is wrong with a header as spreadsheets write it: a line that names the separator, or another separator."""
    allowed = options.get("sep", ",")
    first = header[0] if header else ""
    if first.startswith("sep="):
        return f", line 1 is {allowed.join(header)!r}; allowed: the names of the columns"
    odd = next((mark for mark in ";\t" if len(header) == 1 and mark in first), "")
    return f": separated by {odd!r}; allowed: {allowed!r}" if odd else ""


def _read(path: str | Path | BytesIO, options: dict) -> pd.DataFrame:
    """The table; _Shape for a row of more fields than the header, of which pandas by itself would make an index."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # fields that would be dropped
            table = pd.read_csv(path, **({"index_col": False} | options))
    except (pd.errors.ParserError, pd.errors.ParserWarning) as problem:
        if longer := _longer(path, options):
            raise _Shape(longer) from None
        raise ValueError(str(problem)) from None
    # Of empty fields at the end of the first row pandas says nothing; those of any other row are an error to it.
    if "index_col" not in options and (longer := _longer(path, options, 2)):
        raise _Shape(longer)
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
                    return f", line {line} has {len(row)} fields; allowed: {allowed}, as in the header"
    except (*UNREADABLE, csv.Error):
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
    """The text of a file, unpacked as pandas does it: by the end of its name."""
    suffix = "" if isinstance(path, BytesIO) else Path(path).suffix.lower()
    if isinstance(path, BytesIO):
        content: IO[bytes] = BytesIO(path.getvalue())
    elif suffix == ".zip":
        content = BytesIO(_only_member(path))
    else:
        content = PACKED.get(suffix, open)(path, "rb")
    return TextIOWrapper(content, "utf-8-sig", newline="")


def _only_member(path: str | Path) -> bytes:
    with ZipFile(path) as packed:
        return packed.read(packed.namelist()[0])
