"""Scores over seeds, harder data, and times planned before measuring."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation import benchmark, hard, planned, seeds, tasks
from hmlm_lib.evaluation.rows import as_table
from hmlm_lib.evaluation.tasks import SCORED
from hmlm_lib.figures import fig_correlation, fig_model_comparison, fig_reconstruction, fig_times

NAMES = ("mean", "ridge")


@pytest.fixture(scope="module", autouse=True)
def small():
    """Worlds with few experiments."""
    draw = partial(tasks.benchmark, size=tasks.Size(5, 8, 4, 6, 6, 3))
    with pytest.MonkeyPatch.context() as patch:
        for module in (seeds, hard):
            patch.setattr(module, "draw", draw)
        seeds.DRAWN.clear()
        yield
    seeds.DRAWN.clear()


@pytest.fixture(scope="module")
def table(small):
    return seeds.scores(NAMES, (4, 8), (0, 1))


def test_a_line_a_model_number_of_points_and_seed(table):
    keys = list(table[["model", "k", "seed"]].itertuples(index=False, name=None))
    assert keys == [(name, k, seed) for k in (4, 8) for name in NAMES for seed in (0, 1)]
    b = seeds.experiments(4, 1)
    alone = benchmark.score(benchmark.fit("ridge", b, 1), b)
    row = table.set_index(["model", "k", "seed"]).loc[("ridge", 4, 1)]
    assert row.to_dict() == pytest.approx({k: v for k, v in alone.items() if k != "B/by_condition"})


def test_what_is_known_is_not_computed_again(table, monkeypatch):
    jobs = []
    monkeypatch.setattr(seeds, "side_by_side", lambda run, wanted: [jobs.extend(wanted), []][1])
    again = seeds.scores(["ridge"], (8,), (1, 0), known=table)
    assert jobs == []
    assert again["seed"].tolist() == [1, 0]
    assert again.loc[0, "B/mse_all"] == table.set_index(["model", "k", "seed"]).loc[("ridge", 8, 1), "B/mse_all"]


def test_mean_and_sd_over_seeds(table):
    rows = table[table["k"] == 8]
    spread = seeds.spread(rows, ["B/mse_all"])
    values = rows[rows["model"] == "mean"]["B/mse_all"]
    assert list(spread.index) == list(NAMES)
    assert spread.loc["mean", ("B/mse_all", "sd")] == pytest.approx(np.std(values, ddof=1))
    text = seeds.shown(spread, 4).loc["mean", "B/mse_all"]
    assert text == f"{values.mean():.4f} ± {values.std():.4f}"
    one = seeds.shown(seeds.spread(rows[rows["seed"] == 0], ["B/mse_all"]), 4)
    assert one.loc["mean", "B/mse_all"] == f"{values.iloc[0]:.4f}"
    points = seeds.by_points(table, "B/mse_all", 4)
    assert points.loc["mean", 8] == text
    assert list(points.columns) == [4, 8]


def test_fitted_side_by_side_is_the_same_as_one_after_the_other():
    names = ("ridge", "mlp")
    found = seeds.fit(names, 4, (0, 1), effort=0.02)
    assert tuple(found) == (("ridge", 4, 0), ("mlp", 4, 0), ("ridge", 4, 1), ("mlp", 4, 1))
    for (name, k, seed), model in found.items():
        b = seeds.experiments(k, seed)
        alone = benchmark.fit(name, b, seed, effort=0.02)
        assert np.array_equal(model.predict(b.combine), alone.predict(b.combine))
    scored = seeds.score_fitted(found)
    assert (scored["parameters"] > 0).all()
    for row, ((name, k, seed), model) in zip(scored.itertuples(), found.items(), strict=True):
        alone = benchmark.score(model, seeds.experiments(k, seed))
        assert (row.model, scored.loc[row.Index, "B/mse_all"]) == (name, pytest.approx(alone["B/mse_all"]))
    r = seeds.by_condition(found, ["mlp"])
    assert set(r["condition"]) == {"TGF-beta", "strain", "combined"}
    assert r.groupby("seed").size().to_dict() == {0: 3, 1: 3}
    drawn = fig_correlation(r).axes[0]
    assert sum(len(one.get_segments()) for one in drawn.collections) == 3  # an error bar a condition
    assert not fig_correlation(r[r["seed"] == 0]).axes[0].collections


def test_experiments_drawn_side_by_side_are_those_drawn_alone():
    seeds.DRAWN.clear()
    seeds.draw_all([(3, 1), (4, 0), (3, 1)])
    assert set(seeds.DRAWN) == {(3, 1), (4, 0)}
    for k, seed in ((3, 1), (4, 0)):
        alone = seeds.draw(seed, k)
        assert np.array_equal(seeds.experiments(k, seed).train.activity, alone.train.activity)
        assert np.array_equal(seeds.experiments(k, seed).combine.activity, alone.combine.activity)


def test_models_of_equal_error_keep_the_order_of_the_table():
    error = pd.DataFrame({"model": ["b", "a", "best", "c"], "values": [{"B/mse_all": v} for v in (0.2, 0.2, 0.1, 0.2)]})
    found = as_table(error.to_dict("records"), ["B/mse_all"]).reindex(["b", "a", "best", "c"])
    found.loc["a", ("B/mse_all", "mean")] *= 1 + 1e-12
    labels = [text.get_text() for text in fig_model_comparison(found, {"B/mse_all": "B"}).axes[0].get_yticklabels()]
    assert labels[::-1] == ["best", "b", "a", "c"]


def test_a_caption_names_the_seeds():
    assert seeds.said(range(3, 4)) == "seed 3"
    assert seeds.said(range(5)) == "mean and sd of seeds 0 to 4"
    with pytest.raises(ExperimentError, match="no seed; allowed: one or more"):
        seeds.said(range(0))


def test_curves_need_no_model(table):
    curves = seeds.interpolated((4, 8), (0, 1))
    wide = curves.pivot_table(index="model", columns="k", values="A/mse_all")
    assert (wide[8] < wide[4]).all()
    both = curves.rename(columns={"A/mse_all": "mse"})
    assert fig_reconstruction(both, 0.03).axes[0].collections  # bars
    assert not fig_reconstruction(both[both["seed"] == 0], 0.03).axes[0].collections


def test_few_species_are_measured_and_the_rest_state_stays():
    b = seeds.experiments(8, 0)
    part = hard.few(b, 30, 0)
    seen = ~np.isnan(part.benchmark.train.activity)
    assert seen[:, :, part.measured].all()
    assert not seen[:, :, part.hidden].any()
    assert np.array_equal(part.benchmark.train.y0, b.train.y0)
    assert sorted([*part.measured, *part.hidden]) == list(range(109))
    with pytest.raises(ExperimentError, match="109 species measured; allowed: 1 to 108"):
        hard.few(b, 109, 0)


def test_dirtier_and_fewer_measurements_are_scored_for_every_seed():
    found = hard.errors((0, 1), effort=0.01, count=20)
    wide = found.pivot_table(index="what", columns="seed", values="mse")
    assert set(wide.index) == {
        "noise 0.1", "20 measured: these", "20 measured: the other 89", "the other 89, persistence",
    }  # fmt: skip
    for seed in (0, 1):
        b, part = seeds.experiments(8, seed), hard.few(seeds.experiments(8, seed), 20, seed)
        still = np.square(b.combine.y0[:, None] - b.combine.activity)[:, :, part.hidden].mean()
        assert wide.loc["the other 89, persistence", seed] == pytest.approx(still)
    assert (wide.loc["20 measured: the other 89"] < wide.loc["the other 89, persistence"]).all()


def test_the_plan_is_made_from_training_and_holds_in_the_test():
    found = planned.outcomes((0, 1))
    error = found.pivot_table(index="choice", columns="seed", values="mse")
    assert (error.loc["best"] < error.loc["worst"]).all()
    assert planned.tested((30.0, 60.0), 0) > planned.tested((1.0, 8.0, 30.0, 60.0), 0)
    ranking = planned.plan(0).ranking
    assert ranking["variance"].is_monotonic_increasing
    times = planned.choices(ranking, 0)
    assert times["best"] == ranking["times_h"].iloc[0]
    assert times["log"][-1] == SCORED[-1]
    fig = fig_times(times, found)
    assert next(text.get_text() for text in fig.axes[1].texts) == f" {error.loc['best'].mean():.5f}"
