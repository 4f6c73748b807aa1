"""The data type that every model reads: what it refuses, and how it is cut."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.dynamics import Condition, simulate
from hmlm_lib.errors import ExperimentError
from hmlm_lib.experiments import Experiments
from hmlm_lib.network import SignalingNetwork

NETWORK = SignalingNetwork.from_rules("toy", ["=> a", "a => b"])
CONDITIONS = [Condition("low", {"a": 0.2}), Condition("high", {"a": 0.9}), Condition("gone", {"a": 0.9}, knockout="b")]


@pytest.fixture
def experiments():
    data = simulate(NETWORK, CONDITIONS, [0.0, 1.0, 5.0], baseline_h=0.0)
    return Experiments.from_data_array(NETWORK, CONDITIONS, np.zeros((3, 2)), data)


def test_labels_become_rows(experiments):
    assert experiments.names == ("low", "high", "gone")
    assert experiments.stimulus[:, 0].tolist() == [0.2, 0.9, 0.9]
    assert experiments.factor[2].tolist() == [1.0, 0.0]
    assert experiments.wild_type.tolist() == [True, True, False]
    again = experiments.to_data_array()
    assert again.sel(condition="high", species="b").values.tolist() == experiments.activity[1, :, 1].tolist()


def test_cutting(experiments):
    assert experiments.take([2, 0]).names == ("gone", "low")
    assert experiments.take(experiments.wild_type).names == ("low", "high")
    assert experiments.at([0, 2]).times_h.tolist() == [0.0, 5.0]
    assert not experiments.without().measured.any()
    assert experiments.thin(2).times_h.tolist() == [0.0, 5.0]


def test_a_species_that_was_not_measured_is_nan():
    data = simulate(NETWORK, CONDITIONS, [0.0, 1.0], baseline_h=0.0).sel(species=["b"])
    found = Experiments.from_data_array(NETWORK, CONDITIONS, np.zeros((3, 2)), data)
    assert np.isnan(found.activity[:, :, 0]).all()
    assert found.measured[:, :, 1].all()


def test_what_is_refused(experiments):
    bad = experiments.y0.copy()
    bad[1, 1] = np.nan
    with pytest.raises(ExperimentError, match="y0 of b in condition 'high' is nan; allowed: a number in"):
        replace(experiments, y0=bad)
    infinite = experiments.activity.copy()
    infinite[0, 2, 1] = np.inf
    with pytest.raises(ExperimentError, match="activity of b in condition 'low' at 5 h is infinite"):
        replace(experiments, activity=infinite)
    with pytest.raises(ExperimentError, match=r"stimulus has shape \(3, 1\); allowed: \(3, 2\)"):
        replace(experiments, stimulus=experiments.stimulus[:, :1])
    with pytest.raises(ExperimentError, match="times must increase"):
        replace(experiments, times_h=np.array([0.0, 5.0, 1.0]))
    with pytest.raises(ExperimentError, match="k is 4, but there are 3 points; allowed: 1 to 3"):
        experiments.thin(4)


def test_labels_that_do_not_fit_are_named():
    data = simulate(NETWORK, CONDITIONS, [0.0, 1.0], baseline_h=0.0)
    with pytest.raises(ExperimentError, match="measurements: network 'toy' has no species 'c'"):
        Experiments.from_data_array(NETWORK, CONDITIONS, np.zeros((3, 2)), data.assign_coords(species=["a", "c"]))
    with pytest.raises(ExperimentError, match="measurements: condition 'gone' is missing"):
        Experiments.from_data_array(NETWORK, CONDITIONS, np.zeros((3, 2)), data.sel(condition=["low", "high"]))
    for twice in ({"species": ["a", "a"]}, {"condition": ["low", "low", "gone"]}):
        with pytest.raises(
            ExperimentError, match=r"measurements: (species 'a'|condition 'low') is there more than once"
        ):
            Experiments.from_data_array(NETWORK, CONDITIONS, np.zeros((3, 2)), data.assign_coords(twice))
    with pytest.raises(ExperimentError, match="measurements: the axis time has no values; allowed: hours"):
        Experiments.from_data_array(NETWORK, CONDITIONS, np.zeros((3, 2)), data.drop_vars("time"))
    ramp = [Condition("low", {"a": [(0, 0.1), (5, 0.9)]})]
    with pytest.raises(ExperimentError, match="condition 'low', stimulus a changes with time; allowed here: one level"):
        Experiments.from_data_array(NETWORK, ramp, np.zeros((1, 2)), data.sel(condition=["low"]))


def test_no_condition_can_be_taken(experiments):
    assert len(experiments.take([])) == 0
    assert experiments.take([]).activity.shape == (0, 3, 2)
