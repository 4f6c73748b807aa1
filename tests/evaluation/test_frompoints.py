"""Task A from the points alone: each curve against what it must give, and its row."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.evaluation import benchmark as runs
from hmlm_lib.evaluation import frompoints, rows
from hmlm_lib.evaluation.reconstruct import correct
from hmlm_lib.evaluation.tasks import NOISE_SD, Size, benchmark

SIZE = Size(10, 4, 4, 4, 6, 4)


@pytest.fixture(scope="module")
def data():
    return benchmark(0, 6, size=SIZE)


def error(found, b):
    return np.square(found - b.combine.activity).mean()


def test_a_trajectory_is_reconstructed_from_its_own_points_alone(data):
    """The others among the test conditions change nothing, unlike in a process that they share."""
    for model in frompoints.MODELS.values():
        whole, alone = (model.run(e, data.combine.times_h) for e in (data.seen, data.seen.take([2])))
        np.testing.assert_allclose(whole[2], alone[0], atol=1e-12)
    still = [np.repeat(data.seen.y0[:, None], n, axis=1) for n in (6, 50)]
    shared = correct(data.seen, *still, data.combine.times_h, NOISE_SD)
    assert np.abs(shared - frompoints.gp_of_time(data.seen, data.combine.times_h)).max() > 1e-3


def test_noise_is_smoothed_and_the_rest_state_kept(data):
    times, raw = data.combine.times_h, frompoints.entry("log_linear").run(data.seen, data.combine.times_h)
    assert times[0] == 0
    for name in ("gp_of_time", "smoothing_spline"):
        found = frompoints.entry(name).run(data.seen, times)
        np.testing.assert_allclose(found[:, 0], data.seen.y0, atol=1e-3)
        assert error(found, data) < 1.2 * error(raw, data)


def test_the_spline_misses_the_points_by_their_noise(data):
    at_points = frompoints.smoothing_spline(data.seen, data.seen.times_h)
    missed = np.square((at_points - data.seen.activity) / NOISE_SD).mean(1)
    assert missed.max() < 1.01  # 1, or less where a straight cubic does better
    assert np.median(missed) > 0.3
    line = replace(data.seen, y0=np.zeros_like(data.seen.y0), activity=data.seen.activity * 0.0)
    line = replace(line, activity=line.activity + 0.1 * np.log1p(line.times_h)[None, :, None])
    found = frompoints.smoothing_spline(line, data.combine.times_h)
    expected = np.broadcast_to(0.1 * np.log1p(data.combine.times_h)[None, :, None], found.shape)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_mean_of_the_points_is_flat(data):
    found = frompoints.mean_of_points(data.seen, data.combine.times_h)
    np.testing.assert_allclose(found[3, 17], data.seen.activity[3].mean(0))


def test_bad_points_are_refused(data):
    with pytest.raises(ExperimentError, match="from 2 points and the rest state; allowed: three points or more"):
        frompoints.smoothing_spline(data.seen.at([0, 5]), np.ones(1))
    with pytest.raises(ExperimentError, match=r"noise_sd is 0\.0, gaps: False; allowed: > 0, no gaps"):
        frompoints.smoothing_spline(data.seen, np.ones(1), 0.0)
    gap = data.seen.activity.copy()
    gap[0, 0, 0] = np.nan
    with pytest.raises(ExperimentError, match="gaps: True"):
        frompoints.smoothing_spline(replace(data.seen, activity=gap), np.ones(1))
    with pytest.raises(ModelError, match=r"no model 'pchp' of points alone \(did you mean 'pchip'\?\)"):
        runs.models("reconstruct_k8", ["pchp"])


def test_a_row_holds_the_error_of_every_condition(data, tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    monkeypatch.setattr(frompoints, "question", lambda seed, k: data)
    runs.run(["reconstruct_k8"], ["pchip", "mean_of_points"], [0], report=lambda line: None)
    pchip, mean = (row["values"] for row in runs.rows("reconstruct_k8"))
    assert pchip["A/mse_all"] < 0.1 * mean["A/mse_all"]
    assert len(pchip["A/by_condition"]) == len(data.combine)
    assert np.mean(pchip["A/by_condition"]) == pytest.approx(pchip["A/mse_all"], rel=1e-3)


def test_the_points_are_those_of_the_models_beside():
    ours, theirs = frompoints.question(3, 4), runs.setting("k4", 3)
    assert np.array_equal(ours.seen.activity, theirs.seen.activity)
    assert {name: runs.SETTINGS[beside] for name, beside in frompoints.BESIDE.items()} == frompoints.SETTINGS
