"""From SMILES to features: what is kept, what is named, what is cached."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import MACCSkeys, rdFingerprintGenerator

from hmlm_lib.chmr import dropped, kept, molecules
from hmlm_lib.chmr.molecules import descriptor_names, descriptors, fingerprints, read_molecules, scaffold, skeleton
from hmlm_lib.errors import MoleculeError

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HMLM_CACHE_DIR", str(tmp_path))


def test_rows_that_do_not_parse_are_counted_and_named():
    with pytest.warns(UserWarning, match="assays.csv") as noted:
        found = read_molecules(["OCC", "C1CC", "", "c1ccccc1", float("nan"), "xx"], source="assays.csv")
    assert [str(one.message) for one in noted] == [
        "assays.csv: 4 of 6 rows are not SMILES that RDKit reads and are left out: rows 1, 2, 4 and 1 more, counted "
        "from 0"
    ]
    assert found.smiles == ("CCO", "c1ccccc1")
    assert found.row == (0, 3)
    assert found.failed == ((1, "C1CC"), (2, ""), (4, "nan"), (5, "xx"))
    with pytest.raises(MoleculeError, match=r"assays\.csv, row 1: 'C1CC' is not a SMILES"):
        read_molecules(["OCC", "C1CC"], on_error="raise", source="assays.csv")
    with pytest.raises(MoleculeError, match="row 0: 'nonsense'"):
        read_molecules(["nonsense"])
    with pytest.raises(MoleculeError, match="on_error is 'ignore'; allowed: skip, raise"):
        read_molecules(["C"], on_error="ignore")


def test_of_a_salt_the_largest_fragment_is_kept():
    with pytest.warns(UserWarning, match="salts") as noted:
        found = read_molecules(["[Na+].CC(=O)[O-]", "CCO", "CC.CO"])
    assert [str(one.message) for one in noted] == [
        "molecules: 2 of 3 rows are salts or mixtures; of each the fragment with most heavy atoms is kept: rows 0, 2, "
        "counted from 0"
    ]
    assert found.smiles == ("CC(=O)[O-]", "CCO", "CC")
    assert found.mixtures == 2


def test_fingerprints_are_rdkits():
    smiles = [ASPIRIN, "CCO", "C[C@H](N)C(=O)O"]
    bits = fingerprints(smiles)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    for row, one in zip(bits, smiles, strict=True):
        molecule = Chem.MolFromSmiles(one)
        assert set(np.flatnonzero(row[:1024])) == set(generator.GetFingerprint(molecule).GetOnBits())
        assert set(np.flatnonzero(row[1024:])) == set(MACCSkeys.GenMACCSKeys(molecule).GetOnBits())


def test_skeletons_and_scaffolds_with_and_without_stereo():
    left, right = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"
    assert skeleton(left) == skeleton(right) != skeleton("CCO")
    assert scaffold(ASPIRIN) == "c1ccccc1"
    assert scaffold("CCCC") == ""
    pair = "O=C1[C@H]2CC[C@@H](C2)N1", "O=C1[C@@H]2CC[C@H](C2)N1"
    assert scaffold(pair[0]) != scaffold(pair[1])
    assert scaffold(pair[0], stereo=False) == scaffold(pair[1], stereo=False)


def test_descriptors_by_name():
    values = descriptors([ASPIRIN])
    assert values.shape == (1, len(descriptor_names()))
    assert values[0, descriptor_names().index("HeavyAtomCount")] == 13
    assert values[0, descriptor_names().index("MolWt")] == pytest.approx(180.16, abs=0.01)


def test_features_are_computed_once_a_molecule_and_a_damaged_shard_again(tmp_path, monkeypatch):
    first = fingerprints([ASPIRIN, "CCO"])
    (array,) = (tmp_path / "features").glob("*/*.npy")
    asked = []
    compute = molecules._bits
    monkeypatch.setattr(molecules, "_bits", lambda one: (asked.append(one), compute(one))[1])
    assert np.array_equal(fingerprints(["CCO", "CCN", ASPIRIN, "CCO"])[[2, 0, 3]], first[[0, 1, 1]])
    assert asked == ["CCN"]
    array.write_bytes(array.read_bytes()[:50])
    assert np.array_equal(fingerprints([ASPIRIN, "CCO"]), first)
    assert asked == ["CCN", ASPIRIN, "CCO"]
    array.unlink(missing_ok=True)
    array.with_suffix(".txt").write_text(ASPIRIN)
    assert np.array_equal(fingerprints([ASPIRIN, "CCO"]), first)
    with pytest.raises(MoleculeError, match="no molecule; allowed: at least one"):
        fingerprints([])


def test_finished_shards_survive_an_interruption(monkeypatch):
    monkeypatch.setattr(kept, "SHARD", 2)
    compute, asked = molecules._bits, []

    def stopped(one):
        asked.append(one)
        if one == "CCCCCC":
            raise KeyboardInterrupt
        return compute(one)

    monkeypatch.setattr(molecules, "_bits", stopped)
    with pytest.raises(KeyboardInterrupt):
        fingerprints(["CC", "CCC", "CCCC", "CCCCC", "CCCCCC"])
    asked.clear()
    fingerprints(["CC", "CCC", "CCCC", "CCCCC"])
    assert asked == []


def test_side_by_side_a_molecule_is_computed_once():
    """Two at once, the second told to begin when the first computes: [2, 1], of which it computes one molecule."""
    asked, begun, turned = [], threading.Event(), threading.Event()

    def compute(new):
        asked.append(list(new))
        if len(asked) == 1:
            begun.set()
            turned.wait(0.5)  # the second would compute within this time if nothing held it
        else:
            turned.set()
        return np.array([[len(one)] for one in new])

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(kept.kept, "lengths", ["C", "CC"], compute)
        assert begun.wait(10)
        other = pool.submit(kept.kept, "lengths", ["CC", "CCC"], compute)
        assert one.result().tolist() == [[1], [2]]
        assert other.result().tolist() == [[2], [3]]
    assert asked == [["C", "CC"], ["CCC"]]


def test_in_processes_the_same(monkeypatch):
    smiles = [ASPIRIN, "CCO", "CCN", "c1ccncc1"]
    expected = fingerprints(smiles)
    monkeypatch.setattr(molecules, "POOL_FROM", 2)
    monkeypatch.setattr(kept, "VERSION", 0)  # another folder
    assert np.array_equal(fingerprints(smiles), expected)


def test_a_series_is_read_by_place_and_one_text_is_refused():
    table = pd.Series(["CCO", "xx", "CCN"], index=[7, 5, 0])
    with pytest.warns(UserWarning, match="molecules: 1 of 3 rows are not SMILES"):
        found = read_molecules(table)
    assert found.given == ("CCO", "CCN")
    assert found.failed == ((1, "xx"),)
    with pytest.raises(MoleculeError, match="one text, 'CCO'; allowed: a list of SMILES"):
        read_molecules("CCO")


@pytest.mark.parametrize("read", [skeleton, lambda one: fingerprints([one]), lambda one: descriptors([one])])
def test_a_smiles_that_does_not_parse_is_named(read):
    with pytest.raises(MoleculeError, match="'xx' is not a SMILES that RDKit reads"):
        read("xx")


def test_what_is_left_out_can_be_printed_in_place_of_warned(capsys):
    def read():
        with dropped.printed():
            read_molecules(["CCO", "CC.C"], source="salts.csv")
            warnings.warn("old", DeprecationWarning, stacklevel=1)

    with pytest.warns(DeprecationWarning, match="old") as noted:
        read()
    assert len(noted) == 1
    assert capsys.readouterr().out.startswith("salts.csv: 1 of 2 rows are salts or mixtures")


def test_what_was_left_out_is_printed_also_where_reading_then_fails(capsys):
    def read():
        with dropped.printed():
            read_molecules(["CCO", "xx"], source="mine.csv")
            raise ValueError("later")

    with pytest.raises(ValueError, match="later"):
        read()
    assert capsys.readouterr().out.startswith("mine.csv: 1 of 2 rows are not SMILES")
