"""Result rows: one JSON line a run, kept under reports/rows/, valid only for the code that made them.

A row holds setting, model, seed, values by measure, seconds, and a hash of the code it rests on (the module's syntax
tree without docstrings and annotations, so that a comment or a type changes nothing). Rows of other code are dropped,
never shown, and so are lines that were damaged: each holds a check of its content.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import cache
from io import FileIO
from pathlib import Path

import pandas as pd

from hmlm_lib.errors import HmlmError
from hmlm_lib.evaluation.definitions import definition, whole
from hmlm_lib.files import check_writable, locked, stamped, unstamped
from hmlm_lib.paths import ROOT, rows_dir

# What every row of a network rests on, besides its model.
COMMON = (
    "evaluation.worlds", "evaluation.tasks", "evaluation.score", "evaluation.reconstruct", "dynamics", "network",
    "experiments",
)  # fmt: skip

# What a row can hold, of the benchmark and of tuning.
FIELDS = {
    "setting": str, "model": str, "seed": int, "code": str, "values": dict,
    "candidate": int, "training": dict, "settings": dict,
}  # fmt: skip
NEEDED = ({"setting", "model", "seed", "code", "values"}, {"model", "candidate", "training", "settings", "values"})


@cache
def code_hash(modules: tuple[str, ...]) -> str:
    """Fingerprint of modules or packages of hmlm_lib (dotted names), or of `module#name` (`definitions.py`)."""
    digest = hashlib.sha256()
    for one in sorted(set(modules)):
        name, _, part = one.partition("#")
        place = ROOT / "hmlm_lib" / name.replace(".", "/")
        files = sorted([*place.rglob("*.py"), *place.rglob("*.csv")]) if place.is_dir() else [place.with_suffix(".py")]
        for path in files:
            digest.update(path.relative_to(ROOT).as_posix().encode() + part.encode())
            digest.update(_content(path, part))
    return digest.hexdigest()[:16]


def _content(path: Path, name: str = "") -> bytes:
    if path.suffix != ".py":
        return path.read_bytes()
    found = definition(path.read_text(), name) if name else whole(path.read_text())
    if found is None:
        raise ValueError(f"{path} does not define {name!r}")
    return found


def read_rows(setting: str) -> list[dict]:
    """All rows of a setting, whatever code made them; damaged lines (a run was killed) are skipped.

    HmlmError for a file that cannot be read.
    """
    return read_file(setting_file(setting))[0]


def setting_file(setting: str) -> Path:
    """The file of a setting's rows."""
    return rows_dir() / f"{setting}.jsonl"


def read_file(path: Path) -> tuple[list[dict], int]:
    """Rows of a file (none where there is no file), and how many of its lines are damaged: torn, changed, or no row."""
    try:
        content = path.read_bytes() if path.exists() else b""
    except OSError as problem:
        raise HmlmError(f"{path}: cannot be read ({problem.strerror})") from None
    lines = [line for line in content.split(b"\n") if line.strip()]
    rows = [row for line in lines if (row := _row(line)) is not None]
    return rows, len(lines) - len(rows)


def _row(line: bytes) -> dict | None:
    """The row in a line, without its check; None for a line that is damaged or no row."""
    try:
        row = unstamped(json.loads(line))
    except (ValueError, RecursionError):
        return None
    if row is None or set(row) not in NEEDED:
        return None
    return row if all(type(value) is FIELDS[name] for name, value in row.items()) else None


def make_row(
    setting: str,
    model: str,
    seed: int,
    values: dict[str, float | list[float] | list[float | None]],
) -> dict:
    """A row but for its code, which `benchmark.run_one` adds: values to six digits (lists as they are)."""
    kept = {k: v if isinstance(v, list) else float(f"{v:.6g}") for k, v in values.items()}
    return {"setting": setting, "model": model, "seed": seed, "values": kept}


def add_row(setting: str, row: dict) -> None:
    """Append one row to its setting's file."""
    append(setting_file(setting), row)


def append(path: Path, row: dict) -> None:
    """Append one row with its check, whole or not at all; one process at a time.

    The row gets a line of its own even where a killed run left half a line. HmlmError where it cannot be written.
    """
    with rows_lock(path.parent):
        try:
            with path.open("ab", buffering=0) as file:
                _write(file, line_end(path) + as_line(row))
        except OSError as problem:
            raise HmlmError(f"{path}: cannot be written ({problem.strerror})") from None


def check_append(path: Path) -> None:
    """HmlmError, before anything is trained, where `append` could not write now; nothing is left behind."""
    check_writable(path)  # the lock stands beside the file
    if path.exists():
        try:
            path.open("ab").close()
        except OSError as problem:
            raise HmlmError(f"{path}: cannot be written ({problem.strerror})") from None


def rows_lock(folder: Path) -> AbstractContextManager[None]:
    """Hold a folder of rows while one of its files changes."""
    return locked(folder / ".lock")


def line_end(path: Path) -> bytes:
    """What a file needs before another line: nothing, or the end of its torn last line."""
    if not path.exists() or not path.stat().st_size:
        return b""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return b"" if file.read() == b"\n" else b"\n"


def as_line(row: dict) -> bytes:
    """A row as the line of a file, with its check."""
    return (json.dumps(stamped(row), sort_keys=True) + "\n").encode()


def _write(file: FileIO, line: bytes) -> None:
    """All of it; what a full disk took of it is taken back."""
    end = file.seek(0, os.SEEK_END)
    try:
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        file.truncate(end)
        raise


def valid_rows(setting: str, hashes: dict[str, str]) -> list[dict]:
    """`valid` of a setting's rows in the record."""
    return valid(read_rows(setting), hashes)


def valid(rows: Iterable[dict], hashes: dict[str, str]) -> list[dict]:
    """Rows whose code is today's; hashes: model -> code hash. The last row of a (model, seed) counts."""
    found = {(row["model"], row["seed"]): row for row in rows if hashes.get(row["model"]) == row["code"]}
    return list(found.values())


def as_table(rows: Iterable[dict], measures: Iterable[str]) -> pd.DataFrame:
    """Mean and sd over seeds and n, one line a model; columns (measure, mean | sd | n)."""
    long = [
        {"model": row["model"], "measure": m, "value": row["values"][m]}
        for row in rows
        for m in measures
        if row["values"].get(m) is not None
    ]
    columns = pd.MultiIndex.from_product([list(measures), ["mean", "sd", "n"]])
    if not long:
        return pd.DataFrame(columns=columns)
    frame = pd.DataFrame(long).groupby(["model", "measure"])["value"].agg(["mean", "std", "count"])
    frame.columns = ["mean", "sd", "n"]
    return frame.unstack("measure").swaplevel(axis=1).reindex(columns=columns)
