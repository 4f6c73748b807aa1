"""The operators between scales: what sums to one, what is zero before training, dense against sparse."""

import pytest
import torch

from hmlm_lib.hmlm import scales
from hmlm_lib.hmlm.scales import Aggregate, Hierarchy, ScaleLayer

MODULE = torch.tensor([0, 2, 1, 0, 2, 2])


@pytest.fixture
def state():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 8, generator=generator), torch.rand(6, 5, generator=generator)


def test_pooling_weights_sum_to_one_within_a_module(state):
    token, y = state
    weight = Aggregate(8, MODULE, 3).weights(token, y)
    total = torch.zeros(3, 5).index_add(0, MODULE, weight)
    assert torch.allclose(total, torch.ones_like(total), atol=1e-6)


def test_aggregate_is_the_weighted_mean_of_molecule_states(state, monkeypatch):
    token, y = state
    layer = Aggregate(8, MODULE, 3)
    found = layer(token, y)
    alpha, still, moving = layer.weights(token, y), layer.still(token), layer.moving(token)
    for b in range(5):
        for m in range(3):
            expected = sum(alpha[i, b] * (still[i] + y[i, b] * moving[i]) for i in range(6) if MODULE[i] == m)
            assert torch.allclose(found[b, m], expected, atol=1e-5)
    monkeypatch.setattr(scales, "MEMBERS_DENSE", 1)
    assert torch.allclose(layer(token, y), found, atol=1e-5)


def test_scale_attention_rows_sum_to_one():
    weight, _ = ScaleLayer(8, 2).attention(torch.randn(4, 12, 8))
    assert weight.shape == (4, 2, 12, 12)
    assert torch.allclose(weight.sum(-1), torch.ones(4, 2, 12), atol=1e-6)


@pytest.mark.parametrize(("pathway", "cell", "expected"), [(True, True, 4), (True, False, 3), (False, True, 2)])
def test_a_new_hierarchy_shifts_nothing_and_then_something(state, pathway, cell, expected):
    token, y = state
    model = Hierarchy(MODULE, 3, 8, 2, 2, pathway, cell)
    assert model.tokens(token, y).shape == (5, expected, 8)
    own = torch.zeros(6, 8)
    assert model(token, own, y).abs().max() == 0
    shift = model(token, own + 0.5, y)
    assert shift.shape == (6, 5)
    assert 0 < shift.abs().max() < 1


def test_without_names_of_their_own_pathways_share_one_and_no_size_is_the_networks(state):
    token, y = state
    shared, other = Hierarchy(MODULE, 3, 8, 2, 1, named=False), Hierarchy(torch.arange(6), 6, 8, 2, 1, named=False)
    assert {k: v.shape for k, v in shared.state_dict().items()} == {k: v.shape for k, v in other.state_dict().items()}
    expected = shared.pathway_name[[0, 0, 0, 1]]  # the cell's is another
    assert torch.equal(shared.names(), expected)
    bare = shared.translate(torch.cat([p := shared.aggregate(token, y), p.mean(1, keepdim=True)], 1))
    assert torch.equal(shared.tokens(token, y), bare + expected)


def test_softmax_is_pytorchs():
    score = torch.randn(3, 4, 12) * 30
    assert torch.allclose(scales.softmax(score), torch.softmax(score, -1), atol=1e-6)
