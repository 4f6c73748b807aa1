"""Tables of cells in the published layout: read, joined, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from hmlm_lib.chmr import cellular
from hmlm_lib.errors import MoleculeError

SMILES = ["CCO", "c1ccccc1", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "not a molecule"]


def layout(folder, name="GE", rows=5, key="data", column="smiles"):
    pd.DataFrame({"mol_id": range(5), column: SMILES}).to_csv(folder / f"{name}.csv.gz", index=False)
    np.savez(folder / f"{name}_feature.npz", **{key: np.arange(3.0 * rows).reshape(rows, 3) ** 1.5})


def test_the_published_layout_is_joined_by_skeleton(tmp_path, monkeypatch):
    layout(tmp_path)
    layout(tmp_path, "CP-JUMP")
    monkeypatch.setenv(cellular.FOLDER, str(tmp_path))
    with pytest.warns(
        UserWarning, match=r"(GE|CP-JUMP)\.csv\.gz: 1 of 5 rows are not SMILES .*: rows 4, counted"
    ) as noted:
        tables = cellular.tables()
    assert len(noted) == 2
    assert list(tables) == ["expression", "morphology_jump"]
    smiles, cells = cellular.with_cells(["OCC", "CCC"], tables)
    assert smiles[:2] == ("OCC", "CCC")
    assert len(smiles) == 4  # benzene and one alanine came with the tables
    expression = cells["expression"]
    assert expression.known.tolist() == [True, False, True, True]
    values = np.arange(15.0).reshape(5, 3) ** 1.5
    assert expression.values[0] == pytest.approx(values[0])
    assert expression.values[3] == pytest.approx(values[2:4].mean(0))  # both mirror images
    assert cellular.coverage(["OCC", "CCC"], cells).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 4}, r"GE_feature.npz: 4 rows for 5 in GE.csv.gz"),
        ({"key": "values"}, r"GE_feature.npz: not an archive with an array 'data'"),
        ({"column": "molecule"}, r"GE.csv.gz: no column 'smiles'; it has: mol_id, molecule"),
    ],
)
def test_a_folder_that_does_not_fit_is_named(tmp_path, change, message):
    layout(tmp_path, **change)
    with pytest.raises(MoleculeError, match=message):
        cellular.published(tmp_path)


def test_half_a_table_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(MoleculeError, match=r"none of GE\.csv\.gz"):
        cellular.published(tmp_path)
    layout(tmp_path)
    (tmp_path / "GE_feature.npz").write_bytes(b"PK damaged")
    with pytest.raises(MoleculeError, match="not an archive"):
        cellular.published(tmp_path)
    (tmp_path / "GE_feature.npz").unlink()
    with pytest.raises(MoleculeError, match=r"GE_feature.npz: missing"):
        cellular.published(tmp_path)
