import types

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmlm_lib import features
from hmlm_lib.dynamics import four_conditions, simulate
from hmlm_lib.errors import FeatureError
from hmlm_lib.network import edges_to_network, load_network

IRREGULAR = np.array([0.0, 0.3, 1.0, 1.1, 4.0, 9.5])
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_derivative_is_exact_for_quadratics_ends_included(coefficients):
    a, b, c = coefficients
    y = (a + b * IRREGULAR + c * IRREGULAR**2)[:, None]
    np.testing.assert_allclose(features.derivative(y, IRREGULAR)[:, 0], b + 2 * c * IRREGULAR, atol=1e-10)


def test_derivative_of_a_sine_converges_at_second_order():
    errors = []
    for n in (50, 100, 200):
        t = np.sort(np.concatenate([[0, 6], np.linspace(0.01, 5.99, n) + 0.003 * np.sin(np.arange(n))]))
        errors.append(np.abs(features.derivative(np.sin(t)[:, None], t)[:, 0] - np.cos(t))[1:-1].max())
    assert errors[0] / errors[1] > 2.5
    assert errors[1] / errors[2] > 2.5


def test_moving_average_of_a_ramp_in_closed_form():
    half_life, rate = 2.0, np.log(2) / 2.0
    got = features.moving_average(IRREGULAR[:, None], IRREGULAR, half_life)[:, 0]
    np.testing.assert_allclose(got, IRREGULAR - (1 - np.exp(-rate * IRREGULAR)) / rate, atol=1e-12)


def test_moving_average_of_a_step_halves_every_half_life():
    t = np.array([0.0, 1e-12, 3.0, 6.0, 9.0])
    y = np.array([1.0, 0.0, 0.0, 0.0, 0.0])[:, None]
    np.testing.assert_allclose(features.moving_average(y, t, 3.0)[1:, 0], [1, 0.5, 0.25, 0.125], atol=1e-9)


def test_moving_average_does_not_depend_on_extra_points_on_the_line():
    fine = np.sort(np.concatenate([IRREGULAR, [0.1, 2.0, 7.0]]))
    y = np.interp(fine, IRREGULAR, np.cos(IRREGULAR))
    got = features.moving_average(y[:, None], fine, 1.5)[np.isin(fine, IRREGULAR), 0]
    np.testing.assert_allclose(got, features.moving_average(np.cos(IRREGULAR)[:, None], IRREGULAR, 1.5)[:, 0])


def test_lagged_correlation_equals_numpy_for_every_pair():
    values = np.random.default_rng(0).normal(size=(40, 4))
    got = features.lagged_correlation(values, np.arange(40.0), max_lag=2)
    for lag in range(3):
        for source in range(4):
            for target in range(4):
                exact = np.corrcoef(values[: 40 - lag, source], values[lag:, target])[0, 1]
                assert got[lag, target, source] == pytest.approx(exact)


def test_a_delayed_copy_is_strongest_at_its_lag():
    a = np.random.default_rng(1).normal(size=203)
    values = np.stack([a[3:], a[:-3]], axis=1)
    got = features.lagged_correlation(values, np.arange(200.0), max_lag=4)
    assert got[:, 1, 0].argmax() == 3
    assert got[3, 1, 0] == pytest.approx(1.0, abs=1e-9)
    assert abs(got[0, 1, 0]) < 0.25


def test_conditions_are_centred_before_they_are_pooled():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(2, 300, 2)) + np.array([0.0, 100.0])[:, None, None]
    assert abs(features.lagged_correlation(values, np.arange(300.0), 0)[0, 1, 0]) < 0.2


def test_a_species_that_does_not_move_correlates_with_nothing():
    values = np.stack([np.full(20, 0.7), np.sin(np.arange(20.0))], axis=1)
    got = features.lagged_correlation(values, np.arange(20.0), 1)
    assert (got[:, 0] == 0).all()
    assert (got[:, :, 0] == 0).all()


def test_resample_is_linear_interpolation():
    y = np.stack([np.cos(IRREGULAR), IRREGULAR], axis=1)
    got, grid = features.resample(y, IRREGULAR, 0.5)
    np.testing.assert_allclose(grid, np.arange(0, 9.51, 0.5))
    np.testing.assert_allclose(got[:, 0], np.interp(grid, IRREGULAR, y[:, 0]))


