import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from hmlm_lib.dynamics import (
    Condition,
    Parameters,
    dose_response,
    four_conditions,
    knockout_screen,
    observation_times,
    observe,
    settling_time,
    simulate,
)
from hmlm_lib.dynamics.check import against_scipy
from hmlm_lib.errors import ExperimentError, RunError
from hmlm_lib.network import SignalingNetwork, load_network

CORE = load_network("fibroblast-core")
# Resting activities of the published model under control, TGF-beta, strain, both.
STEADY = {
    "proCI": (0.013, 0.435, 0.572, 0.604),
    "fibronectin": (0.042, 1.0, 1.0, 1.0),
    "aSMA": (0.034, 0.612, 0.911, 0.945),
    "periostin": (0.013, 0.421, 0.449, 0.463),
    "TNC": (0.030, 1.0, 1.0, 1.0),
    "CTGF": (0.021, 0.589, 0.881, 0.923),
    "PAI1": (0.034, 0.602, 0.885, 0.925),
}


def test_the_published_steady_states_to_three_decimals():
    end = simulate(CORE, four_conditions(CORE), [240.0], tolerance=1e-6).isel(time=0)
    for species, expected in STEADY.items():
        np.testing.assert_allclose(end.sel(species=species), expected, atol=5.1e-4, err_msg=species)


@pytest.mark.data
def test_the_authors_matlab_table_with_no_changed_class(real_data):
    table = pd.read_csv(real_data / "networks/derived/snm_1_1_rev4_validation_act_delta.csv", index_col=0)
    stimulated = [Condition(name, stimulus={name: 0.8}) for name in table.index]
    inputs = dict.fromkeys(CORE.input_species, 0.1) | {"tension": 0.4}
    end = simulate(CORE, [Condition("control"), *stimulated], [240.0], inputs=inputs).isel(time=0).to_pandas()
    delta = (end.iloc[1:] - end.iloc[0])[table.columns]
    assert delta.shape == (10, 109)
    assert (delta - table).abs().to_numpy().max() < 1e-3
    side = lambda change: np.sign(change) * (change.abs() > 0.05)  # noqa: E731
    assert (side(delta) == side(table)).all(axis=None)


def test_the_real_network_agrees_with_scipy():
    assert against_scipy(CORE, n_conditions=2, tolerance=1e-7, seed=1, hours=48.0) < 1e-6


def test_the_extension_leaves_the_core_where_oestrogen_and_cdk1_are_silent():
    full = load_network("fibroblast")
    w = full.arrays.w.copy()
    extra = full.reactions.index[full.reactions["rule"] == "tension & latentTGFB => TGFBfb"]
    w[full.arrays.reaction_ids.index(extra[0])] = 0.0
    silent = [dataclasses.replace(c, knockout="CDK1") for c in four_conditions(full)]
    ours = simulate(full, silent, [400.0], parameters=Parameters(w=w), baseline_h=200.0)
    core = simulate(CORE, four_conditions(CORE), [400.0], baseline_h=200.0)
    np.testing.assert_allclose(ours.sel(species=core.species), core, atol=1e-4)


def test_labels_units_and_order():
    result = simulate(CORE, four_conditions(CORE), [0.0, 1.0, 2.0])
    assert result.dims == ("condition", "time", "species")
    assert result.condition.values.tolist() == ["control", "TGF-beta", "strain", "combined"]
    assert (result.attrs["units"], result.time.attrs["units"]) == ("fraction of maximum", "h")
    assert result.module.sel(species="smad3") == "transcription"


def test_same_call_same_numbers_and_batches_do_not_matter():
    conditions = four_conditions(CORE)
    one = simulate(CORE, conditions, [0.0, 10.0])
    np.testing.assert_array_equal(one, simulate(CORE, conditions, [0.0, 10.0]))
    np.testing.assert_allclose(one, simulate(CORE, conditions, [0.0, 10.0], batch_size=1), atol=1e-12)


def test_float32_stays_within_the_tolerance_class():
    conditions, times = four_conditions(CORE), np.linspace(0, 48, 9)
    double = simulate(CORE, conditions, times, tolerance=1e-4)
    single = simulate(CORE, conditions, times, tolerance=1e-4, dtype=torch.float32)
    assert np.abs(double - single).max() < 1e-4


def test_knockout_inhibition_and_overexpression_scale_ymax():
    conditions = [
        Condition("wild type"),
        Condition("none", knockout="TGFB"),
        Condition("half", inhibit={"TGFB": 0.5}),
        Condition("double", overexpress={"TGFB": 2.0}),
    ]
    end = simulate(CORE, conditions, [50.0]).sel(species="TGFB").values[:, 0]
    assert end[1] == 0.0
    assert end[2] == pytest.approx(end[0] / 2, rel=0.02)
    assert end[3] > 1.9 * end[0]


