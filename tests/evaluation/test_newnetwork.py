"""Task E: networks that are drawn, and the table of models on one never seen."""

import networkx as nx
import numpy as np
import pytest

from hmlm_lib.errors import ExperimentError, ModelError, NetworkError
from hmlm_lib.evaluation import newnetwork
from hmlm_lib.evaluation.networks import AND_FRACTION, Others, drawn_network, experiments_on, others
from hmlm_lib.evaluation.newnetwork import run_one
from hmlm_lib.evaluation.scarce import ENOUGH
from hmlm_lib.evaluation.shots import K, shown, typical
from hmlm_lib.network import load_network
from hmlm_lib.training import Training


@pytest.mark.parametrize("seed", range(5))
def test_every_species_of_a_drawn_network_is_reached_from_an_input(seed):
    network = drawn_network(40, seed)
    graph = nx.DiGraph(list(network.edges[["source", "target"]].itertuples(index=False, name=None)))
    reached = set(network.input_species).union(*(nx.descendants(graph, i) for i in network.input_species if i in graph))
    assert reached == set(network.species_names)
    assert len(network.input_species) == 4


def test_drawn_networks_have_the_statistics_of_the_published_one_and_depend_on_the_seed():
    many = [drawn_network(50, seed).summary() for seed in range(20)]
    total = {name: sum(m[name] for m in many) for name in many[0]}
    acting = total["reactions"] - total["inputs"]
    assert total["and_gates"] / acting == pytest.approx(AND_FRACTION, abs=0.04)
    assert total["inhibiting"] / total["signed_edges"] == pytest.approx(0.15, abs=0.03)
    assert np.mean([m["largest_scc"] for m in many]) > 10
    again, other = drawn_network(50, 0), drawn_network(50, 1)
    assert list(drawn_network(50, 0).reactions["rule"]) == list(again.reactions["rule"])
    assert list(other.reactions["rule"]) != list(again.reactions["rule"])
    with pytest.raises(NetworkError, match="allowed: 10 or more"):
        drawn_network(9, 0)


def test_experiments_on_other_networks_are_noisy_and_half_of_them_have_a_knock_out():
    _, one = experiments_on([drawn_network(12, 4), drawn_network(20, 3)], 3, "hill", 6)
    assert one.activity.shape == (6, K, 20)
    assert (one.factor == 0).sum(1).tolist() == [1, 1, 1, 0, 0, 0]
    assert not one.factor[:, one.network.arrays.has_input].min() < 1  # inputs stay
    names = [e.network.name for seed in (0, 1) for e in others(seed, "hill", Others(2, 12, 2))]
    assert len(set(names)) == 4


def test_what_is_shown_grows_by_the_same_experiments():
    b = newnetwork.asked("newnetwork_k8", 100)
    few, more = shown(b, 2), shown(b, 5)
    assert shown(b, 0) is None
    assert more.names[:2] == few.names


def test_typical_kinetics_are_the_means_of_what_worlds_draw():
    network = load_network("fibroblast-core")
    found = typical(network).arrays
    assert (found.n == 1.75).all()
    assert (found.ec50 == 0.49).all()
    np.testing.assert_allclose(found.w, 0.925 * network.arrays.w)
    np.testing.assert_array_equal(found.input_level, network.arrays.input_level)


def test_a_row_has_scores_where_a_model_can_say_something():
    still = run_one("newnetwork_k8", "persistence", 100)["values"]
    assert still["N/mse_0"] == still["N/mse_16"] > 0.1
    assert still["N/effect_r_0"] == 0
    mean = run_one("newnetwork_k8", "mean", 100)["values"]
    assert "N/mse_0" not in mean
    assert mean["N/mse_16"] < mean["N/mse_1"] < still["N/mse_0"]


def test_a_model_that_learned_elsewhere_is_scored_with_and_without_experiments(monkeypatch):
    tiny = Training(steps=2, learning_rate=0.01)
    monkeypatch.setattr(newnetwork, "PRETRAINING", tiny)
    monkeypatch.setattr(newnetwork, "LEARNING", tiny)
    monkeypatch.setattr(newnetwork, "SHOTS", (0, 1))
    values = run_one("newnetwork_k8", "hmlm_pretrained", 100, Others(2, 12, 4))["values"]
    assert values["N/mse_0"] < 0.05
    assert values["N/mse_1"] != values["N/mse_0"]
    assert values["parameters"] > 1000


@pytest.mark.parametrize("start", [newnetwork.anew, newnetwork.equations])
def test_few_experiments_get_the_short_schedule_of_what_learned_nowhere_else(start, monkeypatch):
    monkeypatch.setattr(newnetwork, "LEARNING", Training(steps=0, learning_rate=0.01))
    b = newnetwork.asked("newnetwork_k8", 100)
    fit = start(Training(steps=1, learning_rate=0.5))
    one, other, many = (fit(b.train.network, shown(b, count)).predict(b.wild.without()) for count in (1, 3, ENOUGH))
    np.testing.assert_array_equal(one, other)
    assert np.abs(many - one).max() > 1e-3


def test_models_are_compared_side_by_side():
    b, tiny = newnetwork.asked("newnetwork_k8", 100), Training(steps=2, learning_rate=0.01)
    mean = newnetwork.entry("mean").prepare("hill", 0, Others())
    fits = {"still": newnetwork.still, "mean": mean, "hmlm": newnetwork.anew(tiny), "hill": newnetwork.equations(tiny)}
    found = newnetwork.compared(fits, b, (0, 2)).set_index(["model", "count"])
    assert ("mean", 0) not in found.index
    assert len(found) == 7
    assert found.loc[("hill", 0), "mse"] < found.loc[("hmlm", 0), "mse"] < found.loc[("still", 0), "mse"]


def test_unknown_names_are_refused():
    with pytest.raises(ExperimentError, match=r"no setting 'newnetwork'"):
        run_one("newnetwork", "mean", 0)
    with pytest.raises(ModelError, match=r"no model 'ridgee' of new networks \(did you mean 'ridge'\?\)"):
        newnetwork.entry("ridgee")
