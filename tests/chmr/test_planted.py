"""The generator: molecules are real and different, and no score can be better than the one it calls best."""

import numpy as np
import pytest
from rdkit import Chem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from hmlm_lib.chmr.molecules import fingerprints
from hmlm_lib.chmr.neighbours import tanimoto_neighbours
from hmlm_lib.chmr.planted import CORES, DECORATIONS, LINKERS, SWITCH, WARHEADS, planted, twins
from hmlm_lib.errors import MoleculeError


def auroc(p, found, rows=slice(None)):
    return np.mean([roc_auc_score(p.labels[rows, t], found[rows, t]) for t in range(p.labels.shape[1])])


@pytest.fixture(scope="module")
def everyone():
    return planted(4000, seed=1, cliffs=0.25)


def test_every_molecule_parses_and_is_different():
    most = len(CORES) * len(LINKERS) * len(WARHEADS) * len(DECORATIONS) * len(SWITCH)
    p = planted(most)
    assert len(set(p.smiles)) == most
    assert all(Chem.MolFromSmiles(one) is not None for one in p.smiles[:500])


def test_twins_differ_by_the_switch_alone(everyone):
    p, pairs = everyone, twins(everyone)
    assert len(pairs) > 100
    first, second = pairs.T
    assert (p.switch[first] == 0).all()
    assert (p.switch[second] == 1).all()
    assert np.array_equal(p.core[first], p.core[second])
    assert np.array_equal(p.mechanism[first], p.mechanism[second])
    lone = planted(1)
    assert twins(lone).shape == (0, 2)


def test_probabilities_are_calibrated(everyone):
    p = everyone
    on = np.ones(len(p), bool)
    for found in (p.best(), p.best(on), p.best(None, on), p.best(on, on)):
        for low in (0.1, 0.4, 0.7):
            here = (found > low) & (found < low + 0.2)
            assert p.labels[here].mean() == pytest.approx(found[here].mean(), abs=0.03)


def test_more_measurements_are_better_and_nothing_beats_the_best(everyone):
    p = everyone
    on = np.ones(len(p), bool)
    structure, expression, both = (auroc(p, f) for f in (p.best(), p.best(on), p.best(on, on)))
    assert structure + 0.03 < expression < both
    # A model that is told mechanism, sign and all measurements, fitted to half of the molecules.
    told = np.concatenate(
        [p.sign[:, None] * np.eye(len(WARHEADS))[p.mechanism], *(m.values for m in p.modalities.values())], axis=1
    )
    half, rest = np.arange(2000), np.arange(2000, 4000)
    fitted = [LogisticRegression(C=0.1, max_iter=500).fit(told[half], y) for y in p.labels[half].T]
    found = np.stack([one.predict_proba(told)[:, 1] for one in fitted], 1)
    best = auroc(p, p.best(on, on), rest)
    assert best - 0.02 < auroc(p, found, rest) < best + 0.003


def test_cliffs_are_where_the_nearest_molecule_does_the_opposite(everyone):
    p = everyone
    near, _ = tanimoto_neighbours(fingerprints(p.smiles), 1)
    opposite = p.sign != p.sign[near[:, 0].numpy()]
    assert opposite[p.cliff].mean() > 0.2
    assert opposite[~p.cliff].mean() < 0.05
    assert (p.sign[~p.cliff] == 1).all()


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 10**6}, {"count": 2.5}, {"cliffs": 1.5}])
def test_impossible_wishes(wrong):
    with pytest.raises(MoleculeError, match=r"allowed: 1 to 12288 molecules, cliffs in \[0, 1\]"):
        planted(**wrong)


def test_a_seed_is_a_whole_number():
    with pytest.raises(MoleculeError, match="seed is -1"):
        planted(10, seed=-1)