def test_a_drug_given_with_the_stimulus_starts_from_the_untreated_state():
    line = Condition("line", knockout="Gactin")
    drug = Condition("drug", knockout="Gactin", perturb_at="stimulus")
    start = simulate(CORE, [Condition("wild type"), line, drug], [0.0]).sel(species="Gactin").values[:, 0]
    assert start[1] == 0.0
    assert start[2] == pytest.approx(start[0])
    tau = CORE.species.loc["Gactin", "tau"]
    later = simulate(CORE, drug, [2 * tau]).sel(species="Gactin").item()
    assert later == pytest.approx(start[0] * np.exp(-2), abs=1e-4)


def test_a_pulse_is_felt_and_forgotten():
    pulse = Condition("pulse", stimulus={"NE": [(0.0, 0.9), (5.0, 0.1)]})
    cAMP = simulate(CORE, [Condition("rest"), pulse], [0.0, 4.9, 60.0]).sel(species="cAMP").values
    assert cAMP[1, 1] > cAMP[0, 1] + 0.1
    assert cAMP[1, 2] == pytest.approx(cAMP[0, 2], abs=1e-3)


def test_per_condition_parameters_equal_separate_runs():
    rng = np.random.default_rng(0)
    arrays = CORE.arrays
    w = arrays.w * rng.uniform(0.7, 1.0, (2, len(arrays.w)))
    tau = arrays.tau * rng.lognormal(0, 0.3, (2, len(arrays.tau)))
    conditions = [Condition("a", stimulus={"TGFB": 0.9}), Condition("b", stimulus={"NE": 0.9})]
    together = simulate(CORE, conditions, [0.0, 24.0], parameters=Parameters(w=w, tau=tau))
    for i, condition in enumerate(conditions):
        alone = simulate(CORE, condition, [0.0, 24.0], parameters=Parameters(w=w[i], tau=tau[i]))
        np.testing.assert_allclose(together.isel(condition=i), alone.isel(condition=0), atol=1e-10)


def test_bistability_below_half_maximal_tension_only():
    response = dose_response(CORE, "tension", [0.1, 0.75], hours=500.0).sel(species="aSMA")
    gap = (response.sel(start="high") - response.sel(start="low")).values
    assert gap[0] > 0.3
    assert gap[1] == pytest.approx(0.0, abs=1e-3)


def test_knockout_screen_rows_are_the_single_knockouts():
    change = knockout_screen(CORE, {"TGFB": 0.9}, hours=48.0)
    assert change.shape == (109, 109)
    pair = [Condition("w", stimulus={"TGFB": 0.9}), Condition("k", stimulus={"TGFB": 0.9}, knockout="smad3")]
    end = simulate(CORE, pair, [48.0]).isel(time=0)
    np.testing.assert_allclose(change.sel(knockout="smad3"), end[1] - end[0], atol=1e-6)


def test_settling_time_of_an_exponential():
    course = simulate(CORE, Condition("c", stimulus={"PDGF": 0.9}), np.linspace(0, 20, 401))
    tau = CORE.species.loc["PDGF", "tau"]
    exact = tau * np.log(0.8 / 0.05)
    assert settling_time(course).sel(species="PDGF").item() == pytest.approx(exact, abs=0.06)


