"""Features of molecules, each computed once: arrays in the cache folder, found again by SMILES.

A shard is an array and the SMILES of its rows; what is asked for and in no shard is computed and becomes a shard. The
list is written last, so an array without one is ignored. A shard's name is the hash of what is in it, so a damaged one
is ignored as well (the oldest are named by their SMILES alone).
"""

import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path

import numpy as np
import rdkit

from hmlm_lib.data import cache_dir
from hmlm_lib.errors import MoleculeError
from hmlm_lib.files import locked, write_whole

VERSION = 2  # of the features: raise it where they change
SHARD = 4096  # molecules; what is finished is kept

Shard = tuple[list[str], np.ndarray]  # SMILES, and their rows


def check_listed(smiles: Sequence[str], where: str = "") -> None:
    """MoleculeError for one SMILES in place of a list, which would be read letter by letter."""
    if isinstance(smiles, str):
        raise MoleculeError(f"{where}{': ' if where else ''}one text, {smiles!r}; allowed: a list of SMILES")


def kept(kind: str, smiles: Sequence[str], compute: Callable[[Sequence[str]], np.ndarray]) -> np.ndarray:
    """compute(smiles) [molecule, feature], of which only the rows that no shard holds are computed.

    Of processes side by side that miss molecules one computes; the others wait, and compute what is still missing.
    MoleculeError for an empty list, or one text in place of a list.
    """
    check_listed(smiles)
    if not len(smiles):
        raise MoleculeError("no molecule; allowed: at least one")
    folder = Path(cache_dir()) / "features" / f"{kind}-{VERSION}-{rdkit.__version__}"
    shards = _shards(folder)
    if _missing(smiles, shards):
        with locked(folder / ".lock", error=MoleculeError):
            shards = _shards(folder)
            missing = _missing(smiles, shards)
            for new in (missing[at : at + SHARD] for at in range(0, len(missing), SHARD)):
                values = compute(new)
                _write(folder, new, values)
                shards.append((new, values))
    place = {one: (s, row) for s, (names, _) in enumerate(shards) for row, one in enumerate(names)}
    where = np.array([place[one] for one in smiles])
    found = np.empty((len(smiles), shards[where[0, 0]][1].shape[1]), shards[where[0, 0]][1].dtype)
    for s in np.unique(where[:, 0]):
        here = where[:, 0] == s
        found[here] = shards[s][1][where[here, 1]]
    return found


def _shards(folder: Path) -> list[Shard]:
    return [shard for path in sorted(folder.glob("*.txt")) if (shard := _shard(path)) is not None]


def _missing(smiles: Sequence[str], shards: Sequence[Shard]) -> list[str]:
    """Those in no shard, each once, as ordered."""
    known = set(chain.from_iterable(names for names, _ in shards))
    return [one for one in dict.fromkeys(smiles) if one not in known]


def _shard(listed: Path) -> Shard | None:
    """SMILES and rows, or None where they do not belong together."""
    try:
        text, data = listed.read_bytes(), listed.with_suffix(".npy").read_bytes()
        if listed.stem not in (_name(text, data), _name(text)):
            return None
        values = np.load(listed.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError):
        return None
    names = text.decode().split("\n")
    return (names, values) if values.ndim == 2 and len(names) == len(values) else None


def _name(*content: bytes) -> str:
    return hashlib.sha256(b"".join(content)).hexdigest()[:24]


def _write(folder: Path, smiles: list[str], values: np.ndarray) -> None:
    text, memory = "\n".join(smiles), BytesIO()
    np.save(memory, values, allow_pickle=False)
    path = folder / _name(text.encode(), memory.getvalue())
    write_whole(path.with_suffix(".npy"), memory.getvalue(), MoleculeError)
    write_whole(path.with_suffix(".txt"), text, MoleculeError)
