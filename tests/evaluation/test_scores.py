"""Scores, reconstruction, choice of times, result rows."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.baselines.trivial import Persistence
from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation import benchmark as runs
from hmlm_lib.evaluation import design, rows
from hmlm_lib.evaluation.reconstruct import correct, interpolate, kernel
from hmlm_lib.evaluation.score import correlation, effect_scores, mse, trajectory_scores
from hmlm_lib.evaluation.tasks import Size, benchmark

SIZE = Size(3, 4, 0, 3, 6, 3)


@pytest.fixture(scope="module")
def data():
    return benchmark(0, 5, size=SIZE)


def test_scores_of_the_truth_and_of_no_change(data):
    truth = data.combine
    perfect = trajectory_scores(truth.activity, truth)
    assert perfect["mse_all"] == 0
    assert perfect["mse_markers"] == 0
    assert perfect["r_change"] == pytest.approx(1)
    still = np.repeat(truth.y0[:, None], 50, axis=1)
    assert trajectory_scores(still, truth)["r_change"] == 0
    assert mse(still, truth.activity) == pytest.approx(np.mean((truth.activity - still) ** 2))


class Cheat:
    """Says what it finds in `activity`, and rest where nothing was measured."""

    n_parameters = 0

    def fit(self, experiments):
        return self

    def predict(self, experiments, times_h=None):
        return np.where(experiments.measured, experiments.activity, experiments.y0[:, None])


def test_the_truth_is_not_shown_to_a_model(data):
    found, still = (runs.score(model, data) for model in (Cheat(), Persistence()))
    assert found.keys() == still.keys()
    assert all(found[measure] == pytest.approx(still[measure]) for measure in still)
    assert found["B/mse_all"] > 0.1
    assert found["C/effect_r"] == 0


def test_effect_is_against_the_same_stimuli(data):
    found = effect_scores(data.knockout.activity + 0.3, data.wild.activity + 0.3, data.knockout, data.wild)
    assert [found["effect_mse"], found["rest_effect_mse"]] == pytest.approx([0, 0], abs=1e-12)
    assert [found["effect_r"], found["rest_effect_r"]] == pytest.approx([1, 1])


def test_what_silences_the_knocked_out_species_alone_knows_nothing_of_the_rest(data):
    only = data.wild.activity * data.knockout.factor[:, None]
    found = effect_scores(only, data.wild.activity, data.knockout, data.wild)
    assert found["effect_r"] > 0.3
    assert found["rest_effect_r"] == 0
    true = data.knockout.activity - data.wild.activity
    rest = np.repeat(data.knockout.factor[:, None] == 1, true.shape[1], axis=1)
    assert found["rest_effect_mse"] == pytest.approx(np.mean(true[rest] ** 2))


def test_pchip_stays_beyond_its_last_point(data):
    late = interpolate(data.seen, np.array([60.0, 90.0, 500.0]), "pchip")
    assert np.array_equal(late[:, 1:], np.repeat(late[:, :1], 2, axis=1))


@pytest.mark.parametrize("given", [{"k": 2.5}, {"noise_sd": -1}, {"flipped": -0.5}, {"missing": 2.0}])
def test_a_benchmark_that_cannot_be_drawn_is_refused(given):
    with pytest.raises(ExperimentError, match=f"{next(iter(given))} (is|=) .*allowed: "):
        benchmark(0, **({"k": 4} | given))


def test_no_count_is_negative():
    with pytest.raises(ExperimentError, match="singles is -1; allowed: a whole number, 0 or more"):
        Size(singles=-1)


def test_correlation_is_pearsons():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    assert correlation(a, b) == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_the_correction_is_the_posterior_mean_of_a_gaussian_process(data):
    """One species, one amplitude: the same numbers by the textbook formula with the value at t = 0 as a datum."""
    seen = data.seen
    zero = np.zeros_like(seen.activity)
    found = correct(seen, zero, np.zeros_like(data.combine.activity), data.combine.times_h, 0.03)
    late = np.append(0.0, seen.times_h)
    target = np.concatenate([np.zeros((6, 1, 109)), seen.activity], axis=1)
    errors = []
    for length in (0.15, 0.25, 0.4, 0.6, 0.9, 1.4, 2.2):
        for amplitude in np.concatenate([[1e-6], np.geomspace(1e-4, 1.0, 17)]):
            noise = np.diag([1e-10] + [0.03**2] * len(seen.times_h))
            gain = amplitude * kernel(data.combine.times_h, late, length)
            gain = gain @ np.linalg.inv(amplitude * kernel(late, late, length) + noise)
            errors.append(np.abs(np.einsum("tk,cks->cts", gain, target) - found).max((0, 1)))
    assert np.min(errors, axis=0).max() < 1e-4  # every species has the solution of one length and amplitude


def test_a_good_forecast_is_left_alone_and_a_bad_one_mended(data):
    good = correct(data.seen, at(data, data.seen.times_h), data.combine.activity, data.combine.times_h, 0.03)
    assert mse(good, data.combine.activity) < 1e-4
    still = lambda times: np.repeat(data.combine.y0[:, None], len(times), axis=1)  # noqa: E731
    mended = correct(data.seen, still(data.seen.times_h), still(data.combine.times_h), data.combine.times_h, 0.03)
    assert mse(mended, data.combine.activity) < 0.02 * mse(still(data.combine.times_h), data.combine.activity)


def at(data, times):
    e = data.combine
    return data.world.simulate(e.stimulus, e.factor, e.y0, times)


@pytest.mark.parametrize("kind", ["linear", "log_linear", "pchip"])
def test_interpolation_passes_its_points(data, kind):
    found = interpolate(data.seen, data.seen.times_h, kind)
    assert np.allclose(found, data.seen.activity)
    assert np.allclose(interpolate(data.seen, np.zeros(1), kind)[:, 0], data.seen.y0)


def test_reconstruction_refuses_what_it_cannot_read(data):
    gap = data.seen.activity.copy()
    gap[0, 0, 0] = np.nan
    with pytest.raises(ExperimentError, match="every species at every time"):
        interpolate(replace(data.seen, activity=gap), np.ones(1), "linear")
    with pytest.raises(ExperimentError, match="kind is 'cubic'"):
        interpolate(data.seen, np.ones(1), "cubic")
    with pytest.raises(ExperimentError, match="noise_sd is 0"):
        correct(data.seen, data.seen.activity, data.combine.activity, data.combine.times_h, 0)


def test_left_variance_is_that_of_draws():
    """Eq. (1) of design.py against the variance of simulated Gaussian processes."""
    rng = np.random.default_rng(0)
    times, asked, length, amplitude, noise = np.array([2.0, 20.0]), np.array([1.0, 5.0, 50.0]), 0.9, 0.5, 0.1
    every = np.concatenate([[0.0], times, asked])
    cov = amplitude * kernel(every, every, length)
    given = cov[1:, 1:] - np.outer(cov[1:, 0], cov[0, 1:]) / cov[0, 0]
    draws = rng.multivariate_normal(np.zeros(5), given, 40000)
    seen = draws[:, :2] + noise * rng.standard_normal((40000, 2))
    gain = given[2:, :2] @ np.linalg.inv(given[:2, :2] + noise**2 * np.eye(2))
    left = np.var(draws[:, 2:] - seen @ gain.T, axis=0).mean() / amplitude
    assert design.left_variance(times, asked, length, amplitude, noise) == pytest.approx(left, rel=0.05)


def test_best_times_are_ranked():
    ranking = design.best_times(np.array([1.0, 5.0, 20.0, 60.0]), 2, np.linspace(0, 60, 20), 0.9, 0.05, 0.03)
    assert len(ranking) == 6
    assert ranking["variance"].is_monotonic_increasing


@pytest.mark.parametrize("k", [0, -1, 4])
def test_no_more_times_are_chosen_than_there_are(k):
    with pytest.raises(ExperimentError, match=f"k is {k} with 3 candidate times; allowed: 1 to their number"):
        design.best_times(np.array([1.0, 5.0, 20.0]), k, np.ones(1), 0.9, 0.05, 0.03)
    with pytest.raises(ExperimentError, match="no time is asked about"):
        design.best_times(np.array([1.0, 5.0, 20.0]), 1, np.empty(0), 0.9, 0.05, 0.03)


@pytest.fixture
def rows_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    return tmp_path


def test_runs_are_kept_resumed_and_dropped_with_their_code(rows_folder, monkeypatch, data):
    monkeypatch.setattr(runs, "setting", lambda name, seed: data)
    said = []
    runs.run(["k8"], ["persistence", "mean"], [0, 1], said.append)
    runs.run(["k8"], ["persistence", "mean"], [0, 1], said.append)
    assert len(said) == 4
    found = runs.rows("k8")
    assert len(found) == 4
    table = rows.as_table(found, ["B/mse_all"])
    assert table.loc["mean", ("B/mse_all", "n")] == 2
    lines = (rows_folder / "k8.jsonl").read_text().splitlines()
    stale = rows.as_line(found[0] | {"code": "0" * 16}).decode().strip()
    (rows_folder / "k8.jsonl").write_text("\n".join([stale, *lines[1:], '{"half a li']) + "\n")
    assert len(runs.rows("k8")) == 3
    assert len(rows.as_table([], ["B/mse_all"])) == 0


def test_the_hash_follows_code_and_not_comments(tmp_path, monkeypatch):
    (tmp_path / "hmlm_lib").mkdir()
    path = tmp_path / "hmlm_lib" / "thing.py"
    monkeypatch.setattr(rows, "ROOT", tmp_path)

    def fingerprint(text):
        path.write_text(text)
        rows.code_hash.cache_clear()
        return rows.code_hash(("thing",))

    base = fingerprint('"""Doc."""\n\ndef f(x):\n    """Old."""\n    return x + 1\n')
    assert fingerprint('"""Other."""\n\n# why\ndef f(x):\n    """New."""\n    return x + 1\n') == base
    assert fingerprint("def f(x):\n    return x + 2\n") != base
    rows.code_hash.cache_clear()


def test_an_unknown_setting_is_named():
    with pytest.raises(ExperimentError, match=r"no setting 'missing_k8' \(did you mean 'missing15_k8'\?\)"):
        runs.setting("missing_k8", 0)