def test_observations_are_reproducible_and_unclipped():
    truth = simulate(CORE, four_conditions(CORE), observation_times(5, 24.0))
    one, two = (observe(truth, truth.time.values, 0.05, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    residual = (one - truth).values
    assert residual.std() == pytest.approx(0.05, rel=0.05)
    assert one.min() < 0
    some = observe(truth, truth.time.values[:2], 0.0, seed=0, species=["proCI"])
    assert observe(truth, truth.time.values[:2], 0.0, seed=0, species="proCI").equals(some)
    assert np.isfinite(some).sum() == some.sizes["condition"] * 2
    np.testing.assert_array_equal(some.sel(species="proCI"), truth.sel(species="proCI").isel(time=slice(2)))


def test_observation_times():
    assert observation_times(4, 24.0, "uniform").tolist() == [0.0, 8.0, 16.0, 24.0]
    log = observation_times(4, 26.0)
    np.testing.assert_allclose(log, [0.0, 2.0, 8.0, 26.0])


RUN = {"network": CORE, "conditions": Condition("c"), "times_h": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"conditions": Condition("c", stimulus={"TGFb": 0.9})}, r"'c', stimulus: .* 'TGFb' \(did you mean 'TGFB'\?\)"),
        ({"conditions": Condition("c", knockout="SMAD3")}, r"'c', knockout: .*'SMAD3' \(did you mean 'smad3'\?\)"),
        ({"conditions": Condition("c", inhibit={"ROCK": 1.2})}, r"inhibit ROCK is 1.2; allowed: a number in \[0, 1\]"),
        ({"conditions": Condition("c", overexpress={"ROCK": 0.5})}, r"overexpress ROCK is 0.5; .*\[1, inf\)"),
        ({"conditions": Condition("c", stimulus={"TGFB": 1.5})}, r"stimulus TGFB, level is 1.5; allowed"),
        ({"conditions": Condition("c", stimulus={"TGFB": float("nan")})}, r"stimulus TGFB, level is nan"),
        ({"conditions": Condition("c", stimulus={"TGFB": "high"})}, r"stimulus TGFB.*'high'"),
        (
            {"conditions": Condition("c", stimulus={"TGFB": [(5, 0.1), (2, 0.3)]})},
            r"times \[5.0, 2.0\] do not increase",
        ),
        ({"conditions": Condition("c", stimulus={"TGFB": [(-1, 0.1)]})}, r"TGFB, time is -1; allowed"),
        ({"conditions": Condition("c", stimulus={"TGFB": []})}, r"TGFB is empty"),
        ({"conditions": []}, "no condition given"),
        ({"conditions": [Condition("c"), Condition("c")]}, "name 'c' is given twice"),
        ({"times_h": [0.0, 2.0, 1.0]}, r"times_h\[2\] = 1 does not exceed the time before it, 2"),
        ({"times_h": [0.0, float("nan")]}, r"times_h\[1\] is nan; allowed: finite hours >= 0"),
        ({"times_h": [-1.0, 1.0]}, r"times_h\[0\] is -1.0"),
        ({"times_h": []}, "at least one time"),
        ({"times_h": ["a"]}, "not a number of hours"),
        ({"inputs": 1.3}, r"inputs is 1.3; allowed: a level in \[0, 1\]"),
        ({"inputs": {"tensoin": 0.4}}, r"'tensoin' \(did you mean 'tension'\?\)"),
        ({"baseline_h": -5.0}, "baseline_h is -5.0"),
        ({"tolerance": 0.0}, "tolerance is 0.0"),
        ({"parameters": Parameters(tau=np.zeros(109))}, r"parameter tau of AngII is 0; allowed: \(0, inf\)"),
        ({"parameters": Parameters(w=np.full(162, 1.1))}, r"parameter w of r1 is 1.1; allowed: \[0, 1\]"),
        ({"parameters": Parameters(w=np.full(162, np.nan))}, r"parameter w of r1 is nan"),
        ({"parameters": Parameters(n=np.ones(3))}, r"parameter n has shape \(3,\); allowed: \(162,\)"),
        ({"parameters": Parameters(w=np.ones((2, 162)))}, "w has 2 rows for 1 conditions"),
        ({"y0": np.zeros((3, 109))}, r"y0 has shape \(3, 109\); allowed: .* = \(1, 109\)"),
        ({"y0": np.full((1, 109), -1.0)}, r"y0\[0, 0\] is -1.0; allowed: finite activities >= 0"),
        ({"y0": "rest"}, r"y0 is 'rest'; allowed: an array of numbers"),
        ({"inputs": "high"}, r"inputs is 'high'; allowed: a level in \[0, 1\]"),
        ({"dtype": "int64"}, r"dtype is 'int64'; allowed: torch.float64, torch.float32"),
        ({"batch_size": 0}, r"batch_size is 0; allowed: a whole number >= 1"),
        ({"conditions": Condition("c", overexpress={"ROCK": np.inf})}, r"overexpress ROCK is inf; .*\[1, inf\)"),
        ({"parameters": Parameters(ymax=np.full(109, np.inf))}, r"ymax of AngII is inf; allowed: \[0, inf\)"),
        ({"times_h": pd.to_datetime(["2020-01-01"])}, "not a number of hours"),
        ({"y0": np.full((1, 109), np.nan)}, r"y0\[0, 0\] is nan; allowed: finite activities"),
    ],
)
def test_bad_experiments_are_one_clear_error(changed, message):
    with pytest.raises(ExperimentError, match=message):
        simulate(**(RUN | changed))


