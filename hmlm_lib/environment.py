"""What a run ran with, as manifests say it: versions, machine, commit."""

import importlib.metadata
import os
import platform
import subprocess
from contextlib import suppress
from pathlib import Path

from hmlm_lib import paths
from hmlm_lib.files import size_and_time

# What only some users have, and name by a variable (`chmr/cellular.py`, `chmr/forms.py`, `composition/encoders.py`).
OWN = ("HMLM_CELLS_DIR", "HMLM_SHAPES", "HMLM_LANGUAGE_MODEL")
PACKAGES = ("torch", "torch-geometric", "numpy", "scipy", "pandas", "xarray", "matplotlib", "seaborn", "papermill")


def versions() -> dict[str, str]:
    """Package -> version, and that of Python."""
    return {name: importlib.metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()}


def own() -> dict[str, list]:
    """Variables of `OWN` that are set -> their value; of a folder, also its files with size and time of change."""
    found = {name: [value] for name in OWN if (value := os.environ.get(name))}
    for told in found.values():
        with suppress(OSError):  # no folder, or one that cannot be read: whoever reads it will say so
            told += sorted((one.name, *size_and_time(one)) for one in Path(told[0]).expanduser().iterdir())
    return found


def machine() -> str:
    """System, processor and number of cores."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"


def git() -> dict[str, object] | None:
    """Commit and whether the checkout differs from it; None outside a checkout."""
    try:
        commit = _ask_git("rev-parse", "HEAD").strip()
        return {"commit": commit, "dirty": bool(_ask_git("status", "--porcelain", "hmlm_lib", "notebooks"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def _ask_git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout
