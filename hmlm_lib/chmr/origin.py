"""Whose cells an encoder saw: a mark for its name and its rows where the user's own tables stand in for the public.

Code alone cannot tell two encoders apart that were trained on other tables. With HMLM_CELLS_DIR set, the sha256 of the
files that are read there is part of the name; without it nothing is, so that the public record stays as it is.
"""

import os
from pathlib import Path

from hmlm_lib.chmr.cellular import FOLDER, PUBLISHED
from hmlm_lib.errors import MoleculeError
from hmlm_lib.files import contents


def mark() -> str:
    """`-` and 16 hexadecimal digits of the user's tables, names and contents; empty where there are none.

    MoleculeError, naming the folder or file, where HMLM_CELLS_DIR holds no table or one cannot be read.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return ""
    names = sorted(f"{name}{end}" for name in PUBLISHED for end in (".csv.gz", "_feature.npz"))
    try:
        paths = [path for name in names if (path := Path(folder) / name).is_file()]
    except OSError as problem:
        raise MoleculeError(f"{folder}: cannot be read ({problem.strerror})") from None
    if not paths:
        raise MoleculeError(f"{folder}: none of {', '.join(names)} is there, though {FOLDER} names it")
    return "-" + contents(paths, MoleculeError)
