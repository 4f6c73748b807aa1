import gc

import mpmath
import numpy as np
import pytest
import torch
from reference import solve

from hmlm_lib.dynamics import integrate as integrate_module
from hmlm_lib.dynamics.hill import HillDrive, HillParameters
from hmlm_lib.dynamics.integrate import Relaxation, advance, decay_weights, integrate
from hmlm_lib.dynamics.simulate import Parameters, trajectories
from hmlm_lib.dynamics.stimulus import Stimulus
from hmlm_lib.errors import ExperimentError
from hmlm_lib.network.generate import random_arrays
from hmlm_lib.network.network import NetworkArrays

TIMES = np.array([0.0, 0.05, 0.3, 1.0, 2.5, 7.0, 16.0, 24.0])


def relaxation_only(tau=2.0):
    """One input species without regulators: y(t) = u + (y0 - u) exp(-t / tau), known in closed form."""
    one, none = np.ones(1), np.zeros(0)
    index = np.zeros(0, dtype=np.int64)
    return NetworkArrays(
        species_names=("X",),
        tau=tau * one, ymax=one, y0=0 * one, input_level=0 * one, has_input=np.array([True]),
        w=none, n=none, ec50=none, product=index, reaction_ids=(), source=index, reaction=index,
        inhibits=np.zeros(0, dtype=bool), module=np.zeros(1, dtype=np.int64),
    )  # fmt: skip


@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float32, 2e-6), (torch.float64, 1e-12)])
def test_decay_weights_against_arbitrary_precision(dtype, allowed):
    z = torch.logspace(-8, 2, 41).to(dtype)[:, None]
    got = [w.double().numpy()[:, 0] for w in decay_weights(z)[1:]]
    with mpmath.workdps(50):
        for row, value in enumerate(z[:, 0].tolist()):
            exact = 1 - mpmath.exp(-mpmath.mpf(value))
            for k in range(3):
                assert abs(got[k][row] - float(exact)) < allowed, (k, value)
                exact = 1 - (k + 1) * exact / value


def test_decay_weights_tend_to_one_for_long_steps():
    z = torch.tensor([[1e6]], dtype=torch.float64)
    decay, *weights = decay_weights(z)
    assert float(decay) == 0
    assert [float(w) for w in weights] == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_agree_with_scipy_to_1e6(seed):
    arrays, rng = random_arrays(25, seed), np.random.default_rng(seed)
    y0, stimulus = rng.uniform(0, 1, (3, 25)), rng.uniform(0, 0.6, (3, 25)) * (np.arange(25) < 6)
    got = trajectories(arrays, TIMES, torch.as_tensor(stimulus), torch.as_tensor(y0), tolerance=1e-7).numpy()
    expected = [solve(arrays, y0[b], stimulus[b], TIMES) for b in range(3)]
    assert np.abs(got - expected).max() < 1e-6


def test_error_falls_with_the_tolerance():
    arrays = random_arrays(25, 2)
    stimulus = torch.full((1, 25), 0.3, dtype=torch.float64)
    exact = solve(arrays, arrays.y0, stimulus.numpy()[0], TIMES)
    errors = [
        np.abs(trajectories(arrays, TIMES, stimulus, tolerance=tol).numpy()[0] - exact).max()
        for tol in (1e-3, 1e-4, 1e-5)
    ]
    assert errors[0] > 4 * errors[1] > 16 * errors[2]


def test_output_does_not_depend_on_which_times_are_asked():
    arrays = random_arrays(25, 4)
    stimulus = torch.full((2, 25), 0.2, dtype=torch.float64)
    dense = np.linspace(0, 24, 97)
    fine, coarse = (trajectories(arrays, t, stimulus) for t in (dense, dense[::8]))
    torch.testing.assert_close(fine[:, ::8], coarse, atol=0, rtol=0)


def test_every_trajectory_is_independent_of_its_neighbours():
    arrays = random_arrays(25, 5)
    stimulus = torch.rand(6, 25, dtype=torch.float64) * 0.5
    together = trajectories(arrays, TIMES, stimulus)
    alone = torch.cat([trajectories(arrays, TIMES, row[None]) for row in stimulus])
    torch.testing.assert_close(together, alone, atol=1e-12, rtol=0)


