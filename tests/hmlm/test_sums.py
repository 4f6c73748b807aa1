"""Attention that adds, and the pace that follows the drive: by hand, at their limits, and where they are needed."""

import numpy as np
import pytest
import torch

from hmlm_lib.evaluation.score import mse
from hmlm_lib.evaluation.tasks import Size, benchmark
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.sums import SumAttention
from hmlm_lib.hmlm.transducer import time_grid, transduce
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training

RULES = ["=> a", "=> b", "=> c", "a => r", "b => r", "r & !c => k", "k => t", "a & b => g", "t => m", "g => m"]


def test_a_sum_by_hand():
    """Two activators and an inhibitor of species 2; x = a1 p1 + a2 p2 - a3 p3."""
    layer = SumAttention(torch.tensor([2, 2, 2]), 3, dense=True, shared=False)
    strengths, slope, threshold = (1.0, 0.5, 0.8), 3.0, 0.5
    with torch.no_grad():
        layer.strength.copy_(torch.tensor(strengths).expm1().log()[:, None])
        layer.slope.fill_(np.log(np.expm1(slope - 0.05)))
    rise = torch.tensor([[0.6], [0.4], [0.25]])
    sign = torch.tensor([[1.0], [1.0], [-1.0]])
    found = layer(torch.where(sign > 0, rise, 1 - rise), sign)
    x = 0.6 + 0.5 * 0.4 - 0.8 * 0.25
    s = 1 / (1 + np.exp(-slope * (np.array([x, 0.0]) - threshold)))
    assert found[2, 0].item() == pytest.approx(1 - (s[0] - s[1]) / (1 - s[1]), abs=1e-6)
    assert found[:2, 0].tolist() == pytest.approx([1.0, 1.0])  # nothing sent, nothing driven


def test_sparse_and_dense_sums_agree():
    torch.manual_seed(0)
    target, gate = torch.randint(0, 5, (12,)), torch.rand(12, 3)
    sign = torch.where(torch.rand(12, 1) < 0.5, -1.0, 1.0)
    one, other = (SumAttention(target, 5, dense, shared=False) for dense in (True, False))
    other.load_state_dict(one.state_dict())
    assert torch.allclose(one(gate, sign), other(gate, sign), atol=1e-6)


def test_without_a_pace_nothing_changes():
    grid, tau = time_grid(20.0, 30), torch.tensor([[1.0], [4.0]])
    y0 = torch.tensor([[0.1, 0.9], [0.3, 0.0]])

    def drive(y, _):
        return torch.sigmoid(4 * y.flip(0) - 1)

    still = transduce(drive, y0, tau, grid, 2, torch.zeros(2, 1))
    assert torch.allclose(still, transduce(drive, y0, tau, grid, 2), atol=1e-6)


def test_pace_shortens_the_time_constant():
    """Under a constant drive: y = D - (D - y0) exp(-t exp(k D) / tau)."""
    grid, level, k, tau = time_grid(6.0, 40), 0.7, 1.2, 3.0
    y0 = torch.tensor([[0.1]])
    tau_h, pace = torch.tensor([[tau]]), torch.tensor([[k]])
    states = transduce(lambda y, _: torch.full_like(y, level), y0, tau_h, grid, 1, pace)
    expected = level - (level - 0.1) * np.exp(-grid * np.exp(k * level) / tau)
    assert np.allclose(states[:, 0, 0].numpy(), expected, atol=1e-5)


def small(mechanism, **config):
    network = SignalingNetwork.from_rules("adding", RULES, tau={"g": 3.0, "m": 6.0})
    size = Size(singles=9, pairs=15, triples=15, knockouts=3, test=20, test_knockouts=2)
    data = benchmark(3, 8, mechanism=mechanism, network=network, size=size)
    model = HMLM.from_network(network, HMLMConfig(width=8, grid=24, hierarchy=False, proposals=False, **config))
    return model.fit(data.train, Training(steps=250)), data.combine


def test_sums_are_needed_where_regulators_add_up():
    error = {}
    for wanted in (True, False):
        model, asked = small("additive", sums=wanted)
        error[wanted] = mse(model.predict(asked), asked.activity)
    assert error[True] < 0.3 * error[False]


def test_a_pace_is_found_where_there_is_one():
    """Mass action: a species driven to A / (1 + A) moves (1 + A) times as fast as it falls back."""
    driven = [3, 4, 5, 6, 7]
    mass, hill = (small(name)[0].pace.detach().flatten()[driven].median() for name in ("mass_action", "hill"))
    assert mass > 0.6
    assert mass > 3 * hill.abs()
