"""What a run ran with, as manifests say it: versions, machine, commit."""

import importlib.metadata
import os
import platform
import subprocess

from hmlm_lib import paths

PACKAGES = ("torch", "torch-geometric", "numpy", "scipy", "pandas", "xarray", "matplotlib", "seaborn", "papermill")


def versions() -> dict[str, str]:
    """Package -> version, and that of Python."""
    return {name: importlib.metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()}


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
