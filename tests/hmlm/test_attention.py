"""Attention against loops, by hand, and sparse against dense."""

import math

import numpy as np
import pytest
import torch

from hmlm_lib.hmlm.attention import Gates, GraphAttention, GroupSum, LogicAttention, edge_softmax
from hmlm_lib.hmlm.tokens import tokens
from hmlm_lib.network import load_network
from hmlm_lib.network.generate import random_arrays


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def gates(slope, threshold, mix, sign):
    shape = lambda values: torch.tensor(values, dtype=torch.float64)[..., None]  # noqa: E731
    return Gates(shape(slope), shape(threshold), shape(mix), shape(sign))


def test_a_gate_is_the_mix_of_normalised_sigmoids():
    g = gates([[4.0], [9.0]], [[0.3], [0.6]], [[0.5], [-0.5]], [1.0])
    share = np.exp([0.5, -0.5]) / np.exp([0.5, -0.5]).sum()
    for y in (0.0, 0.2, 0.5, 0.9, 1.0):
        expected = 0.0
        for a, theta, m in zip((4.0, 9.0), (0.3, 0.6), share, strict=True):
            low, high = sigmoid(-a * theta), sigmoid(a * (1 - theta))
            expected += m * (sigmoid(a * (y - theta)) - low) / (high - low)
        assert g(torch.full((1, 1), y, dtype=torch.float64)).item() == pytest.approx(expected, abs=1e-12)


def test_an_inhibitor_is_one_minus_the_activator_and_both_are_monotone():
    y = torch.linspace(0, 1, 50, dtype=torch.float64).expand(2, -1)
    up, down = gates([[5.0, 5.0]], [[0.4, 0.4]], [[0.0, 0.0]], [1.0, -1.0])(y)
    assert torch.allclose(up, 1 - down)
    assert (up.diff() > 0).all()
    assert up[0].item() == pytest.approx(0, abs=1e-12)
    assert up[-1].item() == pytest.approx(1, abs=1e-12)


def test_and_is_a_product_and_or_is_noisy():
    reaction, product = torch.tensor([0, 0, 1]), torch.tensor([0, 0])
    logic = LogicAttention(reaction, product, n_species=2, dense=False)
    gate, weight = torch.tensor([[0.5], [0.4], [0.9]]), torch.tensor([[0.8], [0.5]])
    quiet = logic(gate, weight)
    assert quiet[0].item() == pytest.approx((1 - 0.8 * 0.2) * (1 - 0.5 * 0.9), rel=1e-5)
    assert quiet[1].item() == 1.0  # no reaction


def test_a_closed_gate_closes_its_group_with_finite_gradient():
    logic = LogicAttention(torch.tensor([0, 0]), torch.tensor([0]), 1, dense=True)
    gate = torch.tensor([[0.0], [0.9]], requires_grad=True)
    quiet = logic(gate, torch.tensor([[1.0]]))
    quiet.sum().backward()
    assert quiet.item() == pytest.approx(1.0, abs=1e-5)
    assert torch.isfinite(gate.grad).all()


@pytest.mark.parametrize("seed", range(3))
def test_group_sums_sparse_and_dense_agree(seed):
    generator = torch.Generator().manual_seed(seed)
    group = torch.randint(0, 7, (40,), generator=generator)
    values = torch.randn(40, 5, generator=generator)
    sparse, dense = (GroupSum(group, 9, flag)(values) for flag in (False, True))
    assert torch.allclose(sparse, dense, atol=1e-6)
    assert (sparse[7:] == 0).all()


def test_edge_softmax_is_a_softmax_over_each_targets_edges():
    target = torch.tensor([2, 0, 2, 2, 0])
    score = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)) * 20
    weight = edge_softmax(score, target, 4)
    for one in (0, 2):
        rows = target == one
        assert torch.allclose(weight[:, rows], torch.softmax(score[:, rows], 1), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_graph_attention_sparse_equals_dense(seed):
    t = tokens(random_arrays(30, seed))
    pairs = torch.unique(torch.stack([t.source, t.target]), dim=1)
    source, target = pairs
    kind = torch.randint(0, 4, (pairs.shape[1],), generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    layer = GraphAttention(8, 2, 4)
    with torch.no_grad():
        layer.bias.normal_()
    x = torch.randn(3, 30, 8)
    sparse = layer(x, source, target, kind)
    layer.dense = True
    assert torch.allclose(sparse, layer(x, source, target, kind), atol=1e-5)


def test_graph_attention_sees_only_regulators():
    layer = GraphAttention(4, 1, 1)
    source, target, kind = torch.tensor([0]), torch.tensor([1]), torch.tensor([0])
    x = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[:, 2] += 1
    before, after = layer(x, source, target, kind), layer(changed, source, target, kind)
    assert torch.equal(before[:, 1], after[:, 1])
    changed[:, 0] += 1
    assert not torch.equal(before[:, 1], layer(changed, source, target, kind)[:, 1])


def test_width_must_be_a_multiple_of_heads():
    with pytest.raises(ValueError, match="multiple of heads 3"):
        GraphAttention(8, 3, 1)


def test_tokens_hold_roles_and_positions_not_names():
    network = load_network("fibroblast-core")
    t = tokens(network.arrays)
    assert t.species.shape[0] == 109
    assert torch.isfinite(t.species).all()
    names = network.species_names
    is_input = t.species[:, 0].bool()
    assert {names[i] for i in torch.nonzero(is_input)[:, 0]} == set(network.input_species)
    depth = t.species[:, 7] * 12
    assert depth[names.index("TGFB")] == 0
    assert depth[names.index("TGFB1R")] == 1
    assert t.species[names.index("Akt"), 8] == 1  # on a feedback loop
    assert t.species[names.index("proCIII"), 1] == 1  # regulates nothing
