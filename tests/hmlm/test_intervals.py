"""Intervals: honest where members differ, and where they share an error."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.evaluation.tasks import Size, benchmark
from hmlm_lib.hmlm import intervals
from hmlm_lib.network import SignalingNetwork

NOISE = 0.02


@pytest.fixture(scope="module")
def data():
    network = SignalingNetwork.from_rules("small", ["=> a", "=> b", "=> c", "a & b => r", "c => s", "r => t"])
    return benchmark(0, 6, size=Size(3, 20, 10, 2, 30, 1), noise_sd=NOISE, network=network)


def copier(data, shift, wobble):
    """A predictor that knows the truth up to a shift that all members share and a wobble of its own."""

    def fit(train, seed):
        rng = np.random.default_rng(seed)
        own = wobble * rng.standard_normal(train.activity.shape[2])
        return lambda e: data.world.simulate(e.stimulus, e.factor, e.y0, e.times_h) + shift + own

    return fit


def cover(data, shift, wobble, members=8):
    found = intervals.ensemble(copier(data, shift, wobble), data.train, data.combine, members, 0, NOISE)
    return intervals.coverage(data.combine.activity, found.mean, found.half_width()), found


def test_a_shared_error_is_found_out_of_bag(data):
    shift = np.array([0.0, 0.1, 0.0, 0.2, 0.0, 0.1])
    covered, found = cover(data, shift, wobble=0.0)
    assert np.allclose(found.shared, shift, atol=0.02)
    assert covered > 0.95
    assert intervals.coverage(data.combine.activity, found.mean, 3 * found.sd) < 0.6  # the members alone are sure


def test_without_an_error_the_band_is_narrow(data):
    covered, found = cover(data, shift=0.0, wobble=0.0)
    assert covered > 0.95
    assert found.half_width().max() < NOISE


def test_where_members_differ_the_band_covers(data):
    hits = [cover(data, 0.0, 0.05, members=4 + i)[0] for i in range(6)]
    assert np.mean(hits) > 0.85


def test_few_members_make_a_wide_band():
    assert intervals.band(3) > intervals.band(10) > 1.645
    assert intervals.band(1000) == pytest.approx(1.645, abs=0.01)


def test_members_are_not_shown_the_truth(data):
    def fit(train, seed):
        return lambda e: np.where(e.measured, e.activity, e.y0[:, None])

    found = intervals.ensemble(fit, data.train, data.combine, 4, 0, NOISE)
    assert np.array_equal(found.mean, np.repeat(data.combine.y0[:, None], 50, axis=1))
    assert found.shared.max() > 0.1  # out of bag as well


def test_points_nobody_measured_do_not_count(data):
    holes = data.train.activity.copy()
    holes[::2] = np.nan
    holed = replace(data.train, activity=holes)
    found = intervals.ensemble(copier(data, 0.1, 0.0), holed, data.combine, 8, 0, NOISE)
    assert np.allclose(found.shared, 0.1, atol=0.02)