TWO = SignalingNetwork.from_rules("two", ["=> a", "=> b"])
RAMP = {"a": [(0, 0), (10, 1)]}


@pytest.mark.parametrize(
    "conditions",
    [
        [Condition("late", {"b": [(5, 0.8)]}), Condition("ramp", RAMP, interpolation="linear")],
        [Condition("late", RAMP | {"b": [(5, 0.8)]}, interpolation="linear")],
    ],
)
def test_a_delayed_level_is_a_step_and_no_ramp(conditions):
    with pytest.raises(ExperimentError, match=r"'late', stimulus b is a step .*, stimulus a is linear; allowed"):
        simulate(TWO, conditions, [0, 2, 4, 5, 8])
    level = Condition("late", {"b": [(5, 0.8)]}, interpolation="linear")
    assert simulate(TWO, level, [0, 4, 5], baseline_h=0.0).sel(species="b").values.tolist() == [[0, 0, 0]]
    simulate(TWO, Condition("from 0 h", RAMP | {"b": [(0, 0.8)]}, interpolation="linear"), [0, 2])


def test_times_as_time_differences():
    run = simulate(TWO, Condition("c", {"a": 1}), pd.to_timedelta([0, 90], unit="min"))
    assert run.time.values.tolist() == [0, 1.5]


def test_parameters_as_lists_and_series_and_types_by_name():
    by_array = simulate(TWO, Condition("c", {"a": 1}), [1], parameters=Parameters(tau=np.array([1.0, 2.0])))
    for tau in ([1, 2], pd.Series([1.0, 2.0], index=["a", "b"])):
        assert simulate(TWO, Condition("c", {"a": 1}), [1], parameters=Parameters(tau=tau)).equals(by_array)
    for dtype in (np.float32, "float32", torch.float32):
        assert simulate(TWO, Condition("c"), [1], dtype=dtype).dtype == np.float32
    with pytest.raises(ExperimentError, match="parameter tau is 'slow'; allowed: an array of numbers"):
        Parameters(tau="slow")


def test_conditions_without_and_with_wrong_parts():
    assert Condition("c", stimulus=None, knockout=None, inhibit=None, overexpress=None) == Condition("c")
    with pytest.raises(ExperimentError, match=r"'c': inhibit is \['a'\]; allowed: a dict from species to number"):
        Condition("c", inhibit=["a"])
    with pytest.raises(ExperimentError, match=r"'c': knockout is 3; allowed: names of species"):
        Condition("c", knockout=3)


def test_a_run_may_start_where_the_solver_left_a_trace_below_zero():
    simulate(TWO, Condition("c"), [1], y0=np.array([[-1e-9, 0.5]]), baseline_h=0.0)


def test_bad_choices_and_measurements():
    with pytest.raises(ExperimentError, match="perturb_at is 'later'; allowed: baseline, stimulus"):
        Condition("c", perturb_at="later")
    course = [(0, 0.1), (5, 0.9)]
    mixed = [Condition("a", {"NE": course}), Condition("b", {"NE": course}, interpolation="linear")]
    with pytest.raises(ExperimentError, match="mix step and linear"):
        simulate(CORE, mixed, [0.0, 1.0])
    truth = simulate(CORE, Condition("c"), [0.0, 1.0])
    with pytest.raises(ExperimentError, match=r"times_h \[.*0.5.*\] are not among"):
        observe(truth, [0.5], 0.0, seed=0)
    with pytest.raises(ExperimentError, match=r"'proC' .*did you mean 'proCI'"):
        observe(truth, [0.0], 0.0, seed=0, species=["proC"])
    with pytest.raises(ExperimentError, match="noise_sd is -1"):
        observe(truth, [0.0], -1, seed=0)
    with pytest.raises(ExperimentError, match="seed -1; allowed: 0 to"):
        observe(truth, [0.0], 0.0, seed=-1)
    with pytest.raises(ExperimentError, match="k is 1; allowed: a whole number, 2 or more"):
        observation_times(1, 24.0)
    with pytest.raises(ExperimentError, match="spacing is 'cubic'; allowed: uniform, log"):
        observation_times(4, 24.0, "cubic")


def test_the_device_is_chosen_as_everywhere(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    network = SignalingNetwork.from_rules("two", ["=> a", "a => b"])
    asked = (network, Condition("a", stimulus={"a": 0.5}), [1.0])
    assert simulate(*asked, device="auto").equals(simulate(*asked))
    for wrong, message in (("gpu", "no device 'gpu'"), ("cuda", "finds no CUDA device")):
        with pytest.raises(RunError, match=message):
            simulate(*asked, device=wrong)
