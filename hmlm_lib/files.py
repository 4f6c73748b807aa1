"""Files that appear whole or not at all, their fingerprints, and locks between processes."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from hmlm_lib.errors import HmlmError

CHUNK = 1 << 20  # bytes of a large file that are read at once


def write_whole(path: Path, content: str | bytes, error: type[HmlmError] = HmlmError) -> None:
    """Write beside `path` and move it there; `error`, naming the path, where the disk or its rights forbid it."""
    data = content.encode() if isinstance(content, str) else content
    if not path.name:
        raise error(f"{str(path)!r}: cannot be written; allowed: the name of a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as problem:
        temporary_gone(temporary)
        raise error(f"{path}: cannot be written ({problem.strerror or problem})") from None


def check_writable(path: Path, error: type[HmlmError] = HmlmError) -> None:
    """`error` as of `write_whole` where it could not write now; nothing is left behind, no folder either."""
    probe = None
    try:
        place = next((folder for folder in path.parents if os.path.lexists(folder)), path)  # `.` has no parents
        probe = place / f".{path.name}.{os.getpid()}.tmp"
        probe.write_bytes(b"")
    except OSError as problem:
        raise error(f"{path}: cannot be written ({problem.strerror or problem})") from None
    finally:
        if probe is not None:
            temporary_gone(probe)


@contextlib.contextmanager
def folder_whole(folder: Path, error: type[HmlmError] = HmlmError) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `folder` when the block ends well and goes when it does not.

    The new folder stands beside the old one until then. `error`, naming the path, where the disk or its rights forbid
    it.
    """
    fresh, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{kind}") for kind in ("new", "old"))
    try:
        fresh.mkdir(parents=True)
        yield fresh
        if folder.exists():
            os.replace(folder, old)
        os.replace(fresh, folder)
    except OSError as problem:
        raise error(f"{problem.filename or folder}: {problem.strerror or problem}; {folder} is as it was") from None
    finally:
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        for left in (fresh, old):
            shutil.rmtree(left, ignore_errors=True)


def temporary_gone(path: Path) -> None:
    """Remove a temporary file if it is there and can be removed."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, wait: bool = True, error: type[HmlmError] = HmlmError) -> Iterator[None]:
    """Hold a lock file; the lock dies with its process, so a killed one leaves none behind.

    BlockingIOError where another process holds it and `wait` is False; `error` where the disk forbids it.
    """
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError as problem:
            raise error(f"{path}: cannot be locked ({problem.strerror or problem})") from None
        yield


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def contents(paths: Iterable[Path], error: type[HmlmError] = HmlmError) -> str:
    """16 hexadecimal digits of files' names and contents; `error`, naming the file, for one that cannot be read."""
    try:
        return _contents(tuple((path, *size_and_time(path)) for path in paths))
    except OSError as problem:
        raise error(f"{problem.filename}: cannot be read ({problem.strerror})") from None


def size_and_time(path: Path) -> tuple[int, int]:
    """Size and time of change of a file: cheap to ask, where reading it again would tell for sure."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _contents(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Of files as they are now: size and time of change are there so that a changed one is read again."""
    found = hashlib.sha256()
    for path, size, _ in files:
        found.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            while part := file.read(CHUNK):
                found.update(part)
    return found.hexdigest()[:16]


def digest(*arrays: np.ndarray) -> str:
    """sha256 of shapes and numbers, the same for every order of axes in memory."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(repr((array.dtype.str, array.shape)).encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def stamped(value: dict) -> dict:
    """The object with a `check`: the start of the sha256 of everything else in it."""
    return value | {"check": _check(value)}


def unstamped(value: object) -> dict | None:
    """The object without its `check`; None where that is missing or says that something was changed."""
    if not isinstance(value, dict) or "check" not in value:
        return None
    rest = {key: part for key, part in value.items() if key != "check"}
    return rest if value["check"] == _check(rest) else None


def _check(value: dict) -> str:
    plain = json.loads(json.dumps(value))  # as it will be read again
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def as_json(value: object) -> str:
    """JSON with sorted keys, one a line, for files that are read by people and compared by git."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def read_json(path: Path) -> dict | None:
    """The object in a JSON file; None where there is none or it is damaged (then it is made again)."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
