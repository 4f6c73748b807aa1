"""Imputation along similarity: the energy falls, what is known stays, the limit solves the equations."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data
from torch_geometric.transforms import FeaturePropagation

from hmlm_lib.chmr.neighbours import tanimoto_neighbours
from hmlm_lib.chmr.propagation import Graph, dirichlet_energy, propagate
from hmlm_lib.errors import MoleculeError


def molecules(seed, size=40, k=4, known=0.4, features=3):
    generator = torch.Generator().manual_seed(seed)
    bits = torch.rand(size, 64, generator=generator) < 0.3
    graph = Graph.from_neighbours(*tanimoto_neighbours(bits, k))
    x = torch.randn(size, features, generator=generator, dtype=torch.float64)
    flags = torch.rand(size, generator=generator) < known
    flags[0] = True
    return graph, x, flags


def dense(graph, dtype=torch.float64):
    matrix = torch.zeros(graph.size, graph.size, dtype=dtype)
    matrix[graph.target, graph.source] = graph.weight.to(dtype)
    return matrix


def test_three_molecules_by_hand():
    # 0 - 1 - 2 in a line, all similarities 1/2; the ends are known: the middle is their mean.
    graph = Graph(torch.tensor([0, 1, 1, 2]), torch.tensor([1, 0, 2, 1]), torch.full((4,), 0.5), 3)
    x, known = torch.tensor([[1.0], [torch.nan], [4.0]]), torch.tensor([True, False, True])
    assert propagate(graph, x, known, normalise="row")[1].item() == pytest.approx(2.5)
    # Symmetric: d = (1/2, 1, 1/2), S_10 = (1/2) / sqrt(1/2), so the middle is (1 + 4) / sqrt 2.
    assert propagate(graph, x, known)[1].item() == pytest.approx(5 * 0.5 / 0.5**0.5)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_energy_never_rises_and_known_rows_are_bit_identical(seed):
    graph, x, known = molecules(seed)
    last = torch.where(known[:, None], x, x[known].mean(0))
    energy = dirichlet_energy(graph, last)
    step = graph.operator(dtype=torch.float64)
    for _ in range(30):
        last = torch.where(known[:, None], x, step @ last)
        after = dirichlet_energy(graph, last)
        assert after <= energy + 1e-12
        energy = after
    found = propagate(graph, x, known, most_steps=5000)
    assert torch.equal(found[known], x[known])
    reached = graph.reached(known)
    rested = torch.where(reached[:, None], found, last)  # others were set to the mean, as stated
    assert dirichlet_energy(graph, rested) <= energy + 1e-9


@pytest.mark.parametrize("normalise", ["symmetric", "row"])
@pytest.mark.parametrize("anchor", [0.0, 0.3])
def test_the_limit_solves_the_equations(normalise, anchor):
    graph, x, known = molecules(3, size=60)
    a, missing = dense(graph), ~known
    degree = a.sum(1)
    s = a / degree[:, None] if normalise == "row" else a / (degree[:, None] * degree).sqrt()
    left = (1 + anchor) * torch.eye(int(missing.sum()), dtype=torch.float64) - s[missing][:, missing]
    right = s[missing][:, known] @ x[known] + anchor * x[known].mean(0)
    assert graph.reached(known).all()
    found = propagate(graph, x, known, anchor, normalise, tolerance=1e-9, most_steps=20000)
    assert torch.allclose(found[missing], torch.linalg.solve(left, right), atol=1e-6)


@pytest.mark.filterwarnings("ignore:Sparse")
def test_the_same_as_pytorch_geometric_where_both_are_defined():
    graph, x, known = molecules(5)
    unweighted = Graph(graph.source, graph.target, torch.ones_like(graph.weight), graph.size)
    missing = ~known[:, None].expand_as(x)
    data = Data(x=torch.where(missing, torch.nan, x).float(), edge_index=torch.stack([graph.source, graph.target]))
    peer = FeaturePropagation(missing_mask=missing, num_iterations=400)(data).x
    found = propagate(unweighted, x.float(), known, tolerance=1e-7, most_steps=5000)
    assert torch.allclose(found, peer, atol=1e-4)


def test_a_molecule_that_nothing_leads_to_falls_back_to_the_mean():
    edges = torch.tensor([0, 1, 2, 3]), torch.tensor([1, 0, 3, 2])
    graph = Graph(*edges, torch.ones(4), 5)  # 0 - 1, 2 - 3, and 4 alone
    x, known = torch.tensor([[1.0], [3.0], [0.0], [0.0], [0.0]]), torch.tensor([True, True, False, False, False])
    assert graph.reached(known).tolist() == [True, True, False, False, False]
    assert propagate(graph, x, known)[:, 0].tolist() == [1.0, 3.0, 2.0, 2.0, 2.0]


def test_a_strong_anchor_gives_the_mean():
    graph, x, known = molecules(1)
    found = propagate(graph, x, known, anchor=1e6)
    assert torch.allclose(found[~known], x[known].mean(0).expand(int((~known).sum()), -1), atol=1e-4)


def test_missing_rows_are_not_read():
    graph, x, known = molecules(2)
    holes = torch.where(known[:, None], x, torch.nan)
    assert torch.equal(propagate(graph, holes, known), propagate(graph, x, known))


def test_bad_input_is_named():
    graph, x, known = molecules(0)
    with pytest.raises(MoleculeError, match="no molecule is known"):
        propagate(graph, x, torch.zeros_like(known))
    with pytest.raises(MoleculeError, match="row 0 is known but not finite"):
        propagate(graph, torch.full_like(x, np.inf), known)
    with pytest.raises(MoleculeError, match=r"39 rows.*allowed: 40"):
        propagate(graph, x[1:], known)
    with pytest.raises(MoleculeError, match="normalise is 'rows'; allowed: symmetric, row"):
        propagate(graph, x, known, normalise="rows")
    with pytest.raises(MoleculeError, match="anchor is -1"):
        propagate(graph, x, known, anchor=-1)
    with pytest.raises(MoleculeError, match="most_steps is 0; allowed: a whole number, 1 or more"):
        propagate(graph, x, known, most_steps=0)
    with pytest.raises(MoleculeError, match="tolerance is nan; allowed: 0 or more, finite"):
        propagate(graph, x, known, tolerance=float("nan"))
    with pytest.raises(MoleculeError, match=r"moved by .* after 1 steps"):
        propagate(graph, x, known, most_steps=1)
