"""Every model of the table keeps the protocol; the closed-form ones give what can be computed otherwise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.baselines.markov import LinearDynamics
from hmlm_lib.baselines.mechanistic import HillFitted, HillGiven, perturbed
from hmlm_lib.baselines.networks import MLP
from hmlm_lib.baselines.protocol import filled, through, treatment
from hmlm_lib.baselines.trivial import Additive, Mean, Persistence
from hmlm_lib.baselines.wired import CellBox, Lembas
from hmlm_lib.baselines.zeroed import Zeroed
from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.evaluation.registry import ABLATIONS, CHOSEN, MODELS, SHORT_WARMUP, make, shortened
from hmlm_lib.evaluation.tasks import Size, benchmark
from hmlm_lib.evaluation.worlds import MECHANISMS
from hmlm_lib.experiments import Experiments
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training

RULES = ["=> a", "=> b", "=> c", "a => r", "b => s", "r & !s => k", "r => g", "k => h", "s & k => m"]
SIZE = Size(singles=4, pairs=6, triples=0, knockouts=3, test=5, test_knockouts=2)


@pytest.fixture(scope="module")
def data():
    network = SignalingNetwork.from_rules("small", RULES, tau={"h": 5.0})
    return benchmark(0, 4, size=SIZE, network=network)


@pytest.mark.parametrize("name", [*MODELS, *ABLATIONS, *CHOSEN])
def test_every_model_keeps_the_protocol(name, data):
    torch.manual_seed(0)
    model = make(name, data, seed=0, effort=0.02).fit(data.train)
    times = np.array([0.0, 1.0, 10.0, 60.0])
    found = model.predict(data.combine, times)
    assert found.shape == (5, 4, 9)
    assert np.isfinite(found).all()
    assert np.allclose(found[:, 0], data.combine.y0, atol=1e-5), "does not start at rest"
    assert np.array_equal(found, model.predict(data.combine.without(), times)), "reads the measurements"
    assert (model.n_parameters > 0) == (name not in ("persistence", "hill_wrong", "oracle"))
    again = make(name, data, seed=0, effort=0.02).fit(data.train).predict(data.combine, times)
    assert np.array_equal(found, again), "same seed, other numbers"


def test_persistence_and_mean(data):
    assert np.array_equal(Persistence().fit(data.train).predict(data.combine)[:, 7], data.combine.y0)
    seen = Mean().fit(data.train).predict(data.combine, data.train.times_h)
    assert np.allclose(seen, data.train.activity.mean(0))


def test_additive_adds_single_effects():
    network = SignalingNetwork.from_rules("two", ["=> a", "=> b", "=> c", "a => g", "b => g"])
    both = benchmark(1, 3, size=Size(2, 4, 0, 0, 3, 1), network=network, noise_sd=0.0)
    model = Additive().fit(both.train)
    names = list(both.train.names)
    control, single = (both.train.activity[names.index(n)] for n in ("control 0", "single 0"))
    level = both.train.stimulus[names.index("single 0"), 0]
    found = model.predict(both.combine, both.train.times_h)[0]
    slope = (single - control) / (level - 0.1)
    second = both.train.activity[names.index("single 1")]
    slope2 = (second - control) / (both.train.stimulus[names.index("single 1"), 1] - 0.1)
    a, b = both.combine.stimulus[0, :2] - 0.1  # the third input has no single experiment: no effect is known
    assert np.allclose(found, (control + a * slope + b * slope2).clip(0, 1), atol=1e-8)


def test_linear_dynamics_recovers_a_linear_system():
    """y' on the grid is linear in the last state, so ridge must find it and roll it out."""
    network = SignalingNetwork.from_rules("chain", ["=> a", "a => b"])
    rng = np.random.default_rng(0)
    count, grid = 30, np.expm1(np.linspace(0, np.log1p(60), 16))
    held = np.zeros((count, 2))
    held[:, 0] = rng.uniform(0.1, 0.9, count)
    y, course = np.zeros((count, 2)), []
    for _ in grid[1:]:
        y = np.stack([0.5 * y[:, 0] + 0.4 * held[:, 0], 0.7 * y[:, 1] + 0.2 * y[:, 0]], 1)
        course.append(y)
    ones = np.ones((count, 2))
    names, rest = tuple(map(str, range(count))), np.zeros((count, 2))
    experiments = Experiments(network, names, held, ones, rest, grid[1:], np.stack(course, 1))
    for masked in (False, True):
        found = LinearDynamics(masked=masked).fit(experiments).predict(experiments)
        assert np.abs(found - experiments.activity).max() < 0.01


