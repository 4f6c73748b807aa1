"""Classical models: right by hand, whole with missing labels."""

import numpy as np
import pytest
import torch

from hmlm_lib.chmr.classical import KernelRidge, boosting, forest
from hmlm_lib.chmr.neighbours import tanimoto
from hmlm_lib.errors import MoleculeError


def planted(seed=0, size=200, bits=64):
    rng = np.random.default_rng(seed)
    x = rng.random((size, bits)) < 0.3
    y = np.stack([x[:, 0] & ~x[:, 1], x[:, 2] | x[:, 3], np.zeros(size)], axis=1).astype(float)
    y[rng.random(y.shape) < 0.2] = np.nan
    return x, y


def test_tanimoto_by_hand():
    a, b = np.array([[1, 1, 0, 0]], bool), np.array([[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
    assert tanimoto(torch.tensor(a), torch.tensor(b)).double().numpy().round(6).tolist() == [
        [pytest.approx(1 / 3, abs=1e-6), 1.0, 0.0]
    ]


def test_kernel_ridge_solves_its_equations():
    x, y = planted()
    y = np.nan_to_num(y)
    model = KernelRidge("mae").fit(x, y, x[:20], y[:20])
    kernel = tanimoto(torch.tensor(x), torch.tensor(x)).double().numpy()
    left = [kernel @ model.weight[:, 0] + ridge * model.weight[:, 0] for ridge in (0.03, 0.1, 0.3, 1.0, 3.0)]
    assert min(np.abs(one - (y[:, 0] - y[:, 0].mean())).max() for one in left) < 1e-6


def test_landmarks_solve_their_equations_and_keep_the_rarer_class():
    x, y = planted()
    y = np.nan_to_num(y)[:, :2]
    model = KernelRidge("mae", most=60).fit(x, y, x[:20], y[:20])
    assert len(model.x) == 60
    own, between = (tanimoto(torch.tensor(model.x), torch.tensor(b)).double().numpy() for b in (model.x, x))
    w, target = model.weight[:, 0], y[:, 0] - y[:, 0].mean()
    gap = [between @ (between.T @ w) + r * (own @ w) - between @ target for r in (0.03, 0.1, 0.3, 1.0, 3.0)]
    assert min(np.abs(one).max() for one in gap) < 1e-6
    rare = x[y[:, 0] == 1]
    kept = {tuple(row) for row in model.x}
    assert sum(tuple(row) in kept for row in rare) >= min(len(rare), 30)
    hole = y.copy()
    hole[0, 0] = np.nan
    with pytest.raises(MoleculeError, match="missing labels"):
        KernelRidge("mae", most=60).fit(x, hole, x, y)


@pytest.mark.parametrize("build", [KernelRidge, lambda s: forest(s, 0, trees=50), lambda s: boosting(s, 0)])
@pytest.mark.parametrize("score", ["auroc", "mae"])
def test_planted_rules_are_learned_with_missing_labels(build, score):
    x, y = planted()
    test_x, test_y = planted(1)
    model = build(score).fit(x[:150], y[:150], x[150:], y[150:])
    found = model.predict(test_x)
    assert found.shape == test_y.shape
    assert np.isfinite(found).all()
    for task in (0, 1):
        known = ~np.isnan(test_y[:, task])
        assert np.corrcoef(found[known, task], test_y[known, task])[0, 1] > 0.35
    assert np.allclose(found[:, 2], 0)  # one class only


def test_a_task_nobody_labelled_is_predicted_as_zero():
    x, y = planted()
    y[:, 0] = np.nan
    for model in (KernelRidge("auroc"), forest("auroc", 0, trees=5)):
        assert (model.fit(x, y, x, y).predict(x)[:, 0] == 0).all()


def test_a_tanimoto_kernel_of_numbers_is_refused():
    x, y = planted()
    as_numbers = KernelRidge("auroc").fit(x.astype(float), y, x[:50], y[:50]).predict(x)
    np.testing.assert_array_equal(as_numbers, KernelRidge("auroc").fit(x, y, x[:50], y[:50]).predict(x))
    model, odd = KernelRidge("auroc").fit(x, y, x[:50], y[:50]), x.astype(float)
    odd[5, 9] = np.nan
    for ask in (
        lambda: KernelRidge("auroc").fit(odd, y, x[:50], y[:50]),
        lambda: KernelRidge("auroc").fit(x, y, odd[:50], y[:50]),
        lambda: model.predict(odd),
    ):
        with pytest.raises(MoleculeError, match="bit 9 of molecule 5 is nan; allowed: 0, 1"):
            ask()