def test_step_stimulus_is_exact_in_closed_form():
    tau = 2.0
    levels = torch.tensor([0.8, 0.1], dtype=torch.float64)[:, None, None]
    stimulus = Stimulus(torch.tensor([0.0, 3.0]), levels)
    t = np.array([0.0, 1.0, 3.0, 3.5, 9.0])
    got = trajectories(relaxation_only(tau), t, stimulus).numpy()[0, :, 0]
    at3 = 0.8 * (1 - np.exp(-3 / tau))
    expected = np.where(t <= 3, 0.8 * (1 - np.exp(-t / tau)), 0.1 + (at3 - 0.1) * np.exp(-(t - 3) / tau))
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_linear_stimulus_is_exact_in_closed_form():
    tau, end = 2.0, 8.0
    stimulus = Stimulus(torch.tensor([0.0, end]), torch.tensor([0.0, 1.0]).double()[:, None, None], "linear")
    t = np.linspace(0, end, 9)
    got = trajectories(relaxation_only(tau), t, stimulus, tolerance=1e-8).numpy()[0, :, 0]
    np.testing.assert_allclose(got, (t - tau * (1 - np.exp(-t / tau))) / end, atol=1e-7)


def test_pulses_differ_between_trajectories():
    levels = torch.tensor([[0.9, 0.0], [0.0, 0.9]]).double()[:, None, :]
    stimulus = Stimulus(torch.tensor([0.0, 5.0]), levels)
    got = trajectories(relaxation_only(0.5), [0.0, 5.0, 10.0], stimulus).numpy()[..., 0]
    np.testing.assert_allclose(got, [[0, 0.9, 0], [0, 0, 0.9]], atol=1e-4)


def test_gradients_agree_with_finite_differences():
    arrays = random_arrays(10, 7)
    stimulus = torch.full((1, 10), 0.3, dtype=torch.float64)
    rng = np.random.default_rng(0)
    target = torch.as_tensor(rng.uniform(0, 1, (1, 3, 10)))

    def loss(**changed):
        given = {k: torch.as_tensor(v) for k, v in changed.items() if k != "stimulus"}
        out = trajectories(
            arrays,
            [0, 0.3, 2.0],
            changed.get("stimulus", stimulus),
            parameters=Parameters(**given),
            tolerance=1e-6,
        )
        return ((out - target) ** 2).sum()

    for name in ("w", "n", "ec50", "tau", "ymax", "y0", "stimulus"):
        start = stimulus if name == "stimulus" else torch.as_tensor(getattr(arrays, name)) + 0.0
        leaf = (start * 0.9 + 0.01).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(**{name: leaf}), leaf)
        direction = torch.as_tensor(rng.normal(size=leaf.shape)) * leaf.detach()
        with torch.no_grad():
            step = 1e-2
            numeric = (loss(**{name: leaf + step * direction}) - loss(**{name: leaf - step * direction})) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(float(numeric), rel=5e-3, abs=1e-5), name


def test_memory_is_flat_in_the_number_of_steps(monkeypatch):
    steps, alive = [], []

    def counting(*args):
        steps.append(1)
        if len(steps) % 20 == 0:
            alive.append(sum(type(item) is torch.Tensor for item in gc.get_objects()))
        return advance(*args)

    monkeypatch.setattr(integrate_module, "advance", counting)
    stimulus = torch.full((1, 25), 0.3, dtype=torch.float64)
    with torch.no_grad():
        trajectories(random_arrays(25, 2), [0.0, 24.0], stimulus, tolerance=1e-5)
    assert len(alive) >= 5
    assert max(alive) <= alive[0] + 2


def test_too_many_steps_is_one_clear_error():
    arrays = random_arrays(10, 1)
    names = ("w", "n", "ec50", "tau", "ymax")
    drive = HillDrive(arrays, HillParameters(*(torch.as_tensor(getattr(arrays, k))[:, None] for k in names)))
    y0 = torch.zeros(10, 1, dtype=torch.float64)
    system = Relaxation(drive, Stimulus.hold(y0 + 0.5))
    with pytest.raises(ExperimentError, match=r"3 steps do not reach 24 h at tolerance 1e-05"):
        integrate(system, y0, torch.as_tensor(TIMES), 1e-5, max_steps=3)
