"""Text tables from disk, packed or not, with one error for all that can be wrong with them."""

import zlib
from collections.abc import Collection
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from hmlm_lib.errors import HmlmError, TableError


def read_csv(
    path: str | Path, needs: Collection[str] = (), error: type[HmlmError] = TableError, **options: object
) -> pd.DataFrame:
    """`pandas.read_csv`; `error`, naming the file, for one that cannot be read or parsed, or lacks a column."""
    try:
        table = pd.read_csv(path, **options)
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except pd.errors.EmptyDataError:
        columns = f"a header with {', '.join(needs)}" if needs else "a header and rows"
        raise error(f"{path}: the file is empty; allowed: {columns}") from None
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as problem:  # of pandas, text and three packers
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise error(f"{path}: not a table that can be read ({reason})") from None
    for name in needs:
        if name not in table:
            raise error(f"{path}: no column {name!r}; it has: {', '.join(map(str, table.columns))}")
    return table
