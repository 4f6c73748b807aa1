"""A form chosen by held-out training experiments: what it sees, what it picks, what it refuses."""

import numpy as np
import pytest

from hmlm_lib.errors import ModelError
from hmlm_lib.evaluation import benchmark, registry
from hmlm_lib.evaluation.chosen import HELD, Chosen
from hmlm_lib.experiments import Experiments
from hmlm_lib.network import load_network


class Level:
    """Says one number everywhere; `seen`: the experiments of every fit, shared by copies."""

    n_parameters = 1

    def __init__(self, level, seen):
        self.level, self.seen = level, seen

    def __deepcopy__(self, _):
        return Level(self.level, self.seen)

    def fit(self, experiments):
        self.seen.append(experiments.names)
        return self

    def predict(self, experiments, times_h=None):
        assert not experiments.measured.any()  # held out means that nothing of it is told
        return np.full(experiments.activity.shape, self.level)


@pytest.fixture
def experiments():
    network = load_network("fibroblast-core")
    count, species = 10, len(network.species_names)
    flat = np.zeros((count, species))
    activity = np.full((count, 2, species), 0.5)
    activity[:, 1, 0] = np.nan  # gaps count for nothing
    names = tuple(f"c{i}" for i in range(count))
    return Experiments(network, names, flat, flat + 1, flat, np.array([1.0, 2.0]), activity)


def test_the_form_that_forecasts_held_out_experiments_is_trained_on_all(experiments):
    seen = []
    chosen = Chosen({"far": Level(0.1, seen), "near": Level(0.4, seen)}, seed=3).fit(experiments)
    assert chosen.form == "near"
    assert chosen.errors == pytest.approx({"far": 0.16, "near": 0.01})
    first, second, last = seen
    assert first == second
    assert len(first) == len(experiments) - round(HELD * len(experiments))
    assert last == experiments.names
    assert (chosen.predict(experiments.without()) == 0.4).all()
    again = []
    Chosen({"far": Level(0.1, again)}, seed=3).fit(experiments)
    Chosen({"far": Level(0.1, again)}, seed=4).fit(experiments)
    assert again[0] == first
    assert again[2] != first


def test_one_experiment_chooses_nothing(experiments):
    with pytest.raises(ModelError, match="1 experiment to choose a form by; allowed: two or more"):
        Chosen({"near": Level(0.4, [])}).fit(experiments.take([0]))


def test_effort_shortens_every_form_and_both_forms_of_hmlm_are_there():
    b = benchmark.setting("k8", 0)
    forms = registry.make("hmlm_chosen", b, 0, effort=0.1).candidates
    assert forms["whole"].config.hierarchy
    assert not forms["flat"].config.hierarchy
    whole = registry.make("hmlm", b, 0, effort=0.1)
    assert {form.schedule for form in forms.values()} == {whole.schedule}
    settings = registry.make("lembas_chosen", b, 0, effort=0.1).candidates.values()
    assert [model.schedule.steps for model in settings] == [40, 80, 80, 80]


def test_its_rows_are_in_the_record_but_not_among_all():
    assert {"hmlm_chosen", "lembas_chosen"} <= benchmark.codes("k8").keys()
    assert benchmark.models("k8", ["chosen"]) == ["hmlm_chosen", "lembas_chosen"]
    assert not set(benchmark.models("k8")) & set(registry.CHOSEN)
    assert benchmark.models("newcell_k8", ["chosen"]) == []
