"""Tables of what cells say: joined by skeleton, hidden, shuffled; what cannot be joined is refused."""

import numpy as np
import pandas as pd
import pytest

from hmlm_lib.chmr.modalities import Modality, from_table, hide, scaled, shuffled
from hmlm_lib.chmr.molecules import skeleton
from hmlm_lib.errors import MoleculeError

SMILES = ("CCO", "c1ccccc1", "C[C@H](N)C(=O)O", "CCN")


def test_rows_of_one_skeleton_are_averaged_and_idle_columns_left_out():
    keys = [skeleton(one) for one in ("C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "CCO")]
    table = pd.DataFrame(
        {"a": [1.0, 3.0, 5.0], "same": [2.0, 2.0, 2.0], "hole": [1.0, np.nan, 2.0], "b": [0.0, 1.0, 4.0]}
    )
    with pytest.warns(UserWarning, match="cells.tsv") as noted:
        found = from_table(SMILES, table, keys, "cells.tsv")
    assert [str(one.message) for one in noted] == [
        "cells.tsv: 1 of 4 columns are left out whole for a value that is no finite number: 'hole'",
        "cells.tsv: 1 of 4 columns are left out because they are constant: 'same'",
    ]
    assert found.known.tolist() == [True, False, True, False]
    assert found.dropped == 2
    assert found.values[2].tolist() == [2.0, 0.5]
    assert found.values[0].tolist() == [5.0, 4.0]


def test_what_cannot_be_joined_is_refused():
    table = pd.DataFrame({"a": [1.0, 2.0]})
    with pytest.raises(MoleculeError, match=r"cells.tsv: none of its 2 molecules is among the 4 asked for"):
        from_table(SMILES, table, ["AAAAAAAAAAAAAA", "BBBBBBBBBBBBBB"], "cells.tsv")
    with pytest.raises(MoleculeError, match="every one of 1 columns is constant or not finite"):
        from_table(SMILES, pd.DataFrame({"a": [1.0, 1.0]}), [skeleton("CCO"), skeleton("CCN")])
    with pytest.raises(MoleculeError, match="1 keys for 2 rows"):
        from_table(SMILES, table, ["AAAAAAAAAAAAAA"])
    with pytest.raises(MoleculeError, match="row 1 is known but not finite"):
        Modality(np.array([[1.0], [np.nan]]), np.array([True, True]))


def modality():
    rng = np.random.default_rng(0)
    known = rng.random(200) < 0.7
    return Modality(np.where(known[:, None], rng.normal(3.0, 2.0, (200, 5)), 0.0), known)


def test_hiding_more_hides_the_same_and_more():
    one, other = hide(modality(), 0.3, 7), hide(modality(), 0.9, 7)
    assert (one.known | ~other.known).all()
    assert other.known.sum() == modality().known.sum() - round(0.9 * modality().known.sum())
    assert (other.values[~other.known] == 0).all()
    with pytest.raises(MoleculeError, match="fraction is 2; allowed: 0 to 1"):
        hide(modality(), 2, 0)


def test_shuffling_keeps_the_rows_and_scaling_keeps_the_hidden_hidden():
    one = modality()
    other = shuffled(one, 3)
    assert np.array_equal(np.sort(one.values[one.known], 0), np.sort(other.values[other.known], 0))
    assert not np.array_equal(one.values, other.values)
    unit = scaled(one)
    assert np.allclose(unit.values[one.known].mean(0), 0, atol=1e-9)
    assert np.allclose(unit.values[one.known].std(0), 1, atol=0.02)
    assert (unit.values[~one.known] == 0).all()


def test_flags_may_be_numbers_but_only_0_and_1():
    values = np.array([[1.0, 2.0], [30.0, 40.0], [5.0, 6.0]])
    flagged = scaled(Modality(values, np.array([1, 0, 1])))
    assert flagged.values[:, 0].tolist() == [-1.0, 0.0, 1.0]
    with pytest.raises(MoleculeError, match="known holds 2; allowed: true or false"):
        Modality(values, np.array([2, 0, 1]))
