"""Models of real courses: what they must find on courses whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation import realcells
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.real import alike, baselines, both, gp, hmlm, protocols, standin
from hmlm_lib.real.courses import NONE, Courses
from hmlm_lib.real.drugs import drugs_of, joined
from hmlm_lib.training import Training

PRIOR = SignalingNetwork.from_rules("p", ["EGF => S0", "S0 => S1", "IGF1 => S2", "S1 => S3", "S1 => S2"])
TIMES = np.array([0.0, 5.0, 15.0, 60.0, 240.0])
STIMULI = ("EGF", "NRG1", "HGF", "IGF1", "INS", "PBS")


def made(noise=0.02, seed=0):
    """EGF and NRG1 do the same, so do IGF1 and INS; AKTi and MEKi subtract, and the mixture does both."""
    rng = np.random.default_rng(seed)
    rise = np.log1p(TIMES) / np.log1p(240.0)
    kind = {"EGF": 0, "NRG1": 0, "HGF": 1, "IGF1": 2, "INS": 2, "PBS": 3}
    inhibitors = (NONE, "AKTi", "MEKi", "AKT_MEKi")
    effect, minus = np.random.default_rng(5).normal(0, 1.5, (4, 6)), np.random.default_rng(6).normal(0, 1, (2, 6))
    gate = 1 + 0.8 * np.random.default_rng(7).normal(0, 1, (4, 4, 6))  # how an inhibitor changes what a stimulus does
    pairs = [(s, i) for i in inhibitors for s in STIMULI]
    level = [
        effect[kind[s]] * gate[inhibitors.index(i), kind[s]] + ("AKT" in i) * minus[0] + ("MEK" in i) * minus[1]
        for s, i in pairs
    ]
    log2 = np.array(level)[:, None] * rise[:, None] + rng.normal(0, noise, (len(pairs), len(TIMES), 6))
    names = tuple(s for s, _ in pairs), tuple(i for _, i in pairs)
    return Courses("made", *names, TIMES, tuple(f"S{k}" for k in range(6)), log2)


def foretold(model, courses, name="fivefold"):
    wanted = protocols.protocol(name)
    return protocols.rmse(protocols.squared_errors(protocols.predicted(model, courses, (), wanted, 0), courses, wanted))


@pytest.fixture(scope="module")
def courses():
    return made()


def test_a_mixture_holds_its_drugs_and_a_name_with_a_bar_does_not():
    assert drugs_of([NONE, "AKTi", "AKT_MEKi", "MEKi + p38i"]) == [(), ("AKT",), ("AKT", "MEK"), ("MEK", "p38")]
    assert drugs_of(["p38_MAPKi", "AKTi"]) == [("p38_MAPK",), ("AKT",)]


def test_only_courses_of_one_form_can_be_joined(courses):
    assert len(joined(courses, courses)) == 2 * len(courses)
    with pytest.raises(ExperimentError, match="signals or times differ"):
        joined(courses, replace(courses, signals=tuple("abcdef")))


def test_stimuli_that_act_alike_are_found_alike(courses):
    where = alike.points(courses)
    numbers = alike.fit(alike.seen(where, courses, alike.guide(courses)), len(STIMULI))
    similar, names = numbers.similarity().detach().numpy(), sorted(STIMULI)

    def of(a, b):
        return similar[names.index(a), names.index(b)]

    assert min(of("EGF", "NRG1"), of("IGF1", "INS")) > 0.8
    assert max(abs(of("EGF", "HGF")), abs(of("HGF", "IGF1"))) < 0.6
    assert np.allclose(np.diag(similar), 1)


def test_what_is_alike_is_foretold_where_ridge_cannot(courses):
    assert foretold(alike.predict, courses) < 0.75 * foretold(baselines.ridge, courses)


def test_the_posterior_is_that_of_a_dense_gaussian(courses):
    """Against numpy, with the fitted numbers; a missing value is as good as not there."""
    where, holes = alike.points(courses), courses.take(range(len(courses)))
    holes.log2[3, 2, 1] = np.nan
    one = alike.seen(where, holes, alike.guide(holes))
    numbers = alike.fit(one, len(STIMULI), iterations=3)
    with torch.no_grad():
        full = alike.covariance(numbers, one.points, one.points)[1].numpy()
        noise = np.diag(numbers.noise()[1].numpy() + alike.JITTER)
        root = alike.factor(numbers, one)
        mean = (alike.covariance(numbers, one.points, one.points) @ torch.cholesky_solve(one.change[..., None], root))[
            1
        ]
    keep = one.gap[1].numpy() == 0
    assert (~keep).sum() == 1
    inner = (full + noise)[np.ix_(keep, keep)]
    dense = full[:, keep] @ np.linalg.solve(inner, one.change[1].numpy()[keep])
    np.testing.assert_allclose(mean[:, 0].numpy(), dense, atol=1e-4)


def test_a_spoiled_sample_is_found_and_hardly_believed(courses):
    spoiled = courses.take(range(len(courses)))
    rng = np.random.default_rng(0)
    spoiled.log2[4, 2] += rng.normal(0.0, 1.5, len(courses.signals))
    one = alike.seen(alike.points(spoiled), spoiled, alike.guide(spoiled))
    noise = alike.fit(one, len(STIMULI)).sample.detach().numpy().reshape(len(courses), -1)
    assert np.unravel_index(noise.argmax(), noise.shape) == (4, 1)
    assert noise[4, 1] > 1.0


def test_where_two_processes_disagree_their_mean_is_less_sure(courses):
    asked = np.array(courses.inhibitor) == sorted(set(courses.inhibitor) - {NONE})[0]
    train, shown = courses.take(~asked), courses.take(asked).shown_at([0])
    mean, spread = both.posterior(train, shown)
    one, sure = alike.posterior(train, shown)
    other = gp.one_line(train, shown) - shown.log2[:, :1]
    np.testing.assert_allclose(mean, (one + other) / 2)
    np.testing.assert_allclose(spread**2 - sure**2, (one - mean) ** 2, atol=1e-12)


def test_intervals_cover_what_they_say(courses):
    wanted = protocols.protocol("fivefold")
    said, spread = realcells.predicted(realcells.entry("gp_alike"), courses, (), wanted, 0)
    assert 0.8 < realcells.covered(said, spread, courses, wanted) <= 1.0


# HMLM on changes


def test_the_wiring_takes_signals_in_and_stimuli_as_inputs():
    prior = SignalingNetwork.from_rules("p", ["EGF => RAS", "RAS => ERK", "!AKT => ERK", "X => EGF"])
    network = hmlm.wiring(prior, ("erk", "other"), ("egf", "PBS"))
    assert set(network.input_species) == {"EGF", "PBS"}
    assert "other" in network.species_names
    assert "erk" not in network.species_names
    edges = set(network.signed_edges[["source", "target"]].itertuples(index=False, name=None))
    assert edges == {("EGF", "RAS"), ("RAS", "ERK"), ("AKT", "ERK")}
    assert hmlm.wiring(None, ("a",), ("s",)).signed_edges.empty


def test_an_untouched_model_stays_at_its_start_and_unknown_drugs_do_nothing(courses):
    model, task = hmlm.prepared((courses,), None, hmlm.CONFIG, 0)
    quiet = hmlm.Given(*(v[:1] for v in vars(task.given).values()))
    nothing = hmlm.Given(quiet.line, torch.zeros_like(quiet.stimulus), torch.zeros_like(quiet.drug), quiet.apart)
    drugged = hmlm.Given(quiet.line, torch.zeros_like(quiet.stimulus), torch.ones_like(quiet.drug), quiet.apart)
    with torch.no_grad():
        for given in (nothing, drugged):
            states, _ = model.course(given, task.grid)
            assert torch.allclose(states, model._rest.expand_as(states[0]).expand_as(states), atol=1e-5)


def test_hmlm_learns_what_stimuli_do(courses):
    test = next(protocols.folds(courses, protocols.protocol("fivefold"), 0))
    shown, short = courses.take(test).shown_at([0]), Training(steps=60, learning_rate=0.03)
    said, again = (hmlm.predict(shown, (courses.take(~test),), PRIOR, training=short) for _ in range(2))
    np.testing.assert_array_equal(said, again)
    away, still = (np.square(x - courses.take(test).log2).mean() for x in (said, shown.log2[:, :1]))
    assert away < 0.6 * still


def test_hmlm_passes_through_what_is_shown(courses):
    shown = courses.take([0, 7]).shown_at([0, 2, 4])
    said = hmlm.predict(shown, (courses.take(range(8, 24)),), PRIOR, training=Training(steps=20, learning_rate=0.03))
    np.testing.assert_allclose(said[:, [0, 2, 4]], shown.log2[:, [0, 2, 4]], atol=1e-5)
    assert np.isfinite(said).all()


# The stand-in


def test_the_stand_in_has_the_shape_of_real_courses():
    one, other = standin.fibroblasts(2)
    assert one.log2.shape == (40, 7, standin.SIGNALS)
    assert one.signals == other.signals
    assert not np.allclose(one.log2, other.log2)
    np.testing.assert_array_equal(one.log2, standin.fibroblasts(1)[0].log2)
    for inhibitor in set(one.inhibitor):  # one sample is the start of all stimuli
        starts = one.take([i == inhibitor for i in one.inhibitor]).log2[:, 0]
        assert (starts == starts[0]).all()


def test_simulated_lines_before_real_ones_share_their_names(courses):
    before = hmlm.simulated_before(courses, PRIOR, 1)[0]
    assert set(before.stimulus) == set(STIMULI)
    assert set(before.signals) <= set(courses.signals)
