"""Worlds: the four mechanisms against scipy, defects of the prior, what splits promise."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from hmlm_lib.errors import ExperimentError, NetworkError
from hmlm_lib.evaluation.believed import believed
from hmlm_lib.evaluation.shuffle import shuffled
from hmlm_lib.evaluation.tasks import Size, benchmark
from hmlm_lib.evaluation.unwired import unwired
from hmlm_lib.evaluation.worlds import (
    MECHANISMS,
    SYSTEMS,
    draw_world,
    incomplete,
    relax,
    true_gates,
    with_flipped_signs,
)
from hmlm_lib.network import SignalingNetwork, load_network

RULES = ["=> a", "=> b", "a & !b => c", "a => d", "c => d", "d => e", "e => a2", "a2 & !d => f"]
CORE = load_network("fibroblast-core")


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_mechanism_against_scipy(mechanism):
    world = draw_world(SignalingNetwork.from_rules("small", RULES, tau={"e": 4.0}), 0, mechanism)
    held = world.baseline.copy()
    held[0] = 0.8
    factor = np.ones_like(held)
    factor[3] = 0.5
    times = np.array([0.0, 0.5, 3.0, 10.0])
    found = world.simulate(held[None], factor[None], world.rest[None], times)[0]
    system = SYSTEMS[mechanism](world.arrays, torch.as_tensor(held[None]), torch.as_tensor(factor[None]), world.seed)

    def slope(t, y):
        rate, target = system(torch.as_tensor(y)[None])
        return (rate * (target - torch.as_tensor(y)))[0].numpy()

    start = system.start(torch.as_tensor(world.rest[None].copy()))[0].numpy()
    exact = solve_ivp(slope, (0, 10), start, t_eval=times, rtol=1e-9, atol=1e-11).y.T[:, : len(held)]
    assert np.abs(found - exact).max() < 2e-4
    assert np.abs(found[-1] - found[0]).max() > 0.1


def test_the_fixed_step_is_fine_enough():
    world = draw_world(CORE, 0, "mass_action")
    held, ones = world.baseline[None].copy(), np.ones((1, 109))
    held[0, np.flatnonzero(world.arrays.has_input)[:3]] = 0.8
    system = SYSTEMS["mass_action"](world.arrays, torch.as_tensor(held), torch.as_tensor(ones), 0)
    start, times = torch.as_tensor(world.rest[None].copy()), np.array([1.0, 5.0])
    assert np.abs(relax(system, start, times) - relax(system, start, times, 0.01)).max() < 5e-3


def test_rest_is_rest():
    world = draw_world(CORE, 1)
    held, ones = world.baseline[None], np.ones((1, 109))
    later = world.simulate(held, ones, world.rest[None], np.array([24.0]))
    assert np.abs(later[0, 0] - world.rest).max() < 5e-3


def test_gates_of_a_world_are_its_hill_functions():
    world = draw_world(SignalingNetwork.from_rules("small", RULES), 0)
    curve = true_gates(world, np.array([0.0, 1.0]))
    assert np.allclose(curve[~world.arrays.inhibits], [0, 1])
    assert np.allclose(curve[world.arrays.inhibits], [1, 0])
    half = np.diag(true_gates(world, world.arrays.ec50[world.arrays.reaction]))
    assert np.allclose(half, 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_an_incomplete_network_keeps_inputs_and_always_has_the_same_size(seed):
    prior = incomplete(CORE, 0.15, seed)
    assert prior.input_species == CORE.input_species
    assert prior.species_names == CORE.species_names
    assert len(prior.arrays.product) == 138  # of 162
    assert len(prior.arrays.source) == len(incomplete(CORE, 0.15, seed + 10).arrays.source)
    assert set(map(str, prior.rules)) < set(map(str, CORE.rules))


def test_flipped_signs_are_the_given_fraction():
    turned = with_flipped_signs(CORE, 0.1, 0)
    changed = (turned.arrays.inhibits != CORE.arrays.inhibits).sum()
    assert changed == round(0.1 * len(CORE.arrays.inhibits))
    assert np.array_equal(turned.arrays.source, CORE.arrays.source)


def test_shuffling_keeps_degrees_and_signs_and_moves_edges():
    other = shuffled(CORE, 0)
    for key in ("product", "reaction", "inhibits"):
        assert np.array_equal(getattr(other.arrays, key), getattr(CORE.arrays, key))
    assert sorted(other.arrays.source) == sorted(CORE.arrays.source)
    assert (other.arrays.source != CORE.arrays.source).mean() > 0.8


def test_without_wiring_only_inputs_are_left():
    bare = unwired(CORE)
    assert bare.input_species == CORE.input_species
    assert len(bare.rules) == CORE.summary()["inputs"]
    assert len(bare.arrays.source) == len(bare.edges) == 0
    assert np.array_equal(bare.arrays.input_level, CORE.arrays.input_level)
    assert bare.species.equals(CORE.species)


def test_kinetics_follow_their_reactions_into_the_wiring_that_is_shown():
    kinetics = draw_world(CORE, 0).arrays
    shown = with_flipped_signs(incomplete(CORE, 0.15, 0), 0.1, 0).arrays
    found = believed(shown, kinetics)
    row = [kinetics.reaction_ids.index(name) for name in shown.reaction_ids]
    assert len(row) == 138
    assert np.array_equal(found.n, kinetics.n[row])
    assert np.array_equal(found.tau, kinetics.tau)
    assert np.array_equal(found.inhibits, shown.inhibits)
    whole = believed(CORE.arrays, kinetics)
    for field in fields(whole):
        assert np.array_equal(getattr(whole, field.name), getattr(kinetics, field.name)), field.name


def test_kinetics_of_other_reactions_and_species_are_refused():
    with pytest.raises(NetworkError, match=r"no kinetics of reaction 'r2'"):
        believed(
            SignalingNetwork.from_rules("two", ["=> a", "a => b"]).arrays,
            unwired(SignalingNetwork.from_rules("two", ["=> a", "a => b"])).arrays,
        )
    with pytest.raises(NetworkError, match="of other species"):
        believed(CORE.arrays, SignalingNetwork.from_rules("small", RULES).arrays)


@pytest.fixture(scope="module")
def data():
    return benchmark(0, 4, size=Size(10, 6, 6, 12, 8, 10))


def test_tests_were_never_trained_on(data):
    trained = {tuple(row) for row in np.concatenate([data.train.stimulus, data.train.factor], axis=1)}
    asked = {tuple(row) for row in np.concatenate([data.combine.stimulus, data.combine.factor], axis=1)}
    assert not trained & asked
    gone = lambda e: {int(np.flatnonzero(row == 0)[0]) for row in e.factor if (row == 0).any()}  # noqa: E731
    assert len(gone(data.train)) == 12
    assert len(gone(data.knockout)) == 10
    assert not gone(data.train) & gone(data.knockout)
    assert np.array_equal(data.knockout.stimulus, data.wild.stimulus)
    assert data.wild.wild_type.all()


def test_noise_is_what_it_says_and_truth_is_free_of_it(data):
    clean = benchmark(0, 4, size=Size(10, 6, 6, 12, 8, 10), noise_sd=0.0)
    noise = data.train.activity - clean.train.activity
    assert noise.std() == pytest.approx(0.03, rel=0.05)
    assert np.array_equal(data.combine.activity, clean.combine.activity)
    assert np.abs(data.seen.activity - clean.seen.activity).std() > 0.01


def test_experiments_do_not_depend_on_k_or_on_the_prior(data):
    other = benchmark(0, 8, missing=0.15, size=Size(10, 6, 6, 12, 8, 10))
    assert np.array_equal(other.combine.activity, data.combine.activity)
    assert np.array_equal(other.train.stimulus, data.train.stimulus)
    assert len(other.train.times_h) == 8
    assert data.train.times_h[-1] == 60


def test_bad_settings_are_refused():
    with pytest.raises(ExperimentError, match=r"k is 0; allowed: a whole number, 1 or more"):
        benchmark(0, 0)
    with pytest.raises(ExperimentError, match=r"no mechanism 'hil' \(did you mean 'hill'\?\)"):
        draw_world(CORE, 0, "hil")
    with pytest.raises(ExperimentError, match="seed -1; allowed: 0 to"):
        draw_world(CORE, -1)
