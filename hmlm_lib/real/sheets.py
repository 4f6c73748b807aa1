"""Published spreadsheets, read without the reader's remarks on their formatting."""

import warnings
from pathlib import Path

import pandas as pd

from hmlm_lib.errors import TableError


def read_sheet(path: str | Path, **options: object) -> pd.DataFrame:
    """`pandas.read_excel`; TableError, naming the file, for one that is no spreadsheet or lacks the sheet."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*extension is not supported")
            return pd.read_excel(path, **options)
    except Exception as problem:  # of pandas, two readers of workbooks, zip and XML: a dozen kinds
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise TableError(f"{path}: {reason}; allowed: a spreadsheet with that sheet") from None