def test_a_masked_model_cannot_use_a_species_that_is_not_a_regulator(data):
    model = LinearDynamics(masked=True).fit(data.train)
    names = data.train.network.species_names
    assert model.weight[names.index("h"), names.index("g")] == 0
    assert model.weight[names.index("r"), names.index("g")] != 0


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_oracle_is_exact_whatever_the_mechanism_and_the_shown_wiring(mechanism):
    network = SignalingNetwork.from_rules("small", RULES, tau={"h": 5.0})
    b = benchmark(0, 4, mechanism, missing=0.4, size=SIZE, network=network)
    model = make("oracle", b, 0).fit(b.train)
    for e in (b.combine, b.knockout):
        assert np.square(model.predict(e.without()) - e.activity).mean() < 1e-11
    assert model.predict(b.combine, [60.0]).shape == (5, 1, 9)


def test_wrong_parameters_are_those_of_the_world_where_nothing_is_hidden(data):
    given = HillGiven(perturbed(data.world.arrays, 3))
    assert np.array_equal(make("hill_wrong", data, 3).predict(data.combine), given.predict(data.combine))


def test_the_wrong_equations_know_no_hidden_reaction(data):
    b = benchmark(0, 4, missing=0.4, size=SIZE, network=data.world.network)
    arrays, whole = make("hill_wrong", b, 3).arrays, perturbed(b.world.arrays, 3)
    assert set(arrays.reaction_ids) < set(whole.reaction_ids)
    rows = [whole.reaction_ids.index(name) for name in arrays.reaction_ids]
    for name in ("w", "n", "ec50"):
        assert np.array_equal(getattr(arrays, name), getattr(whole, name)[rows])
    assert np.array_equal(arrays.source, b.train.network.arrays.source)
    assert not np.allclose(make("hill_wrong", b, 3).predict(b.combine), HillGiven(whole).predict(b.combine), atol=0.01)


def test_the_fit_gets_close(data):
    wrong = HillGiven(perturbed(data.world.arrays, 0)).predict(data.combine)
    fitted = HillFitted(replace(HillFitted.training_defaults, steps=200)).fit(data.train).predict(data.combine)
    error = [np.square(found - data.combine.activity).mean() for found in (wrong, fitted)]
    assert error[1] < 0.2 * error[0]


def test_perturbed_parameters_stay_in_range(data):
    arrays = perturbed(data.world.arrays, 3)
    assert ((arrays.w > 0) & (arrays.w <= 1)).all()
    assert ((arrays.ec50 > 0) & (arrays.ec50 < 1)).all()
    assert (arrays.tau > 0).all()
    assert not np.array_equal(arrays.n, data.world.arrays.n)


def test_gaps_are_closed_by_lines_in_log_time(data):
    activity = data.train.activity.copy()
    activity[0, 1, 2] = np.nan
    activity[1, :, 3] = np.nan
    values = filled(replace(data.train, activity=activity))
    clock = np.log1p(data.train.times_h)
    part = (clock[1] - clock[0]) / (clock[2] - clock[0])
    expected = activity[0, 0, 2] * (1 - part) + activity[0, 2, 2] * part
    assert values[0, 1, 2] == pytest.approx(expected)
    assert (values[1, :, 3] == data.train.y0[1, 3]).all()
    assert np.array_equal(values[2:], data.train.activity[2:])


