"""Input of an odd kind: times as parameters, seeds of NumPy, text in place of lists; one error of our own each."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hmlm_lib.chmr.graphs import Graphs
from hmlm_lib.chmr.molecules import fingerprints
from hmlm_lib.composition.classical import OneHot, PositionTables
from hmlm_lib.composition.fit import auroc
from hmlm_lib.composition.pairs import Pairs
from hmlm_lib.composition.residues import Vocabulary
from hmlm_lib.dynamics import Condition, Parameters, simulate
from hmlm_lib.errors import (
    ExperimentError,
    FeatureError,
    ModelError,
    MoleculeError,
    NetworkError,
    SequenceError,
    TableError,
    TrainingError,
)
from hmlm_lib.evaluation.worlds import draw_world
from hmlm_lib.experiments import Experiments
from hmlm_lib.features import temporal_features
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.interpret import cuts, explain, faithful, infer, recover
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.real import gp, literature
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.protocols import predicted, protocol
from hmlm_lib.training import Training

NET = SignalingNetwork.from_rules("toy", ["=> A", "A => B"])
ONE = [Condition("one", {"A": 0.5})]
REST = np.zeros((1, 2))
SEEDS = ["x", None, 1.5, -1, 2**70, True]


@pytest.mark.parametrize("tau", [pd.to_timedelta(["1h", "2h"]), np.array([1 + 1j, 2])])
def test_times_and_complex_numbers_are_no_parameters(tau):
    with pytest.raises(ExperimentError, match=r"(?s)parameter tau is .*; allowed: an array of numbers"):
        simulate(NET, ONE[0], [1.0], parameters=Parameters(tau=tau))
    with pytest.raises(NetworkError, match=r"tau is .*; allowed: a finite number"):
        SignalingNetwork("odd", NET.species.assign(tau=tau), NET.reactions)


def test_complex_times_are_refused():
    with pytest.raises(ExperimentError, match="times_h holds something that is not a number of hours"):
        Experiments.asked(NET, ONE, REST, np.array([1j, 2]))


@pytest.mark.parametrize("seed", SEEDS)
def test_seeds_that_are_none_are_refused_before_any_training(seed):
    with pytest.raises(TrainingError, match=r"seed .*; allowed: 0 to 4294967295, an integer"):
        Training(seed=seed)
    with pytest.raises(ModelError, match=r"seed .*; allowed: 0 to 4294967295, an integer"):
        HMLM.from_network(NET, seed=seed)


def test_integers_of_numpy_are_integers(tmp_path):
    known = Experiments.from_data_array(NET, ONE, REST, simulate(NET, ONE, [1.0, 5.0]))
    odd = Training(steps=np.int64(2), seed=np.int64(3), checkpoint=tmp_path / "a.safetensors", checkpoint_every=1)
    plain = Training(steps=2, seed=3)
    found = [HMLM.from_network(NET, seed=t.seed).fit(known, t).predict(known) for t in (odd, plain)]
    np.testing.assert_array_equal(*found)
    with pytest.raises(TrainingError, match=r"clip is nan; allowed: above 0"):
        Training(clip=float("nan"))


@pytest.mark.parametrize("level", ["high", 1j, None])
def test_a_level_that_is_no_number_is_named(level):
    with pytest.raises(
        ExperimentError, match=r"condition 'odd', stimulus A, level is .*; allowed: a number in \[0, 1\]"
    ):
        Experiments.asked(NET, [Condition("odd", {"A": level})], REST, [1.0])


def test_conditions_are_found_by_what_they_are_called():
    data = simulate(NET, [Condition("0"), Condition("1", {"A": 0.9})], [1.0, 5.0])
    numbered = data.assign_coords(condition=[0, 1])
    conditions = [Condition("1", {"A": 0.9}), Condition("0")]
    known = Experiments.from_data_array(NET, conditions, np.zeros((2, 2)), numbered)
    np.testing.assert_array_equal(known.activity, data.values[::-1])
    for other in (numbered.values, numbered.to_dataset(name="x"), "table"):
        with pytest.raises(ExperimentError, match="allowed: a DataArray of condition, time and species"):
            Experiments.from_data_array(NET, conditions, np.zeros((2, 2)), other)


@pytest.mark.parametrize("values", [np.zeros((1, 3, 2)), "text", np.full((1, 2, 2), "a")])
def test_values_of_another_shape_get_no_names(values):
    asked = Experiments.asked(NET, ONE, REST, [1.0, 2.0])
    with pytest.raises(ExperimentError, match=r"activities of shape .*; allowed: numbers of shape \(1, 2, 2\)"):
        asked.to_data_array(values)


def test_features_find_time_and_species_wherever_they_stand():
    course = simulate(NET, ONE, [0.0, 1.0, 3.0])
    there = temporal_features(course)
    turned = temporal_features(course.transpose("condition", "species", "time"))
    xr.testing.assert_allclose(there, turned.transpose(*there.dims))
    with pytest.raises(FeatureError, match="allowed: time and species among them"):
        temporal_features(course.rename(time="hour"))


def test_nothing_is_inferred_from_no_measurement():
    with pytest.raises(ModelError, match="without a measurement; allowed: at least one"):
        infer.samples(Experiments.asked(NET, ONE, REST, [1.0, 2.0]), np.ones(2))


@pytest.mark.parametrize("time_h", [-3.0, float("nan")])
def test_a_world_is_cut_at_a_time_that_is_one(time_h):
    with pytest.raises(ExperimentError, match=r"times_h\[0\] is .*; allowed: finite hours >= 0"):
        cuts.in_world(draw_world(NET, 0), Experiments.asked(NET, ONE, REST, [1.0]), time_h)


def test_faithfulness_is_asked_of_as_many_numbers():
    with pytest.raises(ModelError, match=r"\(3,\) said of \(4,\) pairs"):
        faithful.spearman(np.zeros(3), np.zeros(4))
    with pytest.raises(ModelError, match="an effect is no number"):
        faithful.precision(np.array([np.nan, 1.0]), np.ones(2), 1)
    with pytest.raises(ModelError, match="k is 0; allowed: a whole number, 1 or more"):
        faithful.precision(np.ones(2), np.ones(2), 0)


def test_a_change_that_is_no_number_is_no_answer():
    asked = pd.DataFrame({"stimulus": ["A"], "species": ["B"], "measured": ["Increase"]})
    with pytest.raises(TableError, match="predicted change of B under A is no number"):
        literature.classes(pd.DataFrame({"B": [np.nan]}, index=["A"]), asked)


def test_one_text_is_no_list_of_molecules():
    with pytest.raises(MoleculeError, match="one text, 'CCO'; allowed: a list of SMILES"):
        fingerprints("CCO")
    with pytest.raises(MoleculeError, match="one text, 'CC'; allowed: a list of SMILES"):
        Graphs.from_smiles("CC")
    with pytest.raises(SequenceError, match="one text, 'ACD'; allowed: a list of sequences"):
        Vocabulary().tokens("ACD")


@pytest.mark.parametrize("network", [None, "network.sif", NET.species])
def test_what_is_no_network_is_named(network):
    for call in (
        lambda: simulate(network, ONE, [1.0]),
        lambda: HMLM.from_network(network),
        lambda: draw_world(network, 0),
        lambda: Experiments.asked(network, ONE, REST, [1.0]),
    ):
        with pytest.raises(NetworkError, match=r"network is a .*; allowed: a SignalingNetwork .see read_network."):
            call()


def pairs(labels):
    return Pairs.of(["ACDEFGHI", "CDEFGHIK"] * 2, ["ACD"] * 4, labels)


def test_pairs_of_one_label_teach_and_score_nothing():
    some, none = pairs([0, 1, 1, 0]), pairs([0, 0, 0, 0])
    for model in (OneHot, PositionTables):
        with pytest.raises(SequenceError, match="train: 0 of 4 pairs bind; allowed: "):
            model().fit(none, some)
    with pytest.raises(SequenceError, match="valid: 0 of 4 pairs bind"):
        PositionTables().fit(some, none)
    with pytest.raises(SequenceError, match="pairs to score: 0 of 4 pairs bind"):
        auroc(none, np.zeros(4))


def test_explanations_are_asked_of_something():
    known = Experiments.from_data_array(NET, ONE, REST, simulate(NET, ONE, [1.0, 5.0]))
    for candidates, folds, said in (
        ((), 5, "no candidate time constant"),
        ((0.0,), 5, "a candidate time constant is 0.0; allowed: above 0, finite"),
        ((1.0,), 1, "folds is 1; allowed: a whole number, 2 or more"),
        ((1.0,), 2, "2 folds of 1 conditions"),
    ):
        with pytest.raises(ModelError, match=said):
            infer.common_tau(known, candidates, folds)
    with pytest.raises(ModelError, match="trees is 0"):
        infer.forest(infer.samples(known, np.ones(2)), trees=0)
    with pytest.raises(ModelError, match="steps is 0"):
        explain.integrated(HMLM.from_network(NET), known, 1.0, steps=0)
    with pytest.raises(ModelError, match="1 edges to plant among 0 pairs without one"):
        recover.with_planted(NET, 1.0, 0)


def courses(conditions):
    log2 = np.random.default_rng(0).normal(size=(conditions, 3, 2))
    names = ("a", "b", "c")[:conditions], ("drug",) * conditions
    return Courses("line", *names, np.array([0.0, 5.0, 30.0]), ("x", "y"), log2)


def test_courses_are_taken_by_places_that_exist():
    three = courses(3)
    assert len(three.take([])) == 0
    assert three.take([2, 0]).stimulus == ("c", "a")
    assert np.isnan(three.shown_at([0]).log2[:, 1:]).all()
    with pytest.raises(ExperimentError, match=r"conditions of line \[3\]; allowed: indices below 3"):
        three.take([3])
    with pytest.raises(ExperimentError, match=r"times \[7\]; allowed: indices below 3"):
        three.shown_at([7])


def test_a_process_that_was_shown_nothing_says_no_change():
    known, new = courses(3).shown_at([0]), courses(2).shown_at([0])
    np.testing.assert_allclose(gp.one_line(known, new), np.repeat(new.log2[:, :1], 3, 1))


def test_a_fold_leaves_something_to_learn_from():
    with pytest.raises(ExperimentError, match="line: a fold tests all 3 conditions, none is left to learn from"):
        predicted(gp.one_line, courses(3), (), protocol("inhibitor"), 0)
