"""Explanations on networks small enough to know the answer, and against finite differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from hmlm_lib.baselines.networks import GRU
from hmlm_lib.baselines.trivial import Persistence
from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.evaluation.worlds import World, draw_world
from hmlm_lib.features import topology_prior
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.interpret import contexts, crosstalk, cuts, explain, faithful, recover
from hmlm_lib.network import SignalingNetwork

RULES = ["=> TGFB", "=> tension", "TGFB => r", "tension & !i => r", "TGFB => i", "r => g", "tension => h", "g => h"]
T = 30.0


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(SignalingNetwork.from_rules("small", RULES, tau={"h": 4.0}, input_level=0.1), 0)


@pytest.fixture(scope="module")
def asked(world):
    return contexts.contexts(world, world.network)


@pytest.fixture(scope="module")
def model(world):
    found = HMLM.from_network(world.network, HMLMConfig(width=8, hierarchy=False, proposals=False), 1)
    found.horizon_h = T
    return found


def index(asked, *names):
    return tuple(asked.network.index[name] for name in names)


def test_contexts_are_the_papers_from_rest(world, asked):
    assert asked.names == ("control", "TGF-beta", "strain", "combined")
    tgfb, tension = index(asked, "TGFB", "tension")
    assert asked.stimulus[:, tgfb].tolist() == [0.1, 0.9, 0.1, 0.95]
    assert asked.stimulus[:, tension].tolist() == [0.1, 0.1, 0.85, 0.9]
    still = world.simulate(asked.stimulus[:1], asked.factor[:1], asked.y0[:1], np.array([T]))
    np.testing.assert_allclose(still[0, 0], asked.y0[0], atol=1e-3)
    assert contexts.context(asked, "strain").names == ("strain",)
    with pytest.raises(
        ModelError, match=r"no context 'strian' \(did you mean 'strain'\?\); allowed: control, TGF-beta"
    ):
        contexts.context(asked, "strian")
    other = draw_world(SignalingNetwork.from_rules("mine", ["=> a", "a => b"]), 0)
    with pytest.raises(ModelError, match=r"network 'mine' has no input 'TGFB'; allowed: networks of the fibroblast"):
        contexts.contexts(other, other.network)


@pytest.mark.parametrize("time_h", [-1.0, float("nan")])
def test_no_explanation_of_a_time_that_is_none(model, asked, time_h):
    for explained in (explain.gradient_input, explain.integrated, cuts.in_model):
        with pytest.raises(ExperimentError, match=r"times_h\[0\] is .*; allowed: finite hours >= 0"):
            explained(model, asked, time_h)


def test_effects_are_differences_of_two_simulations(world, asked):
    found = contexts.effects(contexts.simulator(world), asked, np.array([1.0, T]))
    assert found.dims == ("context", "source", "time", "target")
    one = asked.take([3])
    factor = one.factor.copy()
    factor[0, index(asked, "r")] = 0.0
    run = lambda f: world.simulate(one.stimulus, f, one.y0, np.array([1.0, T]))[0]  # noqa: E731
    by_hand = run(factor) - run(one.factor)
    np.testing.assert_allclose(found.sel(context="combined", source="r").values, by_hand, atol=1e-6)
    g, r = index(asked, "g", "r")
    assert contexts.pairs(found)[3][g, r] < -0.1  # without r no g
    assert abs(contexts.pairs(found)[3][r, g]) < 1e-6  # g is downstream


def test_groups_are_knocked_out_together_and_checked(asked):
    both = contexts.without(asked, {"pair": ["r", "i"]})
    assert len(both) == 4
    assert (both.factor == 0).sum(1).tolist() == [2] * 4
    with pytest.raises(ModelError, match=r"network 'small' has no species 'rr'"):
        contexts.without(asked, {"pair": ["rr"]})


def test_attention_is_the_gate_with_its_sign(model, asked):
    found = explain.attention(model, asked, T)
    r, i, g = index(asked, "r", "i", "g")
    gate = model.attention(asked, [T])["molecular"].isel(time=0).mean("head")
    np.testing.assert_allclose(found[:, g, r], gate.sel(edge="r -> g"))
    np.testing.assert_allclose(found[:, r, i], -gate.sel(edge="i -| r"))
    assert (found[:, i, g] == 0).all()
    one = explain.attention(model, asked, T, head=1)
    np.testing.assert_allclose(
        one[:, g, r], model.attention(asked, [T])["molecular"].isel(time=0, head=1).sel(edge="r -> g")
    )
    with pytest.raises(ModelError, match="no head 7; allowed: 0 to 1"):
        explain.attention(model, asked, T, head=7)


def test_rollout_follows_paths_by_hand():
    chain = np.zeros((1, 3, 3))
    chain[0, 1, 0] = chain[0, 2, 1] = -0.5  # 0 -| 1 -| 2
    found = explain.rollout(chain, layers=2)[0]
    np.testing.assert_allclose(found, [[1, 0, 0], [0.75, 0.25, 0], [0.25, 0.5, 0.25]])


def test_gradients_agree_with_finite_differences(model, asked):
    found = explain.gradient_input(model, asked, T)
    step = 1e-2
    for name in ("r", "i"):
        j = asked.network.index[name]
        up, down = (asked.factor.copy() for _ in range(2))
        up[:, j] += step
        down[:, j] -= step
        slope = (model.predict(replace(asked, factor=up), [T]) - model.predict(replace(asked, factor=down), [T]))[:, 0]
        np.testing.assert_allclose(found[:, :, j], slope / (2 * step), atol=2e-3)


def test_integrated_gradients_add_up(model, asked):
    nothing = contexts.without(asked, {"all": list(asked.network.species_names)})
    explained = (model.predict(asked, [T]) - model.predict(nothing, [T]))[:, 0]
    np.testing.assert_allclose(explain.integrated(model, asked, T, steps=32).sum(-1), explained, atol=5e-3)


def test_knockouts_need_no_hmlm_and_never_read_measurements(world, asked):
    found = explain.knockout(Persistence().fit(asked), asked, T)
    assert found.shape == (4, 6, 6)
    assert not found[:, ~np.eye(6, dtype=bool)].any()


ASKED_OF_HMLM = {
    "attention": lambda m, e: explain.attention(m, e, T),
    "gradient_input": lambda m, e: explain.gradient_input(m, e, T),
    "integrated": lambda m, e: explain.integrated(m, e, T),
    "a cut edge": lambda m, e: cuts.in_model(m, e, T),
    "a cut edge ": lambda m, _: cuts.blinded(m, torch.ones(1, 1)),
    "a cut edge  ": cuts.loss_without,
    "a cut edge   ": cuts.response_without,
    "proposals": lambda m, _: recover.proposals(m),
    "wanted": recover.wanted,
    "residual": recover.residual,
    "edge_weights": lambda m, _: recover.edge_weights(m),
}


@pytest.mark.parametrize("what", ASKED_OF_HMLM)
def test_what_explains_an_hmlm_is_refused_for_a_model_without_attention(asked, what):
    with pytest.raises(ModelError, match=f"^{what.strip()} explains an HMLM; GRU has no attention: allowed: knockout$"):
        ASKED_OF_HMLM[what](GRU(), asked)


OF_EXPERIMENTS = [name for name in ASKED_OF_HMLM if name not in ("a cut edge ", "proposals", "edge_weights")]


@pytest.mark.parametrize("what", OF_EXPERIMENTS)
def test_what_explains_an_hmlm_is_refused_for_species_in_another_order(world, what):
    own = world.network
    turned = SignalingNetwork(own.name, own.species.iloc[::-1].drop(columns="is_input"), own.reactions)
    model = HMLM.from_network(turned, HMLMConfig(width=8, hierarchy=False), 1)
    asked = contexts.contexts(world, own)
    with pytest.raises(ModelError, match=r"experiments are on network 'small' with .* in the order of its table"):
        ASKED_OF_HMLM[what](model, asked)


def test_published_is_prior_times_correlation(world, asked):
    times = np.linspace(0, 20, 21)
    course = asked.to_data_array(world.simulate(asked.stimulus, asked.factor, asked.y0, times), times)
    found = explain.published(asked, course)
    np.testing.assert_allclose(found["prior"][2], topology_prior(asked.network))
    assert (found["published"] <= found["prior"] + 1e-12).all()
    assert np.abs(found["lag correlation"]).max() <= 1 + 1e-9


# Cuts


def test_a_cut_reaction_in_the_world_is_one_of_weight_zero(world, asked):
    found = cuts.in_world(world, asked, T)
    edge = [str(rule) for rule in world.network.rules if rule.reactants].index("r => g")
    which = int(np.flatnonzero(world.arrays.reaction == edge)[0])
    w = world.arrays.w.copy()
    w[edge] = 0.0
    silent = World(world.network, replace(world.arrays, w=w), "hill", 0)
    end = lambda some: some.simulate(asked.stimulus, asked.factor, asked.y0, np.array([T]))[:, 0]  # noqa: E731
    np.testing.assert_allclose(found[:, which], end(silent) - end(world), atol=1e-4)


def test_a_cut_inhibitor_no_longer_inhibits(world, asked):
    found = cuts.in_world(world, asked, T)[3]
    (r,) = index(asked, "r")
    which = int(np.flatnonzero(world.arrays.inhibits)[0])
    assert found[which, r] > 0.01


def test_a_cut_in_the_model_is_a_knock_out_where_nothing_else_is_read(model, asked):
    g = model.edge_labels().index("g -> h")
    (h,) = index(asked, "h")
    by_cut = cuts.in_model(model, asked, T)[:, g, h]
    by_knockout = -explain.knockout(model, asked, T)[:, h, index(asked, "g")[0]]
    assert np.sign(by_cut).tolist() == np.sign(by_knockout).tolist()
    before = model.predict(asked, [T])
    cuts.in_model(model, asked, T)
    assert np.array_equal(model.predict(asked, [T]), before)  # the model itself is left alone


def test_loss_without_an_edge_is_the_loss_of_the_cut_model(world, model, asked):
    times = np.array([2.0, T])
    measured = replace(asked, times_h=times, activity=world.simulate(asked.stimulus, asked.factor, asked.y0, times))
    found, moved = cuts.loss_without(model, measured, at_once=3), cuts.response_without(model, measured, at_once=4)
    edge = 2
    keep = torch.ones(len(model._source), len(measured))
    keep[edge] = 0
    blind = cuts.blinded(model, keep)
    mse = lambda some: np.square(some.predict(measured) - measured.activity).mean()  # noqa: E731
    assert found[edge] == pytest.approx(mse(blind) - mse(model), abs=1e-6)
    assert moved[edge] == pytest.approx(
        np.sqrt(np.square(blind.predict(measured) - model.predict(measured)).mean()), abs=1e-6
    )
    with pytest.warns(UserWarning, match="predicting to 60 h, trained to 30 h"):
        late = cuts.response_without(model, replace(measured, times_h=np.array([2.0, 60.0])), at_once=4)
    assert late.max() < 1  # activities are fractions: a curve continued beyond its last point would leave them far
    softmax = HMLM.from_network(world.network, HMLMConfig(width=4, attention="softmax", hierarchy=False), 0)
    with pytest.raises(ModelError, match="edges are cut at their gates; attention is 'softmax'; allowed: logic"):
        cuts.in_model(softmax, asked, T)
    with pytest.raises(ModelError, match="edges are cut in the equations of `hill` worlds; this one is 'additive'"):
        cuts.in_world(draw_world(world.network, 0, "additive"), asked, T)


# Faithfulness


def test_spearman_knows_ties_and_constants():
    assert faithful.spearman(np.array([1.0, 2, 3]), np.array([10.0, 20, 30])) == pytest.approx(1)
    assert faithful.spearman(np.array([3.0, 2, 1]), np.array([10.0, 20, 30])) == pytest.approx(-1)
    assert faithful.spearman(np.ones(3), np.array([10.0, 20, 30])) == 0


def test_precision_of_fewer_pairs_than_asked_for_is_that_of_all():
    assert faithful.precision(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), 100) == 1.0


def test_precision_counts_ties_by_chance():
    true = np.array([5.0, 4, 3, 2, 1, 0])
    assert faithful.precision(np.array([6.0, 5, 0, 0, 0, 0]), true, 2) == 1
    assert faithful.precision(np.zeros(6), true, 2) == pytest.approx(1 / 3)
    assert faithful.precision(np.array([0.0, 0, 0, 0, 1, 1]), true, 2) == 0


def test_small_effects_count_as_none_and_the_diagonal_not_at_all():
    true = np.array([[9.0, 0.5, 0.0004], [0.0, 9.0, -0.2], [0.0002, 0.1, 9.0]])
    noisy = true + np.where(np.abs(true) < 1e-3, 3e-4, 0)
    assert faithful.scores(noisy, true, in_activities=True, k=3)["spearman"] == pytest.approx(1)
    assert faithful.scores(noisy, true, in_activities=True, k=3)["signed"] == pytest.approx(1)
    turned = faithful.scores(-true, true, in_activities=True, k=3)
    assert (turned["spearman"], turned["precision"]) == (pytest.approx(1), 1)
    assert turned["signed"] == pytest.approx(-1)


# Crosstalk


def test_crosstalk_averages_modules_and_turns_the_sign(world, asked):
    species = world.network.species.assign(module=["in", "in", "mid", "mid", "out", "out"])
    network = SignalingNetwork("small", species, world.network.reactions)
    asked = replace(asked, network=network)
    times = np.array([0.0, 1.0, T])
    found = crosstalk.modules(contexts.simulator(world), asked, times)
    assert found.dims == ("context", "source", "time", "target")
    assert list(found.target.values) == ["in", "mid", "out"]
    single = contexts.effects(contexts.simulator(world), asked, times, {"mid": ["r", "i"]})
    by_hand = -single.sel(source="mid", target=["g", "h"]).mean("target")
    np.testing.assert_allclose(found.sel(source="mid", target="out"), by_hand)
    assert found.sel(context="combined", source="mid", target="out").isel(time=-1) > 0.05
    link = crosstalk.Link("mid", "out", None, "")
    each = contexts.effects(contexts.simulator(world), asked, times)
    np.testing.assert_allclose(
        crosstalk.strength(each, found, network, link), found.sel(source="mid", target="out").isel(time=-1)
    )
    single_link = crosstalk.strength(each, found, network, crosstalk.Link("r", "g", 0.5, ""))
    np.testing.assert_allclose(single_link, -each.sel(source="r", target="g").isel(time=-1))
    with pytest.raises(ModelError, match=r"no species or module 'middle' in 'small'"):
        crosstalk.strength(each, found, network, crosstalk.Link("middle", "out", None, ""))


def test_the_papers_links_are_looked_up_in_truth_and_model(monkeypatch, world, asked):
    monkeypatch.setattr(
        crosstalk, "PAPER", (crosstalk.Link("r", "g", 0.5, "named"), crosstalk.Link("g", "r", None, ""))
    )
    true = crosstalk.see(contexts.simulator(world), asked, np.array([1.0, T]))
    assert true.single.time.values.tolist() == [T]
    table = crosstalk.paper_findings(true, true, world.network, "combined")
    assert table["edge"].tolist() == [True, False]
    np.testing.assert_allclose(table["model, combined"], table["true, combined"])
    assert table.loc["r to g", "true, combined"] > 0.1 > abs(table.loc["g to r", "true, combined"])
    with pytest.raises(
        ModelError, match=r"no context 'strian' \(did you mean 'strain'\?\); allowed: control, TGF-beta"
    ):
        crosstalk.paper_findings(true, true, world.network, "strian")


def test_arrival_is_the_first_time_over_the_threshold():
    course = xr.DataArray(
        [[0.0, 0.01, -0.5, -0.6], [0.0, 0.0, 0.0, 0.0]],
        dims=("context", "time"),
        coords={"context": ["a", "b"], "time": [0.0, 1.0, 2.0, 3.0]},
    )
    found = crosstalk.arrival(course, 0.02)
    assert found.sel(context="a") == 2.0
    assert np.isnan(found.sel(context="b"))


def test_strongest_finds_what_is_new_and_what_is_idle(asked):
    said, true, joined = np.zeros((6, 6)), np.zeros((6, 6)), np.zeros((6, 6), bool)
    joined[1, 0] = joined[2, 0] = True
    said[1, 0], said[2, 0], said[3, 0], said[4, 0] = 0.9, 0.8, -0.7, 0.2
    true[2, 0], true[3, 0] = 0.5, -0.6
    new, idle = crosstalk.strongest(said, true, joined, asked.network, k=3)
    names = asked.network.species_names
    assert new["target"].tolist() == [names[3], names[4]]
    assert new["true"].tolist() == [-0.6, 0.0]
    assert idle["target"].tolist() == [names[1]]
