"""Conformers and their descriptors: right by hand, the same every time, NaN where there is none."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from rdkit.Chem import Descriptors3D

from hmlm_lib.chmr import shapes
from hmlm_lib.chmr.structure import form
from hmlm_lib.errors import MoleculeError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HMLM_CACHE_DIR", str(tmp_path))


def test_a_flat_molecule_is_flat_and_a_rod_is_a_rod():
    values = dict(zip(shapes.FORM, shapes.shapes(["c1ccccc1"])[0], strict=False))
    assert values["PBF"] < 0.05  # benzene lies in a plane
    assert values["NPR1"] == pytest.approx(0.5, abs=0.05)  # a disc: I1 = I2 = I3 / 2
    rod = dict(zip(shapes.FORM, shapes.shapes(["C#CC#CC#C"])[0], strict=False))
    assert rod["NPR1"] < 0.05


def test_conformers_are_the_same_every_time():
    one, two = (shapes.conformer("CC(C)Cc1ccc(cc1)C(C)C(=O)O") for _ in range(2))
    assert Descriptors3D.PMI1(one) == Descriptors3D.PMI1(two)
    assert one.GetConformer().GetPositions() == pytest.approx(two.GetConformer().GetPositions())


def test_molecules_without_a_conformer_are_rows_of_nan():
    found = shapes.shapes(["CCO", "C" * (shapes.LARGEST + 1), "[He]"])
    assert found.shape == (3, shapes.COUNT)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_descriptors_of_any_size_become_numbers_a_network_can_read():
    values = form(["CCO", "CC(C)Cc1ccc(cc1)C(C)C(=O)O"])
    assert values.shape[1] == 217 + shapes.COUNT
    assert np.nanmax(np.abs(values)) < 100


def test_unimol_is_asked_where_it_is_installed_and_named_where_it_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "unimol_tools", None)
    with pytest.raises(MoleculeError, match="need the package unimol_tools"):
        shapes.unimol(["CCO"])

    class Repr:
        def __init__(self, **_):
            pass

        def get_repr(self, smiles):
            return {"cls_repr": [np.full(512, len(one)) for one in smiles]}

    monkeypatch.setitem(sys.modules, "unimol_tools", SimpleNamespace(UniMolRepr=Repr))
    assert shapes.unimol(["CCO", "C"])[:, 0].tolist() == [3, 1]
