"""Whose cells an encoder saw: a mark for its name and its rows where the user's own tables stand in for the public.

Code alone cannot tell two encoders apart that were trained on other tables. With HMLM_CELLS_DIR set, the sha256 of the
files that are read there is part of the name; without it nothing is, so that the public record stays as it is.
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from hmlm_lib.chmr.cellular import FOLDER, PUBLISHED
from hmlm_lib.errors import MoleculeError

CHUNK = 1 << 20  # bytes read at once


def mark() -> str:
    """`-` and 16 hexadecimal digits of the user's tables, names and contents; empty where there are none.

    MoleculeError, naming the folder or file, where HMLM_CELLS_DIR holds no table or one cannot be read.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return ""
    names = sorted(f"{name}{end}" for name in PUBLISHED for end in (".csv.gz", "_feature.npz"))
    paths = [path for name in names if (path := Path(folder) / name).is_file()]
    if not paths:
        raise MoleculeError(f"{folder}: none of {', '.join(names)} is there, though {FOLDER} names it")
    try:
        return "-" + _digest(tuple((path, *_state(path)) for path in paths))
    except OSError as problem:
        raise MoleculeError(f"{problem.filename}: cannot be read ({problem.strerror})") from None


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Of files as they are now: size and time of change are there so that a changed one is read again."""
    digest = hashlib.sha256()
    for path, size, _ in files:
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            while part := file.read(CHUNK):
                digest.update(part)
    return digest.hexdigest()[:16]
