"""Stereoisomers and cliffs, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.chmr.benchmarks import Assays, Split
from hmlm_lib.chmr.molecules import fingerprints
from hmlm_lib.chmr.nearness import auroc_among, cliffs, stereo_disagreement
from hmlm_lib.errors import MoleculeError

N = np.nan
SMILES = ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "CCO", "c1ccccc1", "Cc1ccccc1")


def assays(labels):
    labels = np.array(labels, float)
    return Assays("toy", SMILES, SMILES, labels, tuple(map(str, range(labels.shape[1]))), "auroc", 0)


def test_stereoisomers_of_one_skeleton_are_compared_task_by_task():
    # three alanines: task 0 has labels 1, 0, 0 -> 3 pairs, 2 differ; task 1 has 1, nobody, 1 -> 1 pair, 0 differ
    found = stereo_disagreement(assays([[1, 1], [0, N], [0, 1], [1, 0], [0, 0], [1, 0]]))
    assert (found.molecules, found.pairs) == (3, 4)
    assert found.differ == pytest.approx(2 / 4)
    assert found.by_chance == pytest.approx((3 * 2 * 0.5 * 0.5 + 1 * 2 * 0.4 * 0.6) / 4)


def test_a_task_that_nobody_labelled_changes_nothing():
    labels = [[1, 1], [0, N], [0, 1], [1, 0], [0, 0], [1, 0]]
    assert stereo_disagreement(assays([[*row, N] for row in labels])) == stereo_disagreement(assays(labels))


def test_values_have_no_opposite():
    data, split = replace(assays([[0.5]] * 6), score="mae"), Split(np.arange(3), np.arange(3, 4), np.arange(4, 6))
    with pytest.raises(MoleculeError, match="labels are values"):
        stereo_disagreement(data)
    with pytest.raises(MoleculeError, match="labels are values"):
        cliffs(data, split, fingerprints(SMILES))


def test_cliffs_are_near_molecules_with_the_other_label():
    split = Split(np.array([0, 3, 4]), np.array([5]), np.array([1, 2, 5]))
    data = assays([[1, N], [1, 1], [0, 1], [0, 0], [0, 1], [1, 0]])
    found = cliffs(data, split, fingerprints(SMILES))
    # the alanines look alike and 0 is in train with label 1 of task 0, none of task 1; toluene is near nobody
    assert found.near.tolist() == [[True, False], [True, False], [False, False]]
    assert found.cliff.tolist() == [[False, False], [True, False], [False, False]]


def test_auroc_among_flags_ranks_within_a_task():
    labels = np.array([[1, 0], [0, 1], [0, 1.0]])
    predicted = np.array([[3, 500.0], [2, 600], [1, 700]])  # right in both tasks, on scales of their own
    assert auroc_among(labels, predicted, np.ones((3, 2), bool)) == pytest.approx(8.5 / 9)
    assert auroc_among(labels, predicted, np.array([[True, False], [True, False], [False, False]])) == 1.0
    alike = np.ones((3, 1))
    for rows in ([0, 1, 2], [2, 1, 0]):  # in whatever order they stand
        assert auroc_among(labels[rows][:, :1], alike, np.ones((3, 1), bool)) == 0.5
