"""Settings of compositions that are out of range: refused where they are made, by name, with what is allowed."""

import math

import pytest

from hmlm_lib.composition import study
from hmlm_lib.composition.attention import Attention
from hmlm_lib.composition.classical import OneHot, PositionTables
from hmlm_lib.composition.compose import ComposeConfig, Composition, Contrastive, Pooled, spread
from hmlm_lib.composition.fit import FitConfig
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.pairs import Pairs, splits
from hmlm_lib.composition.planted import planted
from hmlm_lib.composition.pretrain import pretrain
from hmlm_lib.composition.residues import Vocabulary
from hmlm_lib.errors import ModelError, SequenceError, TrainingError
from hmlm_lib.training import Training

SMALL = TinyConfig(width=16, depth=2, heads=2, inner=16)
PEPTIDES = ["SIINFEKL", "GILGFVFTL"] * 2


@pytest.fixture
def models():
    return (TinyLM.from_seed(0, SMALL).eval(),) * 2


@pytest.mark.parametrize("name", ["epochs", "batch", "looks", "patience"])
@pytest.mark.parametrize("value", [0, -4, 2.5, math.nan])
def test_training_is_counted_in_whole_numbers(name, value):
    with pytest.raises(TrainingError, match=f"{name} is {value}; allowed: a whole number, 1 or more"):
        FitConfig(**{name: value})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs is 0; allowed: a whole number, 1 or more"),
        ({"batch": 2.5}, "batch is 2.5; allowed: a whole number, 1 or more"),
        ({"seed": -1}, "seed is -1; allowed: a whole number, 0 or more"),
        ({"rate": math.nan}, "rate is nan; allowed: 0 or more, finite"),
    ],
)
def test_a_notebook_trains_with_settings_that_can_be(setting, message):
    with pytest.raises(TrainingError, match=message):
        study.Live(**{"model": "planted", "epochs": 1} | setting)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"heads": 0}, "heads is 0; allowed: a whole number, 1 or more"),
        ({"heads": 1.5}, "heads is 1.5; allowed: a whole number, 1 or more"),
        ({"hidden": -3}, "hidden is -3; allowed: a whole number, 0 or more"),
        ({"dropout": 1}, "dropout is 1; allowed: 0 or more, below 1"),
        ({"dropout": math.nan}, "dropout is nan; allowed: 0 or more, below 1"),
        ({"hide": 1.0}, "hide is 1.0; allowed: 0 or more, below 1"),
        ({"hide": "some"}, "hide is 'some'; allowed: 0 or more, below 1"),
        ({"gain": math.inf}, "gain is inf; allowed: a finite number"),
        ({"into": ()}, r"into \(\); allowed: \('left',\), \('right',\) or both"),
        ({"into": "left"}, r"into left; allowed: \('left',\)"),
        ({"into": ("left", "left")}, r"into \('left', 'left'\); allowed"),
        ({"sites": ()}, r"sites \(\); allowed: pairs of hidden states that do not fall, from 0 on, at least one"),
        ({"sites": (1, 1)}, r"sites \(1, 1\); allowed: pairs"),
        ({"sites": ((1,),)}, r"sites \(\(1,\),\); allowed: pairs"),
        ({"sites": ((1.5, 2),)}, r"sites \(\(1.5, 2\),\); allowed: pairs"),
        ({"sites": ((0, -1),)}, r"sites \(\(0, -1\),\); allowed: pairs"),
    ],
)
def test_a_composition_that_cannot_be_is_refused_before_it_is_built(setting, message):
    with pytest.raises(ModelError, match=message):
        ComposeConfig(**{"sites": ((1, 1),)} | setting)


def test_heads_share_the_width(models):
    with pytest.raises(ModelError, match="width is 16; allowed: a multiple of heads = 3"):
        Composition(models, ComposeConfig(((1, 1),), heads=3))
    with pytest.raises(ModelError, match="heads is 0; allowed: a whole number, 1 or more"):
        Attention(16, 0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda m: Pooled(m, ()), r"sides \(\); allowed: \('left',\), \('right',\) or both"),
        (lambda m: Pooled(m, ("up",)), r"sides \('up',\); allowed"),
        (lambda m: Pooled(m, ("left",), hidden=-1), "hidden is -1; allowed: a whole number, 0 or more"),
        (lambda m: Pooled(m, ("left",), dropout=2), "dropout is 2; allowed: 0 or more, below 1"),
        (lambda m: Contrastive(m, 0), "width is 0; allowed: a whole number, 1 or more"),
        (lambda m: Contrastive(m, dropout=-0.1), "dropout is -0.1; allowed: 0 or more, below 1"),
        (lambda m: spread((4, 4), 0), "count is 0; allowed: a whole number, 1 or more"),
        (lambda m: spread((4,), 2), r"depths is \(4,\); allowed: two whole numbers, 1 or more"),
        (lambda m: spread((0, 4), 2), r"depths is \(0, 4\); allowed: two whole numbers, 1 or more"),
    ],
)
def test_strategies_have_sizes_that_can_be(models, build, message):
    with pytest.raises(ModelError, match=message):
        build(models)


