"""Strategies: caching is exact, frozen stays frozen, padding changes nothing, a silent attention leaves the encoder."""

import numpy as np
import pytest
import torch

from hmlm_lib.composition.compose import SIDES, ComposeConfig, Composition, Contrastive, Pooled, spread
from hmlm_lib.composition.fit import Cached, FitConfig, auroc, fit, logits
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.pairs import Pairs
from hmlm_lib.composition.states import frozen, mean
from hmlm_lib.errors import ModelError, TrainingError
from hmlm_lib.training import Training

LEFT = TinyConfig(width=16, depth=3, heads=2, inner=16)
RIGHT = TinyConfig(width=24, depth=2, heads=2, inner=16)
PEPTIDES, PROTEINS = ["SIINFEKL", "GILGFVFTLAA", "KQ"], ["ACDEFGHIKL", "WYWYWY"]


@pytest.fixture
def models():
    return TinyLM.from_seed(0, LEFT).eval(), TinyLM.from_seed(1, RIGHT).eval()


def build(models, into=("left",), sites=None, **settings):
    torch.manual_seed(2)
    sites = sites or spread((3, 2), 2)
    return Composition(models, ComposeConfig(sites, into, heads=2, **settings)).eval()


def read(model, models, peptides, proteins):
    sides = (frozen(m, s, model.reads[k]) for k, m, s in zip(SIDES, models, (peptides, proteins), strict=True))
    return model(*sides)


PAIRS = Pairs.of(
    [PEPTIDES[i] for i in (0, 1, 2, 0, 1, 2)], [PROTEINS[j] for j in (0, 0, 0, 1, 1, 1)], [1, 0, 1, 0, 1, 0]
)


@pytest.mark.parametrize("into", [("left",), ("right",), SIDES])
def test_cached_states_give_the_same_as_running_every_pair(models, into):
    model = build(models, into)
    cached = logits(model, Cached.of(model, models, PAIRS))
    anew = [
        read(model, models, [one], [other]).item()
        for one, other in zip(PAIRS.names("left"), PAIRS.names("right"), strict=True)
    ]
    np.testing.assert_allclose(cached, anew, atol=1e-5)


@pytest.mark.parametrize("into", [("left",), ("right",), SIDES])
def test_attentions_that_say_nothing_leave_the_plain_encoder(models, into):
    model = build(models, into)
    for cross in model.cross.values():
        torch.nn.init.zeros_(cross.out.weight)
        torch.nn.init.zeros_(cross.out.bias)
    states = {
        k: frozen(m, s, (0, *range(1, m.depth + 1)))
        for k, m, s in zip(SIDES, models, (PEPTIDES[:2], PROTEINS), strict=True)
    }
    last, _ = model.run(states["left"], states["right"])
    for side in into:
        depth = models[SIDES.index(side)].depth
        exists = states[side].exists
        torch.testing.assert_close(last[side][exists], states[side].hidden[depth][exists])


def test_gradient_reaches_the_trained_parts_alone(models):
    model = build(models, SIDES)
    read(model, models, PEPTIDES[:2], PROTEINS).sum().backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for n, p in model.named_parameters() if "key.bias" not in n
    )
    assert all(p.grad is None and not p.requires_grad for lm in models for p in lm.parameters())
    assert not any(name.startswith("_models") for name in model.state_dict())


def test_padding_on_either_side_changes_no_answer(models):
    for into in (("left",), ("right",), SIDES):
        model = build(models, into)
        alone = read(model, models, ["SIINFEKL"], ["WYWYWY"])
        padded = read(model, models, ["SIINFEKL", "GILGFVFTLAA"], ["WYWYWY", "ACDEFGHIKL"])[:1]
        torch.testing.assert_close(alone, padded, atol=1e-5, rtol=1e-4)


def test_a_composition_in_the_paper_reads_the_peptide_and_its_last_residue(models):
    """The public code cut 9-mers at their seventh residue; here the ninth changes the answer."""
    model = build(models, ("right",))
    a, b = (read(model, models, [p], ["WYWYWY"]).item() for p in ("SIINFEKLA", "SIINFEKLW"))
    assert abs(a - b) > 1e-4


def test_matched_attention_has_as_many_parameters(models):
    twins = [TinyLM.from_seed(i, LEFT) for i in (0, 1)]
    inner = Composition(twins, ComposeConfig(spread((3, 3), 3), ("left",), heads=2))
    outer = Composition(twins, ComposeConfig(((3, 3),) * 3, ("left",), heads=2))
    assert inner.n_parameters == outer.n_parameters
    assert inner.features == outer.features == 16


