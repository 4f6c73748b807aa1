"""Codes against classes whose relation is known."""

import numpy as np
import pytest

from hmlm_lib.chmr import meaning
from hmlm_lib.errors import MoleculeError

PATH = np.array([[0, 0]] * 20 + [[0, 1]] * 20 + [[1, 2]] * 20)
KIND = np.array(["x"] * 20 + ["y"] * 20 + ["z"] * 20)


def test_codes_that_are_classes_are_enriched():
    found = meaning.enrichment(PATH, KIND)
    last = found[found["level"] == 2].set_index("code")
    assert last["commonest"].tolist() == ["x", "y", "z"]
    assert last["parent"].tolist() == [0, 0, 1]
    assert (last["share"] == 1).all()
    np.testing.assert_allclose(last["expected"], 1 / 3)
    assert (last["q"] < 1e-6).all()
    first = found[found["level"] == 1].set_index("code")
    assert first["members"].tolist() == [40, 20]
    assert first.loc[0, "share"] == 0.5


def test_codes_that_are_chance_are_not():
    rng = np.random.default_rng(0)
    found = meaning.enrichment(rng.integers(0, 4, (400, 1)), rng.integers(0, 5, 400))
    assert (found["q"] > 0.05).all()


def test_information_of_the_same_and_of_nothing():
    rng = np.random.default_rng(0)
    found = meaning.information(PATH, {"kind": KIND, "noise": rng.integers(0, 3, 60)})
    assert found.loc[2, "kind"] == pytest.approx(1)
    assert 0 < found.loc[1, "kind"] < 1
    assert abs(found.loc[2, "noise"]) < 0.15


def test_lengths_must_agree():
    with pytest.raises(MoleculeError, match="60 molecules have codes and 3 a class; they must agree"):
        meaning.enrichment(PATH, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("path", "classes", "message"),
    [
        (PATH[:0], [], "one molecule and one level"),
        (PATH[:, :0], KIND, "one molecule and one level"),
        (PATH, [None, *KIND[1:]], "molecule 0 has no class"),
        (PATH, [*range(59), np.nan], "molecule 59 has no class"),
    ],
)
def test_every_molecule_has_codes_and_a_class(path, classes, message):
    with pytest.raises(MoleculeError, match=message):
        meaning.enrichment(path, classes)
    with pytest.raises(MoleculeError, match=message):
        meaning.information(path, {"kind": classes})
