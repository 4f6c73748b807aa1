"""Where things are. Every path of the project comes from here, so that a notebook opened in Jupyter,
executed by papermill or checked by nbval reads and writes the same places.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def output_root() -> Path:
    """Folder that holds `figures/` and `reports/`: HMLM_OUTPUT_DIR, or the repository itself."""
    return Path(os.environ.get("HMLM_OUTPUT_DIR") or ROOT).resolve()


def figures_dir() -> Path:
    """Folder of the figures (PNG, SVG, CSV)."""
    return output_root() / "figures"


def reports_dir(profile: str) -> Path:
    """Folder of one profile's executed notebooks, metrics and manifest."""
    return output_root() / "reports" / profile


def rows_dir() -> Path:
    """Folder of the result rows: HMLM_ROWS_DIR, or the committed ones."""
    return Path(os.environ.get("HMLM_ROWS_DIR") or ROOT / "reports" / "rows").resolve()


def data_dir() -> Path | None:
    """The user's folder of real data, HMLM_DATA_DIR, or None where it is not set."""
    folder = os.environ.get("HMLM_DATA_DIR")
    return Path(folder).expanduser().resolve() if folder else None


def notebooks_dir() -> Path:
    """Folder of the notebooks: HMLM_NOTEBOOKS_DIR (for tests), or the repository's own."""
    return Path(os.environ.get("HMLM_NOTEBOOKS_DIR") or ROOT / "notebooks").resolve()