def test_through_passes_the_points_and_holds_the_last(data):
    seen = data.train.times_h
    values = through(seen, data.train.activity, data.train.y0, np.append(seen, 100.0))
    assert np.allclose(values[:, :-1], data.train.activity)
    assert np.allclose(values[:, -1], data.train.activity[:, -1])


def test_treatment_is_levels_then_knock_outs(data):
    done = treatment(data.train)
    assert done.shape[1] == 3 + 9
    row = data.train.names.index(next(n for n in data.train.names if "knocked out" in n))
    assert done[row, 3:].sum() == 1


@pytest.mark.parametrize("ec50", [0.12, 1e-4])
def test_a_gate_as_steep_as_a_step_keeps_its_gradient(ec50, data):
    model = HillFitted(Training(steps=1)).fit(data.train)
    with torch.no_grad():
        model.n.fill_(np.log(100.0))  # EC50^n = 0 in float32
        model.ec50.fill_(np.log(ec50))
    found = model(*model._tensors(data.train)[:3], data.train.times_h)
    found.square().mean().backward()
    assert torch.isfinite(found).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_the_activation_of_lembas_leaks_below_zero_and_saturates(data):
    model, silent, levels = Lembas(Training(steps=0)).fit(data.train), torch.zeros(9, 1), []
    for bias in (0.25, 0.5, 1.0, -1.0):
        with torch.no_grad():
            model.bias.fill_(bias)
        levels.append(model.level(silent)[0, 0])
    assert [level.item() for level in levels] == pytest.approx([0.25, 0.5, 0.75, -0.01])
    levels[-1].backward()
    assert model.bias.grad[0].item() == pytest.approx(0.01)


def test_an_unfitted_model_and_blank_data_are_refused(data):
    with pytest.raises(ModelError, match="MLP has not been fitted"):
        MLP().predict(data.combine)
    blank = replace(data.train, activity=np.full_like(data.train.activity, np.nan))
    with pytest.raises(ModelError, match="nothing was measured"):
        MLP().fit(blank)
    with pytest.raises(ModelError, match=r"no model 'hmlmm' \(did you mean 'hmlm'\?\)"):
        make("hmlmm", data, 0)


def test_a_shortened_training_keeps_everything_but_steps_and_warmup():
    whole = Training(steps=200, learning_rate=0.02, warmup=0.1, seed=3)
    assert shortened(whole, 1.0) is whole
    assert shortened(whole, 0.1) == replace(whole, steps=20, warmup=SHORT_WARMUP)
    assert shortened(whole, 0.01).steps == 10


@pytest.mark.parametrize("name", ["mean", "additive", "ridge", "boosting", "masked_ridge", "gru", "hill_fitted"])
def test_what_was_not_learned_is_refused(name, data):
    with pytest.raises(ModelError, match="has not been fitted"):
        make(name, data, seed=0).predict(data.combine)
    model = make(name, data, seed=0, effort=0.02).fit(data.train)
    with pytest.warns(UserWarning, match="predicting to 600 h, trained to 60 h: extrapolation"):
        model.predict(data.combine, [600.0])
    renamed = SignalingNetwork.from_rules("other", [rule.replace("m", "z") for rule in RULES])
    with pytest.raises(ModelError, match="experiments hold species 'z', which the model's network 'small' lacks"):
        model.predict(replace(data.combine, network=renamed))
    with pytest.raises(ModelError, match="nothing was measured; allowed: at least one point"):
        make(name, data, seed=0).fit(data.train.without())


def test_a_baseline_does_not_resume_a_training_on_other_data(data, tmp_path):
    training = Training(steps=2, checkpoint=tmp_path / "mlp.safetensors")
    MLP(training).fit(data.train)
    MLP(training).fit(data.train)
    with pytest.raises(ModelError, match="written by a training on other data"):
        MLP(training).fit(replace(data.train, activity=0.5 * data.train.activity))


