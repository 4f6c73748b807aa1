"""What classical models of molecules refuse: shapes and labels that do not fit, scores that do not exist."""

import numpy as np
import pytest

from hmlm_lib.chmr.classical import KernelRidge, Mean, boosting, forest
from hmlm_lib.chmr.committee import MixedKernel
from hmlm_lib.errors import MoleculeError

RNG = np.random.default_rng(0)
X = RNG.random((60, 16)) < 0.3
Y = X[:, :2].astype(float)
BUILDS = {"mean": lambda _: Mean(), "ridge": KernelRidge, "forest": lambda s: forest(s, 0, 5)}
BUILDS["boosting"] = lambda s: boosting(s, 0)
SCORED = [name for name in BUILDS if name != "mean"]  # the mean is the same for every score


def put(value, row=5, task=1):
    found = Y.copy()
    found[row, task] = value
    return found


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ((X[:50], Y, X, Y), "train: 50 rows for 60 labels; allowed: as many"),
        ((X, Y[:50], X, Y), "train: 60 rows for 50 labels; allowed: as many"),
        ((X, Y, X[:5], Y[:4]), "validation: 5 rows for 4 labels; allowed: as many"),
        ((X, Y[:, 0], X, Y), r"train: labels are of shape \(60,\); allowed: an array \[molecule, task\]"),
        ((X[0], Y, X, Y), r"train: features are of shape \(16,\); allowed: an array \[molecule, column\]"),
        ((X, Y.tolist(), X, Y), r"train: labels are list; allowed: an array \[molecule, task\]"),
        ((X, Y, X, Y[:, :1]), "validation: labels of 1 tasks; allowed: 2, as in train"),
        ((X, Y, X, np.hstack([Y, Y])), "validation: labels of 4 tasks; allowed: 2, as in train"),
        ((X, Y, X[:, :9], Y), r"validation: features of shape \(60, 9\); allowed: 16 columns, as in train"),
        ((X, np.full(Y.shape, "a"), X, Y), "train: labels are <U1; allowed: a numpy array of numbers"),
        ((X, Y * np.nan, X, Y), "no label is known in train; allowed: at least one"),
        ((X[:0], Y[:0], X, Y), "no label is known in train; allowed: at least one"),
    ],
)
def test_rows_columns_and_tasks_fit(name, sets, message):
    with pytest.raises(MoleculeError, match=message):
        BUILDS[name]("auroc").fit(*sets)


@pytest.mark.parametrize("name", SCORED)
@pytest.mark.parametrize("value", [3.0, 0.5, -1.0, np.inf])
def test_classes_are_0_1_or_unknown(name, value):
    message = f"label of molecule 5, task 1, is {value:g}; allowed for auroc: 0, 1, NaN where nobody measured"
    with pytest.raises(MoleculeError, match=f"train: {message}"):
        BUILDS[name]("auroc").fit(X, put(value), X, Y)
    with pytest.raises(MoleculeError, match=f"validation: {message}"):
        BUILDS[name]("auroc").fit(X, Y, X, put(value))


@pytest.mark.parametrize("name", BUILDS)
def test_values_are_finite_or_unknown(name):
    with pytest.raises(MoleculeError, match="task 1, is inf; allowed for mae: finite numbers, NaN where nobody"):
        BUILDS[name]("mae").fit(X, put(np.inf), X, Y)
    assert np.isfinite(BUILDS[name]("mae").fit(X, put(3.0), X, put(np.nan)).predict(X)).all()


@pytest.mark.parametrize("build", [*(BUILDS[name] for name in SCORED), lambda s: MixedKernel(s, (16,))])
def test_a_score_that_does_not_exist_is_refused(build):
    with pytest.raises(MoleculeError, match="score is 'auc'; allowed: auroc, mae"):
        build("auc")


@pytest.mark.parametrize("name", SCORED)
def test_the_columns_asked_about_are_those_of_training(name):
    model = BUILDS[name]("auroc").fit(X, Y, X, Y)
    with pytest.raises(MoleculeError, match=r"predict: features of shape \(60, 9\); allowed: 16 columns"):
        model.predict(X[:, :9])


def test_sizes_are_whole_numbers():
    with pytest.raises(MoleculeError, match="most is 0; allowed: a whole number, 1 or more"):
        KernelRidge("auroc", most=0)
    with pytest.raises(MoleculeError, match="trees is 0; allowed: a whole number, 1 or more"):
        forest("auroc", 0, trees=0)


def test_only_who_chooses_by_validation_needs_its_labels():
    for valid in ((X, Y * np.nan), (X[:0], Y[:0])):
        with pytest.raises(MoleculeError, match="no label is known in validation; allowed: at least one"):
            KernelRidge("auroc").fit(X, Y, *valid)
        for name in ("mean", "forest", "boosting"):
            assert np.isfinite(BUILDS[name]("auroc").fit(X, Y, *valid).predict(X)).all()


@pytest.mark.parametrize("name", BUILDS)
def test_one_poor_task_takes_nothing_from_the_others(name):
    """Nobody labelled the second, the third has one class: 0 and that class; the first is as if it were alone."""
    poor = np.stack([Y[:, 0], np.full(len(Y), np.nan), np.ones(len(Y))], axis=1)
    found = BUILDS[name]("auroc").fit(X, poor, X, poor).predict(X)
    assert (found[:, 1:] == [0, 1]).all()
    alone = BUILDS[name]("auroc").fit(X, Y[:, :1], X, Y[:, :1]).predict(X)
    np.testing.assert_allclose(found[:, 0], alone[:, 0])
