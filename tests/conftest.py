"""A browser for the tests that open pages, and a small study for those that run notebooks."""

from contextlib import ExitStack

import lab
import pytest
from small_study import FIGURE, write


@pytest.fixture(scope="module")
def browser():
    """Chromium; a test that asks for it is skipped, with the reason, where there is none."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(lab.browser())
        except lab.NoBrowserError as missing:
            pytest.skip(str(missing))
        yield opened


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with two small notebooks, 01_good and 02_also, and an empty output folder."""
    monkeypatch.setenv("HMLM_NOTEBOOKS_DIR", str(tmp_path / "notebooks"))
    monkeypatch.setenv("HMLM_OUTPUT_DIR", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    write(tmp_path, "01_good", FIGURE.format(name="01_good"), "print(level)")
    write(tmp_path, "02_also", FIGURE.format(name="02_also"))
    return tmp_path