def test_a_network_too_small_for_the_experiments_is_said():
    small = SignalingNetwork.from_rules("tiny", ["=> a", "=> b", "=> c", "a => r"])
    with pytest.raises(ExperimentError, match="'tiny' has 1 species without an input, but 3 and 2 different ones"):
        benchmark(0, 4, size=SIZE, network=small)
    with pytest.raises(ExperimentError, match="'two' has 2 inputs; allowed: 3 or more"):
        benchmark(0, 4, size=SIZE, network=SignalingNetwork.from_rules("two", ["=> a", "=> b", "a => r"]))


def test_the_rule_about_knock_outs_silences_one_species_and_moves_no_other(data):
    alone = Mean().fit(data.train)
    told = Zeroed(Mean()).fit(data.train)
    found, wild = told.predict(data.knockout), told.predict(data.wild)
    gone = data.knockout.factor == 0
    assert gone.sum() == len(data.knockout)
    assert (found.transpose(0, 2, 1)[gone][:, 1:] == 0).all()  # at t = 0 it is where it was
    assert np.array_equal(found.transpose(0, 2, 1)[~gone], wild.transpose(0, 2, 1)[~gone])
    assert np.array_equal(wild, alone.predict(data.wild))
    assert np.array_equal(told.predict(data.combine), alone.predict(data.combine))
    assert not hasattr(Zeroed(Mean()), "schedule")
    slow = make("gru_zeroed", data, seed=0, effort=0.5)
    assert slow.schedule == slow.model.schedule == make("gru", data, seed=0, effort=0.5).schedule


def test_a_species_that_never_gets_far_is_no_surprise_to_the_equations():
    """ymax of b is a half: untrained, the fitted equations are the given ones; other wired models stay below it."""
    whole = SignalingNetwork.from_rules("half", ["=> a", "a => b", "=> c", "=> d", "c => e", "d => f"])
    ymax = whole.species["ymax"].where(whole.species.index != "b", 0.5)
    network = SignalingNetwork("half", whole.species.assign(ymax=ymax), whole.reactions)
    asked = benchmark(0, 3, size=Size(2, 0, 0, 2, 2, 1), network=network).combine
    b, pushed = network.index["b"], np.zeros((2, 6))
    pushed[:, network.index["a"]] = 0.9, 0.6
    asked = replace(asked, stimulus=pushed)
    given = HillGiven(network.arrays).predict(asked)
    still = Training(steps=0)
    np.testing.assert_allclose(HillFitted(still).fit(asked).predict(asked), given, atol=0.03)
    assert given[:, -1, b].max() < 0.5
    assert CellBox(still).fit(asked).predict(asked)[:, -1, b].max() < 0.5


@pytest.mark.parametrize("name", ["lds", "masked_ridge", "dbn"])
def test_a_line_that_lacks_a_species_says_nothing_of_it(data, name):
    """Knocked out in every experiment: linear maps leave it where it is, and the others as they are."""
    factor = data.train.factor.copy()
    factor[:, 4] = 0.0
    line = replace(data.train, factor=factor)
    found = make(name, data, seed=0).fit(line).predict(data.combine)
    assert np.isfinite(found).all()
    assert np.array_equal(found[:, :, 4], np.repeat(data.combine.y0[:, None, 4], found.shape[1], axis=1))


@pytest.mark.parametrize("name", ["ridge", "gp", "forest", "boosting"])
def test_no_condition_has_no_prediction(data, name):
    fitted = make(name, data, seed=0, effort=0.02).fit(data.train)
    assert fitted.predict(data.combine.take([])).shape == (0, 50, 9)


def test_a_start_alone_trains_nothing(data):
    with pytest.raises(ModelError, match="nothing to train on; allowed: at least one time after 0"):
        MLP(Training(steps=1)).fit(replace(data.train.at([0]), times_h=np.zeros(1)))
