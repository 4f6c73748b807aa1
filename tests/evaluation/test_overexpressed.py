"""Over-expressions: what is asked, what is true, and that models are scored on it without seeing it."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.baselines.trivial import Persistence
from hmlm_lib.dynamics.experiment import Condition, ymax_factors
from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.evaluation import benchmark, overexpressed, readme, registry, rows, summary
from hmlm_lib.evaluation.tasks import Size
from hmlm_lib.evaluation.tasks import benchmark as drawn
from hmlm_lib.network import SignalingNetwork

NAME = "overexpressed_k8"
RULES = ["=> a", "=> b", "=> c", "a => r", "b => s", "r & !s => k", "r => g", "k => h", "s & k => m"]
SIZE = Size(singles=4, pairs=6, triples=0, knockouts=2, test=3, test_knockouts=4)


@pytest.fixture(scope="module")
def small():
    return drawn(0, 8, size=SIZE, network=SignalingNetwork.from_rules("small", RULES, tau={"h": 5.0}))


@pytest.fixture(scope="module")
def asked(small):
    return overexpressed.overexpressed(small.world, small.knockout)


def test_the_species_of_task_c_are_doubled_under_its_stimuli(small, asked):
    gone, more = small.knockout.factor == 0, asked.factor == overexpressed.FACTOR
    assert np.array_equal(gone, more)
    assert (asked.factor[~more] == 1).all()
    assert np.array_equal(asked.stimulus, small.wild.stimulus)
    species = small.world.arrays.species_names[int(np.flatnonzero(more[0])[0])]
    assert asked.names[0] == f"test over-expression 0, {species} ymax x 2"
    condition = Condition("more", overexpress={species: 2.0})
    assert np.array_equal(ymax_factors(small.world.network, condition), asked.factor[0])


def test_a_doubled_species_follows_twice_its_drive(small, asked):
    """By 60 h: g has no effect on its regulators, and none on any other species."""
    names = small.world.arrays.species_names
    one = asked.take([0])
    factor = np.ones_like(one.factor)
    factor[0, names.index("g")] = 2.0
    end, calm = (
        small.world.simulate(one.stimulus, f, one.y0, np.array([60.0]))[0, 0] for f in (factor, np.ones_like(factor))
    )
    assert end[names.index("g")] == pytest.approx(2 * calm[names.index("g")], rel=1e-3)
    others = [i for i, name in enumerate(names) if name != "g"]
    assert np.allclose(end[others], calm[others], atol=1e-4)


def test_the_worlds_and_training_are_those_of_task_c():
    b, asked = overexpressed.question(NAME, 100)
    same = benchmark.setting("k8", 100)
    assert np.array_equal(b.train.activity, same.train.activity)
    assert np.array_equal(asked.stimulus, same.knockout.stimulus)
    assert asked.activity.max() > 1.2


class Doubling:
    """The truth without over-expression, times the factor: nothing downstream."""

    def __init__(self, world):
        self.world = world

    def predict(self, e, times_h=None):
        return self.world.simulate(e.stimulus, np.ones_like(e.factor), e.y0, e.times_h) * e.factor[:, None]


class Cheat:
    """Says what it finds in `activity`, and rest where nothing was measured."""

    def predict(self, e, times_h=None):
        return np.where(e.measured, e.activity, e.y0[:, None])


def test_scores_of_no_change_of_a_cheat_and_of_the_truth(small, asked):
    still, cheat = (overexpressed.score(model, asked, small.wild) for model in (Persistence(), Cheat()))
    assert still["O/effect_r"] == cheat["O/effect_r"] == 0
    true = asked.activity - small.wild.activity
    assert still["O/effect_mse"] == cheat["O/effect_mse"] == pytest.approx(np.square(true).mean())
    assert still["O/by_condition"] == pytest.approx(np.square(true).mean((1, 2)), rel=1e-3)
    exact = overexpressed.score(registry.make("oracle", small, 0), asked, small.wild)
    assert exact["O/mse_all"] < 1e-20
    assert exact["O/rest_effect_r"] == pytest.approx(1)


def test_doubling_the_species_alone_says_nothing_of_the_rest(small, asked):
    found = overexpressed.score(Doubling(small.world), asked, small.wild)
    assert found["O/effect_r"] > 0.5
    assert found["O/rest_effect_r"] == 0
    touched = replace(asked, activity=np.where((asked.factor != 1)[:, None], 0.0, asked.activity))
    again = overexpressed.score(Doubling(small.world), touched, small.wild)
    assert again["O/rest_effect_mse"] == found["O/rest_effect_mse"]
    assert again["O/effect_mse"] != found["O/effect_mse"]


@pytest.mark.parametrize("name", list(overexpressed.MODELS))
def test_every_model_of_the_registry_reads_a_factor_above_one(name, small, asked):
    found = registry.make(name, small, 0, effort=0.02).fit(small.train).predict(asked.without())
    assert np.isfinite(found).all()
    assert np.allclose(found[:, 0], asked.y0, atol=1e-5)


def test_a_row_rests_on_this_file_too(small, asked, monkeypatch):
    monkeypatch.setattr(overexpressed, "question", lambda name, seed: (small, asked))
    row = benchmark.run_one(NAME, "ridge", 0)
    assert row["values"].keys() >= set(summary.measures(NAME)) | {"O/by_condition", "seconds", "parameters"}
    assert row["code"] == benchmark.code(NAME, "ridge") != benchmark.code("k8", "ridge")
    assert list(overexpressed.MODELS) == list(registry.MODELS)


def test_the_tables_hold_its_rows_and_compare_condition_by_condition(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    for model, error, r in (("hmlm", 0.001, 0.9), ("gru", 0.004, 0.1)):
        values = dict.fromkeys(summary.measures(NAME), error) | {"O/rest_effect_r": r, "O/by_condition": [error] * 12}
        rows.add_row(NAME, rows.make_row(NAME, model, 0, values) | {"code": benchmark.code(NAME, model)})
    assert summary.paired(NAME).loc["gru", ["conditions", "better"]].tolist() == [12, 1.0]
    lines = summary.full().splitlines()
    assert "| gru | 0.00400 | 0.004 | 0.00400 | 0.100 | 0.00400 | 1 |" in lines
    assert "HMLM against each, condition by condition (O):" in lines
    assert "| C, r, over-expression, on the other species | 0.900 | 0.100 (gru) | - |" in readme.simulated()


def test_unknown_names_are_refused():
    with pytest.raises(ExperimentError, match=r"no setting 'overexpressed_k4' \(did you mean 'overexpressed_k8'\?\)"):
        overexpressed.question("overexpressed_k4", 0)
    with pytest.raises(ModelError, match=r"no model 'ridgee' of over-expressions \(did you mean 'ridge'\?\)"):
        overexpressed.entry("ridgee")
