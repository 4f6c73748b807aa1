"""Notebook 09 on the real lines as everyone can download them: without their prior network."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hmlm_lib import data
from hmlm_lib.paths import ROOT
from hmlm_lib.real import courses

LAST = "cell-12"  # errors of the models on a held-out inhibitor


@pytest.mark.data
def test_the_lines_are_drawn_without_their_network(real_data, tmp_path, monkeypatch, capsys):
    for line in courses.LINES:
        file = Path(data.source(f"MD-{line}_main_for_null").file)
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).symlink_to(real_data / file)
    monkeypatch.setenv("HMLM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HMLM_CACHE_DIR", str(tmp_path / "cache"))
    cells = json.loads((ROOT / "notebooks" / "09_real_data.ipynb").read_text())["cells"]
    upto = next(k for k, cell in enumerate(cells) if cell["id"] == LAST)
    names = {"display": print}
    with plt.rc_context():
        for cell in cells[: upto + 1]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
    said = capsys.readouterr().out
    assert "draws HPN-DREAM cell lines without their prior network, so HMLM proposes every edge itself\n" in said
    assert "BT20: 30 conditions" in said
    assert names["network"] is None
    assert np.isfinite(list(names["errors"].values())).all()
    assert names["errors"]["hmlm"] < names["errors"]["persistence"]
