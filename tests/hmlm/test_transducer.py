"""The roll-out against exact solutions and against the simulator."""

import numpy as np
import pytest
import torch

from hmlm_lib.evaluation.worlds import Hill, draw_world
from hmlm_lib.hmlm.transducer import between, step_weights, time_grid, transduce
from hmlm_lib.network import load_network


def test_the_grid_is_dense_early_and_ends_at_the_horizon():
    grid = time_grid(60.0, 40)
    assert len(grid) == 41
    assert grid[0] == 0
    assert grid[-1] == pytest.approx(60)
    assert (np.diff(grid, 2) > 0).all()


def test_a_constant_drive_is_solved_exactly():
    tau = torch.tensor([[0.5], [2.0], [50.0]], dtype=torch.float64)
    grid = np.array([0.0, 0.3, 1.0])
    drive = torch.tensor([[0.2], [0.9], [0.5]], dtype=torch.float64)
    y0 = torch.tensor([[1.0], [0.0], [0.3]], dtype=torch.float64)
    course = transduce(lambda y, step: drive.expand_as(y), y0, tau, grid, corrections=1)
    for at, time in enumerate(grid):
        assert torch.allclose(course[at], drive + (y0 - drive) * torch.exp(-time / tau))


def test_a_drive_on_a_straight_line_is_solved_exactly():
    """tau dy/dt = s t - y from 0 has the solution s (t - tau + tau exp(-t / tau))."""
    tau, slope, h = 2.0, 0.3, 1.5
    decay, w0, w1 = step_weights(h, torch.tensor(tau, dtype=torch.float64))
    found = decay * 0 + w0 * 0 + w1 * (slope * h)
    assert found.item() == pytest.approx(slope * (h - tau + tau * np.exp(-h / tau)), rel=1e-10)


def test_with_true_parameters_it_follows_the_simulator():
    """40 steps with two corrections: the error that learning has to live with is far below the noise of .0009."""
    world = draw_world(load_network("fibroblast-core"), 0)
    rng = np.random.default_rng(0)
    held = np.tile(world.baseline, (6, 1))
    inputs = np.flatnonzero(world.arrays.has_input)
    for row in held:
        row[rng.choice(inputs, 2, replace=False)] = rng.uniform(0.3, 0.9, 2)
    ones, times = np.ones_like(held), np.linspace(0, 60, 50)
    y0 = np.tile(world.rest, (6, 1))
    truth = world.simulate(held, ones, y0, times)
    system = Hill(world.arrays, torch.as_tensor(held), torch.as_tensor(ones), 0)
    tau = torch.as_tensor(world.arrays.tau)[:, None]
    grid = time_grid(60.0, 40)
    states = transduce(lambda y, step: system(y.T)[1].T, torch.as_tensor(y0.T.copy()), tau, grid, corrections=2)
    error = np.square(between(states, grid, times).permute(2, 0, 1).numpy() - truth).mean()
    assert error < 7e-4


def test_between_passes_through_the_grid_and_stays_monotone():
    grid = np.array([0.0, 1.0, 3.0, 4.0])
    states = torch.tensor([0.0, 0.2, 0.9, 1.0])[:, None, None]
    assert torch.allclose(between(states, grid, grid), states, atol=1e-6)
    fine = between(states, grid, np.linspace(0, 4, 100))[:, 0, 0]
    assert (fine.diff() >= -1e-6).all()
    assert fine.max() <= 1