@pytest.mark.parametrize("name", ["width", "depth", "heads", "inner"])
@pytest.mark.parametrize("value", [0, 1.5])
def test_a_language_model_has_whole_sizes(name, value):
    with pytest.raises(ModelError, match=f"{name} is {value}; allowed: a whole number, 1 or more"):
        TinyConfig(**{name: value})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"longest": 0}, "longest is 0; allowed: a whole number, 1 or more"),
        ({"residues": ""}, "residues is ''; allowed: one letter or more, each once"),
        ({"residues": "AAC"}, "residues is 'AAC'; allowed: one letter or more, each once"),
    ],
)
def test_a_vocabulary_has_letters_and_a_length(setting, message):
    with pytest.raises(SequenceError, match=message):
        Vocabulary(**setting)


@pytest.mark.parametrize("shares", [(1,), (1, -1), (0, 0), (1, math.nan), (1, 1, 1)])
def test_kinds_are_drawn_by_shares_that_can_be(shares):
    with pytest.raises(SequenceError, match=r"shares is .*; allowed: one number a kind \(2\), 0 or more, not all 0"):
        pretrain([["SIINFEKL"], ["KQWY"]], SMALL, Training(steps=1), shares)


def test_shares_may_be_whole_numbers():
    kinds = [["SIINFEKL"], ["KQWY"]]
    whole, parts = (pretrain(kinds, SMALL, Training(steps=3), shares) for shares in ((3, 1), (3.0, 1.0)))
    assert (whole.guess.weight == parts.guess.weight).all()


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"train": 0}, "train is 0; allowed: a whole number, 1 or more"),
        ({"valid": 2.5}, "valid is 2.5; allowed: a whole number, 1 or more"),
        ({"test": -3}, "test is -3; allowed: a whole number, 1 or more"),
        ({"unseen": (8,)}, r"unseen is \(8,\); allowed: two whole numbers, 1 or more"),
        ({"unseen": (8, -1)}, r"unseen is \(8, -1\); allowed: two whole numbers, 1 or more"),
    ],
)
def test_splits_have_whole_sizes(size, message):
    with pytest.raises(SequenceError, match=message):
        splits(planted(500, 48), 0, **size)


@pytest.mark.parametrize("kind", [OneHot, PositionTables])
@pytest.mark.parametrize(
    ("peptide", "protein", "message"),
    [
        ("SIINFEXL", "GSHSM", r"peptide \(SIINFEXL\), position 7: residue 'X'; allowed: ACDEFGHIKLMNPQRSTVWY"),
        ("siinfekl", "GSHSM", r"peptide \(siinfekl\), position 1: residue 's'; allowed"),
        ("SII", "GSHSM", "peptide 'SII' has 3 residues; allowed: 4 or more"),
        ("SIINFEKL", "GSHXM", r"protein \(GSHXM\), position 4: residue 'X'; allowed"),
        ("SIINFEKL", "GSHSMA", "protein 'GSHSMA' has 6 residues; allowed: 5, as (the first protein|in train)"),
    ],
)
def test_what_the_tables_cannot_read_is_refused(kind, peptide, protein, message):
    def pairs(one, other):
        return Pairs.of([one, "GILGFVFTL"] * 2, [other, "GSHSA", "GSHSA", other], [1, 1, 0, 0])

    fine, wrong = pairs("SIINFEKL", "GSHSM"), pairs(peptide, protein)
    with pytest.raises(SequenceError, match=message):
        kind().fit(wrong, fine)
    with pytest.raises(SequenceError, match=message):
        kind().fit(fine, fine).predict(wrong)


@pytest.mark.parametrize("kind", [OneHot, PositionTables])
def test_proteins_are_as_long_as_in_training(kind):
    def pairs(one, other):
        return Pairs.of(PEPTIDES, [one, other, other, one], [1, 1, 0, 0])

    fine = pairs("GSHSM", "GSHSA")
    with pytest.raises(SequenceError, match="has 4 residues; allowed: 5, as in train"):
        kind().fit(fine, fine).predict(pairs("GSHS", "GSHA"))
