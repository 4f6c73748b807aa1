"""The kept report on leaks: counted by hand, read without data, shown only for today's files."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hmlm_lib.chmr import leaks
from hmlm_lib.chmr.benchmarks import SETS, Assays, Leak, Split
from hmlm_lib.data import source
from hmlm_lib.errors import MoleculeError

GIVEN = ("CCO", "[Na+].CC(=O)[O-]", "C1.C1", "CCN", "CCC")
ASSAYS = Assays("bace", GIVEN, GIVEN, np.zeros((5, 1)), ("one",), "auroc", 2)
FOUND = {
    "molecules": 5, "train": 2, "valid": 1, "test": 2, "unparsed": 2, "mixtures": 1, "skeleton_percent": 50.0,
    "similarity_median": 0.7, "similarity_95": 0.97,
}  # fmt: skip


@pytest.fixture
def kept(tmp_path, monkeypatch):
    (tmp_path / "reports").mkdir()
    monkeypatch.setattr(leaks.paths, "ROOT", tmp_path)
    return tmp_path / "reports" / "leaks.csv"


def test_a_set_is_counted_by_hand():
    split = Split(np.array([0, 1]), np.array([2]), np.array([3, 4]))
    found = leaks.counted(ASSAYS, split, Leak(np.array([True, False]), np.array([0.4, 1.0])))
    assert found == FOUND  # a bond across the dot makes one fragment of C1.C1


def test_what_is_written_is_read_in_the_order_of_the_sets(kept, monkeypatch):
    rings = ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "C1CCCC1", "C1CCC1")  # five scaffolds, so no part is empty
    monkeypatch.setattr(leaks.benchmarks, "load", lambda name: replace(ASSAYS, name=name, smiles=rings, given=rings))
    monkeypatch.setattr(leaks, "fingerprints", lambda smiles: np.eye(len(smiles), 8, dtype=bool))
    leaks.write()
    found = leaks.table()
    assert list(found.index) == list(SETS)
    assert found.loc["hiv", "molecules"] == 5
    assert leaks.markdown()[-2].startswith("| hiv | 5 | ")


def test_a_line_of_another_file_is_not_shown(kept):
    assert leaks.markdown() == []
    lines = [{"set": "bace", **FOUND, "sha256": source("bace").sha256}, {"set": "hiv", **FOUND, "sha256": "0"}]
    pd.DataFrame(lines).to_csv(kept, index=False)
    assert list(leaks.table().index) == ["bace"]
    assert leaks.markdown()[-2] == "| bace | 5 | 2 | 1 | 2 | 2 | 1 | 50.0 | 0.70 | 0.97 |"
    kept.write_text("set,molecules\nbace,5\n")
    with pytest.raises(MoleculeError, match=r"leaks.csv: no column 'train'"):
        leaks.table()


def test_the_committed_table_has_all_nine_sets():
    found = leaks.table()
    assert list(found.index) == list(SETS)
    assert (found[["train", "valid", "test"]].sum(axis=1) == found["molecules"]).all()
    text = (leaks.paths.ROOT / "reports" / "results.md").read_text()
    assert "\n".join(leaks.markdown()) in text


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:.* rows are salts or mixtures; of each")
@pytest.mark.parametrize("name", ["bace", "bbbp"])
def test_the_committed_lines_are_what_the_files_say(real_data, name):
    found = leaks.line(name)
    assert {column: found[column] for column in FOUND} == leaks.table().loc[name].to_dict()
