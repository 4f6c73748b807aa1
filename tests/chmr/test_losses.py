"""Alignment: InfoNCE in chunks is the dense one, VICReg by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmlm_lib.chmr.losses import dense_info_nce, info_nce, vicreg
from hmlm_lib.errors import MoleculeError


def pair(seed, rows=23, width=5):
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(rows, width, generator=generator, dtype=torch.float64) for _ in range(2))
    return a.requires_grad_(), b.requires_grad_()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), chunk=st.integers(1, 30), temperature=st.floats(0.02, 2.0))
def test_value_and_gradient_are_the_dense_ones(seed, chunk, temperature):
    a, b = pair(seed)
    dense = dense_info_nce(a, b, temperature)
    expected = torch.autograd.grad(dense, (a, b))
    ours = info_nce(a, b, temperature, chunk)
    found = torch.autograd.grad(3 * ours, (a, b))
    assert ours.item() == pytest.approx(dense.item(), abs=1e-10)
    for g, e in zip(found, expected, strict=True):
        assert torch.allclose(g / 3, e, atol=1e-10)


def test_two_rows_by_hand():
    a = torch.eye(2)
    # cos = 1 with its own, 0 with the other: -log(e / (e + 1)) at temperature 1, both ways.
    assert info_nce(a, a, 1.0).item() == pytest.approx(math.log(1 + math.exp(-1)))
    assert info_nce(a, a.flip(0), 1.0).item() == pytest.approx(math.log(1 + math.exp(1)))


def test_lengths_do_not_matter():
    a, b = pair(0)
    assert torch.allclose(info_nce(7 * a, 0.1 * b), info_nce(a, b))


def test_vicreg_by_hand():
    a = torch.tensor([[0.0, 0.0], [2.0, 2.0]])
    terms = vicreg(a, a + 1, floor=0.0)
    assert terms.invariance.item() == 1.0
    assert terms.variance.item() == 0.0  # sd of both columns is sqrt 2
    assert terms.covariance.item() == pytest.approx((2.0**2 + 2.0**2) / 2)
    flat = vicreg(torch.zeros(4, 3), torch.zeros(4, 3), floor=0.0)
    assert (flat.variance.item(), flat.covariance.item()) == (1.0, 0.0)


def test_bad_input_is_named():
    with pytest.raises(MoleculeError, match="at least two rows"):
        info_nce(torch.ones(1, 3), torch.ones(1, 3))
    with pytest.raises(MoleculeError, match=r"shapes \(2, 3\) and \(3, 3\)"):
        vicreg(torch.ones(2, 3), torch.ones(3, 3))


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_none_is_refused(temperature):
    a, b = pair(0)
    with pytest.raises(MoleculeError, match="allowed: above 0"):
        info_nce(a, b, temperature=temperature)
