"""Everything a notebook depends on, as a hash: its cells, parameters, the library, the data, what the user has set."""

import hashlib
import json
from pathlib import Path

from hmlm_lib import environment, paths
from hmlm_lib.data import fingerprint
from hmlm_lib.files import sha256
from hmlm_lib.notebook_file import read


def code_hash() -> str:
    """Hash of the library, its tables, the result rows, the versions it runs with and the data it can see."""
    rows = {path.name: sha256(path) for path in sorted(paths.rows_dir().glob("*.jsonl"))}
    return _hash([_library(), environment.versions(), environment.own(), fingerprint(), rows])


def library_hash() -> str:
    """Hash of the library, its tables, the versions it runs with, and what the user has set."""
    return _hash([_library(), environment.versions(), environment.own()])


def input_hash(path: Path, parameters: dict[str, object], code: str) -> str:
    """Hash of a notebook's cells, its parameters, and the hash of all else."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in read(path)["cells"]]
    return _hash([cells, parameters, code])


def _library() -> dict[str, str]:
    folder = paths.ROOT / "hmlm_lib"
    sources = sorted(path for pattern in ("*.py", "*.csv") for path in folder.rglob(pattern))
    return {str(path.relative_to(folder)): sha256(path) for path in sources}


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
