"""The simulator on a device: batches, both precisions, gradients, repeated runs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from devices import close, network

from hmlm_lib.dynamics import Condition, four_conditions, knockout_screen, simulate, trajectories
from hmlm_lib.dynamics.simulate import Parameters
from hmlm_lib.network import load_network

CORE = load_network("fibroblast-core")
TIMES = [0.0, 2.0, 6.0]


def levels(count, seed=0):
    """Random stimuli of the published network [count, 109], float32."""
    rng, arrays = np.random.default_rng(seed), CORE.arrays
    level = np.repeat(arrays.input_level[None], count, axis=0)
    level[:, arrays.has_input] = rng.uniform(0.1, 0.9, (count, int(arrays.has_input.sum())))
    return torch.as_tensor(level, dtype=torch.float32)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
def test_conditions_that_step_and_knock_out(device, dtype, atol):
    """[3, 3, 7] activities: 1e-6 in float64; in float32 1e-4, a tenth of what tolerance 1e-4 allows."""
    conditions = [
        Condition("held", stimulus={"a": 0.9}),
        Condition("stepped", stimulus={"a": [(0, 0.2), (3.0, 0.8)], "b": 0.5}),
        Condition("without", stimulus={"a": 0.9}, knockout="r1"),
    ]
    how = {"dtype": dtype, "baseline_h": 2.0, "tolerance": 1e-4}
    found = simulate(network(), conditions, TIMES, device=device, **how)
    assert found.shape == (3, 3, 7)
    close(found.values, simulate(network(), conditions, TIMES, **how).values, atol)


def test_kinetics_of_every_trajectory_carry_gradients(device):
    """d/dw of the last state, weights [4, 6] of each trajectory, float64: 1e-6."""
    arrays, found = network().arrays, {}
    for where in ("cpu", device):
        held = torch.full((4, 7), 0.5, dtype=torch.float64).to(where)
        w = torch.linspace(0.4, 1.0, 24, dtype=torch.float64).reshape(4, 6).to(where).requires_grad_()
        end = trajectories(arrays, TIMES, held, parameters=Parameters(w=w), tolerance=1e-5)[:, -1]
        (found[where],) = torch.autograd.grad(end.sum(), w)
    assert found[device].shape == (4, 6)
    close(found[device], found["cpu"], 1e-6)


@pytest.mark.gpu
def test_the_published_conditions(cuda):
    """[4, 5, 109] activities after 80 h of rest, float64: 1e-6."""
    times = np.linspace(0, 24, 5)
    found = simulate(CORE, four_conditions(CORE), times, device=cuda)
    assert found.shape == (4, 5, 109)
    close(found.values, simulate(CORE, four_conditions(CORE), times).values, 1e-6)


@pytest.mark.gpu
def test_a_batch_of_the_published_network_in_float32(cuda):
    """[64, 2, 109] activities: 1e-3, what tolerance 1e-4 promises; rounding may turn a step down that the CPU took."""
    found = trajectories(CORE.arrays, [0.0, 24.0], levels(64).to(cuda), tolerance=1e-4)
    assert found.shape == (64, 2, 109)
    assert found.dtype == torch.float32
    close(found, trajectories(CORE.arrays, [0.0, 24.0], levels(64), tolerance=1e-4), 1e-3)
    again = trajectories(CORE.arrays, [0.0, 24.0], levels(64).to(cuda), tolerance=1e-4)
    assert torch.equal(found, again)  # products by level add nothing up in an order of threads


@pytest.mark.gpu
def test_a_screen_of_all_knockouts(cuda):
    """[109, 109] changes of activity, float64: 1e-6."""
    found = knockout_screen(CORE, {"TGFB": 0.9}, hours=24.0, device=cuda)
    assert found.shape == (109, 109)
    close(found.values, knockout_screen(CORE, {"TGFB": 0.9}, hours=24.0).values, 1e-6)


@pytest.mark.gpu
def test_chunks_of_conditions_are_the_whole(cuda):
    """[12, 1, 109] activities in chunks of five against all at once, float64: 1e-6."""
    conditions = [replace(four_conditions(CORE)[1], name=f"{k}", stimulus={"TGFB": k / 12}) for k in range(12)]
    whole = simulate(CORE, conditions, [6.0], device=cuda, baseline_h=0.0)
    parts = simulate(CORE, conditions, [6.0], device=cuda, baseline_h=0.0, batch_size=5)
    assert parts.shape == (12, 1, 109)
    close(parts.values, whole.values, 1e-6)
