"""Before anything is collected: outputs go to a temporary folder, so that testing never writes into the repository.

It stands here and not in tests/, because nbval's kernels inherit the environment also when only notebooks/ is run.
"""

import os
import tempfile
from pathlib import Path

import pytest

_FOLDER = tempfile.TemporaryDirectory(prefix="hmlm-test-")
os.environ["HMLM_OUTPUT_DIR"] = _FOLDER.name
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture
def output_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder for figures and reports."""
    monkeypatch.setenv("HMLM_OUTPUT_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def real_data() -> Path:
    """The folder of real data; the test is skipped where HMLM_DATA_DIR is not set."""
    folder = os.environ.get("HMLM_DATA_DIR")
    if not folder:
        pytest.skip("HMLM_DATA_DIR is not set: no real data to test with")
    return Path(folder)
