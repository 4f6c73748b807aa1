"""The data type that every model reads: what it refuses, and how it is cut."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.baselines.trivial import Mean
from hmlm_lib.dynamics import Condition, simulate
from hmlm_lib.errors import ExperimentError
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.cells import CellConfig, CellHMLM
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training

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


SMALL = HMLMConfig(width=4, grid=4)
FITS = {
    "HMLM": lambda e: HMLM.from_network(e.network, SMALL).fit(e, Training(steps=1)),
    "CellHMLM": lambda e: CellHMLM.from_network(
        e.network, CellConfig(SMALL, width=4, heads=2, layers=1, latent=2)
    ).fit(e, Training(steps=1)),
    "baseline": lambda e: Mean().fit(e),
}  # fmt: skip


@pytest.mark.parametrize("model", FITS)
@pytest.mark.parametrize(
    ("change", "where"),
    [(lambda y: 100 * y, "a in condition 'low' at 1 h is 12.6"), (lambda y: y - 5, "'low' at 0 h is -5")],
)
def test_values_that_are_no_fractions_are_named_once_where_they_are_fitted(experiments, model, change, where):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        strange = replace(experiments, activity=change(experiments.activity)).take([0, 1])
        FITS[model](strange)
    [one] = caught
    assert one.category is UserWarning
    assert where in str(one.message)
    assert "expected: fractions of maximum, about 0 to 1" in str(one.message)
    assert one.filename == __file__


def test_noise_gaps_over_expression_and_other_maxima_are_no_reason_to_warn(experiments):
    activity = experiments.activity.copy()
    activity[0, 0, 0], activity[0, 1, 0], activity[1, 1] = -0.5, 2.0, np.nan
    FITS["HMLM"](replace(experiments, activity=activity))
    driven = np.full_like(experiments.factor, 3.0)
    FITS["HMLM"](replace(experiments, factor=driven, activity=5 * experiments.activity))
    large = SignalingNetwork("large", NETWORK.species.assign(ymax=100.0), NETWORK.reactions)
    FITS["HMLM"](replace(experiments, network=large, activity=100 * experiments.activity))


def test_conditions_can_be_asked_about_with_nothing_measured(experiments):
    asked = Experiments.asked(NETWORK, CONDITIONS, np.zeros((3, 2)), [2, 7])
    assert asked.times_h.tolist() == [2.0, 7.0]
    assert not asked.measured.any()
    for name in ("names", "stimulus", "factor", "y0"):
        assert np.array_equal(getattr(asked, name), getattr(experiments, name))
    with pytest.raises(ExperimentError, match=r"condition 'c': network 'toy' has no species 'aa'"):
        Experiments.asked(NETWORK, [Condition("c", {"aa": 1.0})], np.zeros((1, 2)), [1])
    with pytest.raises(ExperimentError, match="allowed: a list of at least one time"):
        Experiments.asked(NETWORK, CONDITIONS, np.zeros((3, 2)), 5.0)
