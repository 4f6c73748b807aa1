"""A similarity learned from cells: by hand, against a Gaussian process written with NumPy, and where Tanimoto errs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from hmlm_lib.chmr.material import similar
from hmlm_lib.chmr.modalities import Modality, hide
from hmlm_lib.chmr.molecules import fingerprints
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.relevance import JITTER, TRAINING, Evidence, distance, learn, near
from hmlm_lib.errors import MoleculeError


def test_distance_counts_the_weights_of_bits_that_differ():
    a, b = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    assert torch.allclose(distance(a, b, torch.tensor([5.0, 0.5, 0.25])), torch.tensor([[0.75, 0.0]]))


def test_evidence_is_that_of_a_gaussian_process():
    rng = np.random.default_rng(0)
    x, y = (rng.random((12, 5)) < 0.5).astype(float), rng.standard_normal((12, 2))
    model = Evidence([torch.as_tensor(x, dtype=torch.float32)], [torch.as_tensor(y, dtype=torch.float32)])
    with torch.no_grad():
        model.log_weight.copy_(torch.tensor([0.0, -1.0, 0.5, -2.0, 1.0]))
        model.log_noise.copy_(torch.tensor([-1.0]))
    weight = np.exp([0.0, -1.0, 0.5, -2.0, 1.0])
    c = np.exp(-(np.abs(x[:, None] - x) * weight).sum(2)) + (np.exp(-1.0) + JITTER) * np.eye(12)
    wanted = 0.0
    for column in y.T:
        signal = column @ np.linalg.solve(c, column) / 12
        wanted -= multivariate_normal.logpdf(column, np.zeros(12), signal * c) + 6 * (np.log(2 * np.pi) + 1)
    assert model().item() == pytest.approx(wanted, rel=1e-4)


def test_neighbours_are_the_nearest_by_the_weights(monkeypatch):
    rng = np.random.default_rng(1)
    bits, weight = torch.as_tensor(rng.random((60, 20)) < 0.4), torch.as_tensor(rng.random(20), dtype=torch.float32)
    found = near(bits, weight)
    gap = distance(bits.float(), bits.float(), weight).fill_diagonal_(torch.inf)
    assert torch.allclose(found.similarity, torch.exp(-gap.sort(1).values[:, :10]), atol=1e-5)
    assert (found.neighbour != torch.arange(60)[:, None]).all()
    monkeypatch.setattr("hmlm_lib.chmr.relevance.ROWS", 7)
    assert torch.allclose(near(bits, weight).similarity, found.similarity, atol=1e-6)


def test_the_bit_that_decides_gets_the_weight():
    rng = np.random.default_rng(2)
    bits = torch.as_tensor(rng.random((200, 30)) < 0.5)
    values = np.where(bits[:, :1], 1.0, -1.0) * np.array([1.0, 2.0, -1.0]) + 0.3 * rng.standard_normal((200, 3))
    weight = learn(bits, {"expression": hide(Modality(values, np.ones(200, bool)), 0.5, 0)})
    assert int(weight.argmax()) == 0
    assert float(weight[0]) > 5 * float(weight[1:].max())
    assert torch.equal(weight, learn(bits, {"expression": hide(Modality(values, np.ones(200, bool)), 0.5, 0)}))


def test_neighbours_share_the_mechanism_and_the_sign_more_often_than_by_tanimoto():
    molecules = planted(1500, seed=4, cliffs=0.5)
    bits = torch.as_tensor(fingerprints(molecules.smiles))
    cells = {name: hide(cell, 0.8, i) for i, (name, cell) in enumerate(molecules.modalities.items())}
    does = molecules.mechanism + 100 * (molecules.sign > 0)

    def share(found):
        return (does[found.neighbour.numpy()] == does[:, None]).mean()

    assert share(near(bits, learn(bits, cells))) > share(similar(bits)) + 0.1


def test_nothing_measured_and_other_rows_are_refused():
    bits = torch.ones((4, 3), dtype=torch.bool)
    none, alike = Modality(np.zeros((4, 2)), np.zeros(4, bool)), Modality(np.ones((4, 2)), np.ones(4, bool))
    for cells in ({}, {"expression": none}, {"expression": alike}):
        with pytest.raises(MoleculeError, match="no modality has two known rows that differ"):
            learn(bits, cells, replace(TRAINING, steps=1))
    with pytest.raises(MoleculeError, match="expression has 4 rows for 5 molecules; allowed: one a molecule"):
        learn(torch.ones((5, 3), dtype=torch.bool), {"expression": alike})


def test_the_gradient_of_the_evidence_is_the_one_of_its_differences():
    """In double precision, against central differences of every weight and noise; a bit that no row has stays put."""
    rng = np.random.default_rng(5)
    x, y = (rng.random((9, 6)) < 0.5).astype(float), rng.standard_normal((9, 2))
    x[:, 2], x[:, 4] = 0.0, 1.0
    model = Evidence([torch.as_tensor(x)], [torch.as_tensor(y)]).double()
    model().backward()
    for parameter in (model.log_weight, model.log_noise):
        for i in range(len(parameter)):
            sides = []
            for step in (1e-5, -1e-5):
                with torch.no_grad():
                    parameter[i] += step
                    sides.append(model().item())
                    parameter[i] -= step
            assert parameter.grad[i].item() == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-6)
    assert model.log_weight.grad[[2, 4]].tolist() == [0.0, 0.0]
    assert (model.log_weight.grad[[0, 1, 3, 5]] != 0).all()
