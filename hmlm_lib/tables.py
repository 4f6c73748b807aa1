"""Text tables from disk, packed or not, with one error for all that can be wrong with them."""

import zlib
from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from hmlm_lib.errors import HmlmError, TableError


def read_csv(
    path: str | Path | BytesIO, needs: Collection[str] = (), error: type[HmlmError] = TableError, **options: object
) -> pd.DataFrame:
    """`pandas.read_csv`; `error`, naming the file, where it cannot be read, lacks a column, or has one twice."""
    try:
        table = pd.read_csv(path, **options)
        twice = _twice(path, options) if options.get("header", "infer") == "infer" else None
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except pd.errors.EmptyDataError:
        columns = f"a header with {', '.join(needs)}" if needs else "a header and rows"
        raise error(f"{path}: the file is empty; allowed: {columns}") from None
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