def test_topology_prior_of_a_chain_with_a_shortcut_by_hand():
    network = edges_to_network([("A", 1, "B"), ("B", -1, "C"), ("C", 1, "D"), ("D", 1, "E"), ("A", 1, "C")], "chain")
    prior = pd.DataFrame(features.topology_prior(network), network.species_names, network.species_names)
    assert prior["A"].to_dict() == {"A": 1.0, "B": 0.8, "C": 0.8, "D": 0.4, "E": 0.2}
    assert prior.loc["A", "B"] == 0.0
    assert prior["E"].to_dict() == {"A": 0.0, "B": 0.0, "C": 0.0, "D": 0.0, "E": 1.0}


def test_topology_prior_agrees_with_shortest_paths_on_the_real_network():
    import networkx as nx

    core = load_network("fibroblast-core")
    lengths = dict(nx.all_pairs_shortest_path_length(nx.DiGraph(core.to_networkx()), cutoff=3))
    expected = np.zeros((109, 109))
    for source, reached in lengths.items():
        for target, steps in reached.items():
            expected[core.index[target], core.index[source]] = features.PRIOR_BY_STEPS[steps]
    np.testing.assert_array_equal(features.topology_prior(core), expected)


def test_refined_prior_by_hand():
    correlation = np.array([[[0.5, 0.0], [-1.0, 0.2]], [[0.1, 0.0], [0.3, -0.6]]])
    got = features.refined_prior(np.array([[1.0, 0.0], [0.8, 1.0]]), correlation)
    np.testing.assert_allclose(got, [[0.65, 0.0], [0.8, 0.72]])


def test_module_mean_and_cell_summary():
    values = np.arange(12.0).reshape(2, 6)
    got = features.module_mean(values, np.array([0, 0, 1, 1, 1, 2]))
    np.testing.assert_allclose(got, [[0.5, 3.0, 5.0], [6.5, 9.0, 11.0]])
    np.testing.assert_allclose(features.cell_summary(values)[0], [2.5, values[0].std(), 0, 5])


def test_temporal_features_are_labelled():
    core = load_network("fibroblast-core")
    course = simulate(core, four_conditions(core), [0.0, 1.0, 4.0])
    got = features.temporal_features(course, half_lives_h=(2.0,))
    assert got.dims == ("condition", "time", "species", "feature")
    assert got.feature.values.tolist() == ["level", "derivative", "average 2 h"]
    np.testing.assert_array_equal(got.sel(feature="level"), course)


TWO = np.zeros((3, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: features.derivative(TWO, [0, 1, 1]), r"time_h\[2\] = 1 does not exceed 1; times must increase"),
        (lambda: features.derivative(TWO, [0, np.nan, 1]), r"time_h\[1\] is not finite"),
        (lambda: features.derivative(np.where(TWO == 0, np.nan, 0), [0, 1, 2]), r"values\[0, 0\] is not finite"),
        (lambda: features.derivative(TWO[:2], [0, 1]), "2 times; at least 3 are needed"),
        (lambda: features.derivative(TWO, [0, 1]), r"values have shape \(3, 2\) for \(2,\) times"),
        (lambda: features.moving_average(TWO, [0, 1, 2], 0.0), "half_life_h is 0.0; allowed: hours > 0"),
        (lambda: features.lagged_correlation(TWO, [0, 1, 3], 1), "needs a uniform time grid"),
        (lambda: features.lagged_correlation(TWO, [0, 1, 2], 2), "max_lag is 2; allowed: 0 to 1 for 3 times"),
        (lambda: features.resample(TWO, [0, 1, 2], 5.0), r"step_h is 5.0; allowed: hours in \(0, 2\]"),
        (lambda: features.refined_prior(np.ones((2, 2)), np.ones((1, 3, 3))), "they must agree"),
        (lambda: features.module_mean(TWO, np.zeros(3, int)), "values hold 2 species, module 3"),
    ],
)
def test_bad_signals_are_one_clear_error(call, message):
    with pytest.raises(FeatureError, match=message):
        call()


def test_prior_of_a_network_without_edges_is_the_identity():
    empty = types.SimpleNamespace(
        species_names=("A", "B"),
        index={"A": 0, "B": 1},
        signed_edges=pd.DataFrame(columns=["source", "target", "sign"]),
    )
    np.testing.assert_array_equal(features.topology_prior(empty), np.eye(2))


def test_timedeltas_are_hours_and_dates_are_refused():
    y = IRREGULAR[:, None] ** 2
    minutes = pd.to_timedelta(IRREGULAR * 60, unit="min")
    np.testing.assert_allclose(features.derivative(y, minutes), features.derivative(y, IRREGULAR), rtol=1e-9)
    with pytest.raises(FeatureError, match="not a number of hours"):
        features.derivative(y, pd.to_datetime(["2020-01-01"] * 6))
