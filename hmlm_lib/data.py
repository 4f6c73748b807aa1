"""Real data on demand: the user's folder first, then the cache, then a download; always checked by sha256.

The list of what can be had, with its public source at a pinned commit, is `sources.csv`. Files that were converted
or computed for this study have no public address and come from HMLM_DATA_DIR alone.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import pooch

from hmlm_lib.errors import DataUnavailable, did_you_mean
from hmlm_lib.files import sha256, size_and_time
from hmlm_lib.paths import data_dir

ADDRESS = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Source:
    """One row of sources.csv; repository, commit and path are empty where there is no public address."""

    name: str
    file: str
    repository: str
    commit: str
    path: str
    sha256: str
    licence: str
    what: str

    @property
    def url(self) -> str:
        """Where it is downloaded from; empty for what has no public file of its own."""
        base = os.environ.get("HMLM_DATA_URL") or ADDRESS
        return f"{base}/{self.repository}/{self.commit}/{quote(self.path)}" if self.path else ""


@cache
def _sources() -> dict[str, Source]:
    with (files("hmlm_lib") / "sources.csv").open(encoding="utf-8") as file:
        return {row["name"]: Source(**row) for row in csv.DictReader(file)}


def names() -> tuple[str, ...]:
    """Names of all data sets."""
    return tuple(_sources())


def public() -> tuple[str, ...]:
    """Names of the data sets that have a public address."""
    return tuple(name for name, item in _sources().items() if item.path)


def source(name: str) -> Source:
    """Where a data set comes from; DataUnavailable with the nearest name for an unknown one."""
    if name not in _sources():
        raise DataUnavailable(
            f"no data set {name!r}{did_you_mean(name, names())}; `python -m hmlm_lib fetch` lists them"
        )
    return _sources()[name]


def _folder() -> Path | None:
    folder = data_dir()
    if folder is not None and not folder.is_dir():
        raise DataUnavailable(f"HMLM_DATA_DIR is {folder}, which is not a folder")
    return folder


def cache_dir() -> Path:
    """The user's folder of downloads and computed features: HMLM_CACHE_DIR, or the system's cache."""
    return Path(os.environ.get("HMLM_CACHE_DIR") or pooch.os_cache("hmlm"))


def state(name: str) -> str:
    """`in HMLM_DATA_DIR`, `cached`, `to download` or `only from HMLM_DATA_DIR`; nothing is downloaded."""
    item, folder = source(name), _folder()
    if folder is not None and (folder / item.file).is_file():
        return "in HMLM_DATA_DIR"
    if (cache_dir() / item.file).is_file():
        return "cached"
    return "to download" if item.url else "only from HMLM_DATA_DIR"


def available(name: str) -> bool:
    """Whether `fetch` would find the data set without a download."""
    return state(name) in ("in HMLM_DATA_DIR", "cached")


def advice(wanted: Iterable[str]) -> str:
    """How to get those of some data sets that are not here: what to download, and what only a folder can hold."""
    missing = [name for name in dict.fromkeys(wanted) if not available(name)]
    here, private = ([n for n in missing if bool(source(n).path) == has] for has in (True, False))
    parts = [f"`python -m hmlm_lib fetch {' '.join(here)}`"] if here else []
    parts += [f"only from HMLM_DATA_DIR: {', '.join(private)}"] if private else []
    return "; ".join(parts)


def fetch(name: str) -> Path:
    """Local path of a data set, downloaded if it must be; DataUnavailable says in one line what to do otherwise."""
    item, folder = source(name), _folder()
    if folder is not None and (folder / item.file).is_file():
        return _checked(folder / item.file, item)
    cached = cache_dir() / item.file
    if cached.is_file():
        return _checked(cached, item)
    if not item.url:
        raise DataUnavailable(f"{name} has no public address; set HMLM_DATA_DIR to a folder that holds {item.file}")
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(item.url, f"sha256:{item.sha256}", fname=cached.name, path=cached.parent)
    except Exception as problem:  # requests, urllib3, pooch and the disk raise dozens of kinds
        reason = str(problem).splitlines()[0][:200]
        raise DataUnavailable(
            f"{name} cannot be downloaded from {item.url} ({reason}); "
            f"set HMLM_DATA_DIR to a folder that holds {item.file}"
        ) from None
    return cached


def _checked(path: Path, item: Source) -> Path:
    try:
        found = sha256(path)
    except OSError as problem:
        raise DataUnavailable(f"{path}: cannot be read ({problem.strerror})") from None
    if found != item.sha256:
        raise DataUnavailable(
            f"{path}: sha256 is {found[:16]}..., expected {item.sha256[:16]}...; "
            "the file is damaged or another version, remove it"
        )
    return path


def fingerprint() -> dict[str, object]:
    """Which data sets a run would see, and the size and date of those in HMLM_DATA_DIR."""
    folder = _folder()
    seen: dict[str, object] = {}
    for item in _sources().values():
        path = folder / item.file if folder is not None else None
        if path is not None and path.is_file():
            seen[item.name] = size_and_time(path)
        elif (cache_dir() / item.file).is_file():
            seen[item.name] = "cached"
    return seen
