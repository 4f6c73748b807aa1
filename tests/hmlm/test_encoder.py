"""Reading measurements: any times, any gaps, along the edges and back."""

import numpy as np
import pytest
import torch

from hmlm_lib.hmlm.encoder import CLOCK, Encoder, TemporalAttention, clock

SPECIES, EDGES = 5, ([0, 1, 1], [1, 2, 3])  # 0 -> 1 -> 2, 1 -> 3; species 4 is alone


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    source, target = map(torch.tensor, EDGES)
    return Encoder(source, target, torch.zeros(3, dtype=torch.long), SPECIES, 8, 2, 2, 6, untrained=1.0)


def points(times_h, cells=2, seed=0):
    values = torch.randn(cells, len(times_h), SPECIES, generator=torch.Generator().manual_seed(seed))
    return values, 0.5 * values, torch.ones_like(values, dtype=torch.bool), clock(np.array(times_h), 60.0)


def test_the_clock_is_bounded_and_tells_times_apart():
    hours = clock(np.array([0.0, 0.5, 3.0, 20.0, 60.0]), 60.0)
    assert hours.shape == (5, CLOCK)
    assert hours.abs().max() <= 1
    assert torch.cdist(hours, hours).fill_diagonal_(9.0).min() > 0.1
    assert torch.allclose(hours[0], torch.tensor([0.0] * 4 + [1.0] * 4))  # sin 0, cos 0


def test_temporal_attention_by_hand():
    # With no query every measured point weighs the same: two of three are measured, so a half each.
    torch.manual_seed(0)
    attention = TemporalAttention(width=4, heads=2)
    torch.nn.init.zeros_(attention.query.weight)
    torch.nn.init.zeros_(attention.query.bias)
    known = torch.tensor([[True], [False], [True]])[None]
    weight = attention.weights(torch.randn(1, 4), torch.randn(1, 3, 1, CLOCK + 3), known)
    assert torch.allclose(weight[0, :, :, 0], torch.tensor([[0.5, 0.5], [0.0, 0.0], [0.5, 0.5]]))


def test_points_that_were_not_measured_are_not_read(encoder):
    residual, forecast, known, hour = points([1.0, 5.0, 20.0])
    known[0, 1, 2] = known[1, :, 3] = False
    expected = encoder(torch.where(known, residual, 0.0), forecast, known, hour)
    changed = torch.where(known, residual, 7.0)
    assert torch.equal(encoder(changed, forecast, known, hour), expected)


def test_a_time_nobody_measured_changes_nothing(encoder):
    residual, forecast, known, _ = points([1.0, 5.0, 20.0])
    known[:, 1] = False
    both, one = clock(np.array([1.0, 5.0, 20.0]), 60.0), clock(np.array([1.0, 20.0]), 60.0)
    short = encoder(residual[:, ::2], forecast[:, ::2], known[:, ::2], one)
    assert torch.allclose(encoder(residual, forecast, known, both), short, atol=1e-6)


def test_the_order_of_points_does_not_matter_their_times_do(encoder):
    residual, forecast, known, hour = points([1.0, 5.0, 20.0])
    expected = encoder(residual, forecast, known, hour)
    turned = encoder(residual.flip(1), forecast.flip(1), known.flip(1), hour.flip(0))
    assert torch.allclose(turned, expected, atol=1e-5)
    assert not torch.allclose(encoder(residual, forecast, known, hour.flip(0)), expected, atol=1e-3)


def test_news_travel_along_edges_both_ways(encoder):
    for layer in encoder.layers:  # without the cell's mean, which reaches everyone
        torch.nn.init.zeros_(layer.cell.weight)
    residual, forecast, known, hour = points([1.0, 5.0], cells=1)
    known[:] = False
    known[:, :, 2] = True  # only the target of 1 is measured
    there = encoder(residual, forecast, known, hour)
    moved = (encoder(residual + 1.0, forecast, known, hour) - there).abs().amax((0, 2))
    assert moved[1] > 1e-4  # its regulator, against the arrow
    assert moved[0] > 1e-4 and moved[3] > 1e-4  # noqa: PT018  two steps away, within two layers
    assert moved[4] == 0


def test_cells_do_not_hear_each_other(encoder):
    residual, forecast, known, hour = points([1.0, 5.0])
    first = encoder(residual, forecast, known, hour)[0]
    residual[1] += 3.0
    assert torch.equal(encoder(residual, forecast, known, hour)[0], first)