def test_widths_are_bridged_only_where_they_differ(models):
    assert isinstance(build(models).cross["left_0"].bridge, torch.nn.Linear)
    twins = [TinyLM.from_seed(i, LEFT) for i in (0, 1)]
    same = Composition(twins, ComposeConfig(((3, 3),), ("left",), heads=2))
    assert isinstance(same.cross["left_0"].bridge, torch.nn.Identity)


def test_spread_reaches_from_the_first_to_the_last_layer():
    assert spread((6, 6), 3) == ((1, 1), (3, 3), (6, 6))
    assert spread((4, 4), 4) == ((1, 1), (2, 2), (3, 3), (4, 4))
    assert spread((12, 6), 1) == ((12, 6),)


def test_single_sides_see_one_side(models):
    for side, others in (("left", PROTEINS), ("right", PEPTIDES[:2])):
        torch.manual_seed(0)
        model = Pooled(models, (side,)).eval()
        fixed = {"left": PEPTIDES[0], "right": PROTEINS[0]}[side]
        rows = [([fixed], [x]) if side == "left" else ([x], [fixed]) for x in others]
        found = []
        for left, right in rows:
            parts = (frozen(m, s, (m.depth,)) for m, s in zip(models, (left, right), strict=True))
            found.append(model(*parts).item())
        assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_hidden_tokens_are_hidden_in_training_only(models):
    model = build(models, hide=0.5, dropout=0.0)
    first = read(model, models, ["SIINFEKL"], ["ACDEFGHIKL"])
    torch.testing.assert_close(first, read(model, models, ["SIINFEKL"], ["ACDEFGHIKL"]))
    model.train()
    drawn = {round(read(model, models, ["SIINFEKL"], ["ACDEFGHIKL"]).item(), 5) for _ in range(5)}
    assert len(drawn) > 1


@pytest.mark.parametrize(
    ("sites", "ends"), [((), "from 0 on"), (((2, 1), (1, 2)), "from 0 on"), (((1, 3),), "from 0 to 3 on the left")]
)
def test_sites_that_cannot_be_are_refused(models, sites, ends):
    with pytest.raises(ModelError, match=f"allowed: pairs of hidden states that do not fall, {ends}"):
        Composition(models, ComposeConfig(sites))
    with pytest.raises(ModelError, match=r"into \('up',\); allowed"):
        Composition(models, ComposeConfig(((1, 1),), ("up",)))


def test_training_repeats_keeps_the_best_state_and_says_when_it_diverges(models):
    config = FitConfig(epochs=3, batch=4, training=Training(learning_rate=1e-2, seed=3))
    runs = [fit(lambda: Contrastive(models, 8), models, PAIRS, {"random": PAIRS}, config) for _ in range(2)]
    assert runs[0].valid == runs[1].valid
    np.testing.assert_array_equal(runs[0].predict(PAIRS), runs[1].predict(PAIRS))
    before = runs[0].predict(PAIRS)
    assert auroc(PAIRS, runs[0].at("random").predict(PAIRS)) == runs[0].valid["random"]
    np.testing.assert_array_equal(runs[0].predict(PAIRS), before)  # `at` is a copy
    with pytest.raises(TrainingError, match=r"no question 'randm' \(did you mean 'random'\?\)"):
        runs[0].at("randm")
    wild = FitConfig(epochs=3, batch=4, training=Training(learning_rate=1e30))
    with pytest.raises(TrainingError, match=r"training diverged at step"):
        fit(lambda: Contrastive(models, 8), models, PAIRS, {"random": PAIRS}, wild)


def test_pairs_that_cannot_be_trained_or_judged_on_are_refused(models):
    binds = Pairs.of(PEPTIDES[:2], PROTEINS, [1, 1])
    for train, valid, message in (
        (PAIRS, {"random": PAIRS, "unseen": binds}, "validation 'unseen': 2 of 2 pairs bind; allowed: some, not all"),
        (PAIRS, {}, "no validation pairs; allowed: one question or more"),
        (Pairs.of([], [], []), {"random": PAIRS}, "no training pairs; allowed: one or more"),
    ):
        with pytest.raises(TrainingError, match=message):
            fit(lambda: Contrastive(models, 8), models, train, valid, FitConfig(epochs=1))


def test_mean_counts_real_tokens():
    hidden = torch.tensor([[[1.0], [3.0], [99.0]]])
    assert mean(hidden, torch.tensor([[True, True, False]])).item() == 2.0
