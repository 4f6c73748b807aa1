import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import drive as reference_drive

from hmlm_lib.dynamics.hill import HillDrive, HillParameters, activation, product_by_level
from hmlm_lib.network.generate import random_arrays

unit = st.floats(0.0, 1.0)
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def column(values):
    return torch.as_tensor(values, dtype=torch.float64)[:, None]


def make_drive(arrays, **replaced):
    names = ("w", "n", "ec50", "tau", "ymax")
    values = {name: column(getattr(arrays, name)) for name in names}
    return HillDrive(arrays, HillParameters(**(values | replaced)))


@given(st.floats(0.5, 4.0), st.floats(0.05, 0.95))
def test_gate_passes_through_zero_half_and_one(n, ec50):
    x = torch.tensor([0.0, ec50, 1.0, 1.7], dtype=torch.float64)
    got = activation(x, number(n), number(ec50))
    torch.testing.assert_close(got, torch.tensor([0.0, 0.5, 1.0, 1.0]).double(), atol=1e-9, rtol=0)


@given(unit, st.floats(0.5, 4.0), st.floats(0.05, 0.95))
def test_gate_is_the_published_form(x, n, ec50):
    half = ec50**n
    if abs(half - 0.5) < 1e-6:  # the published constant is infinite there
        return
    b = (half - 1) / (2 * half - 1)
    got = float(activation(*map(number, (x, n, ec50))))
    assert got == pytest.approx(b * x**n / (b - 1 + x**n), abs=1e-9)


def test_gate_at_ec50_to_the_n_one_half_is_a_power():
    x = torch.linspace(0, 1, 11).double()
    n = torch.tensor(2.0).double()
    torch.testing.assert_close(activation(x, n, torch.tensor(0.5).double() ** 0.5), x**2)


def test_gate_n1_ec50_half_is_the_identity():
    x = torch.linspace(0, 1, 11).double()
    torch.testing.assert_close(activation(x, torch.ones(()).double(), torch.tensor(0.5).double()), x)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.booleans())
def test_product_by_level_is_the_product_of_each_group(sizes, gradient):
    sizes = sorted(sizes, reverse=True)
    if sizes[0] == 0:
        return
    groups = [torch.rand(k, 3, dtype=torch.float64) for k in sizes if k]
    start = np.cumsum([0, *[len(g) for g in groups]])
    levels = [torch.tensor([start[i] + k for i, g in enumerate(groups) if len(g) > k]) for k in range(sizes[0])]
    got = product_by_level(torch.cat(groups).requires_grad_(gradient), levels)
    torch.testing.assert_close(got.detach(), torch.stack([g.prod(0) for g in groups]))


@pytest.mark.parametrize("seed", range(5))
def test_drive_agrees_with_the_reaction_by_reaction_reference(seed):
    arrays, rng = random_arrays(40, seed), np.random.default_rng(seed)
    y, stimulus = rng.uniform(0, 1.2, (40, 7)), rng.uniform(0, 1, (40, 7))
    got = make_drive(arrays)(torch.as_tensor(y), torch.as_tensor(1 - stimulus))
    expected = [reference_drive(arrays, y[:, b], stimulus[:, b]) for b in range(7)]
    np.testing.assert_allclose(got.numpy().T, expected, atol=1e-12)


def test_shared_and_per_trajectory_parameters_give_the_same_drive():
    arrays = random_arrays(30, 3)
    y = torch.rand(30, 4, dtype=torch.float64)
    own = {k: column(getattr(arrays, k)).repeat(1, 4) for k in ("w", "n", "ec50", "ymax")}
    got = make_drive(arrays, **own)(y, torch.ones_like(y))
    torch.testing.assert_close(got, make_drive(arrays)(y, torch.ones_like(y)))


def test_batch_restricts_every_parameter_to_the_kept_trajectories():
    arrays = random_arrays(30, 3)
    y = torch.rand(30, 4, dtype=torch.float64)
    own = {k: column(getattr(arrays, k)) * torch.rand(1, 4).double() for k in ("w", "n", "ec50", "ymax")}
    whole = make_drive(arrays, **own)
    keep = torch.tensor([2, 0])
    untouched = torch.ones_like(y)
    torch.testing.assert_close(whole.batch(keep)(y[:, keep], untouched[:, keep]), whole(y, untouched)[:, keep])


def test_drive_has_the_right_gradients():
    arrays = random_arrays(12, 1)
    names = ("w", "n", "ec50", "ymax")
    inputs = [column(getattr(arrays, k)).requires_grad_() for k in names]
    y = torch.rand(12, 2, dtype=torch.float64).requires_grad_()
    stimulus = (0.5 * torch.rand(12, 2, dtype=torch.float64)).requires_grad_()

    def run(w, n, ec50, ymax, y, stimulus):
        return make_drive(arrays, w=w, n=n, ec50=ec50, ymax=ymax)(y, 1 - stimulus)

    assert torch.autograd.gradcheck(run, (*inputs, y, stimulus))


def test_gradients_at_zero_activity_are_finite():
    arrays = random_arrays(12, 1)
    n = column(arrays.n).requires_grad_()
    y = torch.zeros(12, 1, dtype=torch.float64).requires_grad_()
    make_drive(arrays, n=n)(y, torch.ones_like(y)).sum().backward()
    assert torch.isfinite(n.grad).all()
    assert torch.isfinite(y.grad).all()
