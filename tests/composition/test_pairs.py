"""Swap decoys and splits: what reads one side alone must know nothing, and no peptide is in two sets."""

from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hmlm_lib.composition import planted, readers, record, study
from hmlm_lib.composition.classical import OneHot, PositionTables, places
from hmlm_lib.composition.compose import SIDES, Pooled
from hmlm_lib.composition.fit import FitConfig, auroc, fit
from hmlm_lib.composition.language_models import TinyLM
from hmlm_lib.composition.pairs import Ligands, Pairs, pool, splits, swap_decoys
from hmlm_lib.errors import ModelError, SequenceError
from hmlm_lib.training import Training


@pytest.fixture(scope="module")
def ligands():
    return planted.planted(12_000, 48, seed=5)


@pytest.fixture(scope="module")
def parts(ligands):
    return splits(ligands, 5, train=1500, valid=300, test=600, unseen=(8, 8))


def everything(parts):
    return {"train": parts.train} | {f"{w} {q}": p for w in ("valid", "test") for q, p in getattr(parts, w).items()}


def test_every_peptide_stands_once_with_each_label_and_so_do_proteins_in_number(parts):
    for name, pairs in everything(parts).items():
        for side in SIDES:
            names = np.array(pairs.names(side))
            right, wrong = Counter(names[pairs.label]), Counter(names[~pairs.label])
            assert right == wrong, (name, side)
            assert side == "right" or set(right.values()) == {1}


def test_no_decoy_is_listed(ligands, parts):
    name = {sequence: name for name, sequence in ligands.proteins.items()}
    for pairs in everything(parts).values():
        for peptide, protein, label in zip(pairs.names("left"), pairs.names("right"), pairs.label, strict=True):
            assert (name[protein] in ligands.listed[peptide]) == label


def test_sets_share_no_peptide_and_held_out_proteins_are_new(parts):
    sets = everything(parts)
    peptides = [set(pairs.left) for pairs in sets.values()]
    assert len(set.union(*peptides)) == sum(map(len, peptides))
    seen = set(parts.train.right)
    for where in ("valid", "test"):
        assert set(getattr(parts, where)["random"].right) <= seen
        assert not set(getattr(parts, where)["unseen"].right) & seen
        assert all(pool(p) == where for q in ("random", "unseen") for p in getattr(parts, where)[q].left)
    assert not set(parts.valid["unseen"].right) & set(parts.test["unseen"].right)
    assert {pool(p) for p in parts.train.left} == {"train"}


def test_one_side_alone_knows_nothing(parts):
    """Exactly one half: a leak otherwise."""
    model = TinyLM.from_seed(0).eval()
    config = FitConfig(epochs=2, training=Training(learning_rate=2e-3))
    for side in SIDES:
        fitted = fit(
            lambda side=side: Pooled((model, model), (side,)), (model, model), parts.train, parts.valid, config
        )
        for q, pairs in parts.test.items():
            assert auroc(pairs, np.round(fitted.at(q).predict(pairs), 4)) == pytest.approx(0.5, abs=0.01)
    linear = OneHot().fit(parts.train, parts.valid["random"])
    assert auroc(parts.test["random"], linear.predict(parts.test["random"])) == pytest.approx(0.5, abs=0.02)


def test_the_planted_best_is_the_best_and_position_tables_come_near(ligands, parts):
    pairs = parts.test["random"]
    top = roc_auc_score(pairs.label, planted.best(pairs))
    tables = auroc(pairs, PositionTables().fit(parts.train, parts.valid["random"]).predict(pairs))
    assert 0.85 < top < 0.97
    assert auroc(pairs, planted.best(pairs)) == pytest.approx(top, abs=1e-9)
    assert 0.65 < tables < top + 0.005
    shuffled = np.random.default_rng(0).permutation(planted.best(pairs))
    assert roc_auc_score(pairs.label, shuffled) < 0.56


@pytest.mark.parametrize("question", ["random", "unseen"])
def test_tables_answer_a_pair_alone_as_within_a_batch(parts, question):
    pairs, model = parts.test[question], PositionTables().fit(parts.train, parts.valid[question])
    whole, sides = model.predict(pairs), (pairs.names("left"), pairs.names("right"))
    for k in (0, 7, len(pairs) - 1):
        alone = Pairs.of([sides[0][k]], [sides[1][k]], [int(pairs.label[k])])
        assert model.predict(alone) == pytest.approx(whole[k], abs=1e-9)
    own = np.flatnonzero(pairs.j == np.bincount(pairs.j).argmax())  # pairs of one protein
    rows = [k for k in own if pairs.left[pairs.i[k]] not in {sides[0][m] for m in own if m < k}]
    one = Pairs.of([sides[0][k] for k in rows], [sides[1][k] for k in rows], [1] * len(rows))
    assert len(one.right) == 1
    np.testing.assert_allclose(model.predict(one)[one.i.argsort()], whole[rows][one.i.argsort()], atol=1e-9)
    assert np.abs(model.predict(one)).min() > 0


def test_how_common_a_peptide_is_by_hand():
    """Two proteins that borrow nothing: three pairs of one, a single pair of the other."""
    peptides, proteins = ["AAAAAAAA", "AAAAAAAA", "AAAAAAAA", "DDDDDDDD"], ["A" * 90, "A" * 90, "A" * 90, "D" * 90]
    train = Pairs.of(peptides, proteins, [1, 1, 1, 1])
    model = PositionTables().fit(train, Pairs.of(["AAAAAAAA", "DDDDDDDD"], ["A" * 90, "A" * 90], [1, 0]))
    asked = Pairs.of(["AAAAAAAA", "AAAAAAAA"], ["A" * 90, "C" * 90], [1, 0])
    common = 4 / 24  # three counted and one, of 4 + 20
    likely, other = ((3 + 5 * common) / 8) ** 8, (5 * common / 6) ** 8
    seen, new = np.exp(model.predict(asked))
    assert seen == pytest.approx(likely / (0.75 * likely + 0.25 * other))
    assert new == pytest.approx(1)  # nothing to borrow: as common as anywhere


def test_planted_rules_by_hand():
    protein = list(planted.FRAME)
    protein[5], protein[14] = "K", "G"
    assert planted.pockets("".join(protein)) == (1, 3)  # negative and aromatic
    assert planted.anchors("ADAAAAAAW") == (1, 3)
    assert planted.matches(["ADAAAAAAW", "ADAAAAAAK", "AKAAAAAAK"], ["".join(protein)]).ravel().tolist() == [2, 1, 0]


def test_the_same_seed_gives_the_same_pairs(ligands, parts):
    again = splits(ligands, 5, train=1500, valid=300, test=600, unseen=(8, 8))
    assert again.train.left == parts.train.left
    np.testing.assert_array_equal(again.test["unseen"].j, parts.test["unseen"].j)


def test_what_cannot_be_split_is_refused(ligands):
    with pytest.raises(SequenceError, match=r"peptides to train, 100000 asked for"):
        splits(ligands, 0, train=100_000, valid=100, test=100, unseen=(8, 8))
    with pytest.raises(SequenceError, match=r"48 proteins, 47 of them held out"):
        splits(ligands, 0, unseen=(23, 24))
    one = Ligands({"A": "ACD"}, {"SIINFEKL": frozenset("A"), "GILGFVFTL": frozenset("A")})
    with pytest.raises(SequenceError, match=r"cannot be dealt out without a listed pair"):
        swap_decoys(one, ["SIINFEKL", "GILGFVFTL"], frozenset("A"), np.random.default_rng(0))
    with pytest.raises(SequenceError, match=r"SIINFEKL is listed for 'B', which has no sequence"):
        Ligands({"A": "ACD"}, {"SIINFEKL": frozenset("B")})
    with pytest.raises(SequenceError, match=r"peptide 'SII' has 3 residues"):
        places(["SII"])


def test_the_interval_covers():
    """Of 60 draws, the 95 % interval holds the true AUROC in most: 50 or more has a chance above .999."""
    rng, held = np.random.default_rng(1), 0
    for k in range(60):
        peptides = [f"p{i:04d}" for i in range(200)]
        pairs = Pairs.of(peptides * 2, ["A"] * 400, [1] * 200 + [0] * 200)
        own = rng.normal(size=200)  # what a peptide's two pairs share
        found = np.concatenate([own + rng.normal(1.0, 1.0, 200), own + rng.normal(0.0, 1.0, 200)])
        low, high = record.interval(pairs, found, k)
        held += low <= 0.6915 <= high  # Phi(1 / sqrt(4)): two pairs of different peptides
    assert held >= 50


def test_unknown_strategies_are_refused():
    with pytest.raises(ModelError, match=r"no strategy 'compositon' .did you mean 'composition'"):
        record.entry("compositon")


@pytest.mark.data
def test_public_pairs(real_data):
    ligands = readers.transphla()
    assert len(ligands.proteins) == 108  # 112 alleles, four of them with the sequence of another
    assert "HLAAQGMAY" in ligands.listed  # a peptide, though it begins like an allele
    assert set(map(len, ligands.listed)) == {8, 9, 10, 11}
    assert readers.sequence_of("HLA-A*02:01") == ligands.proteins["HLA-A*02:01"]
    with pytest.raises(SequenceError, match=r"allele 'HLA-B.07:01' has no sequence .did you mean 'HLA-C"):
        readers.sequence_of("HLA-B*07:01")
    own = readers.paper_pairs()
    assert (len(own), int(own.label.sum())) == (2004, 989)
    drugs = readers.biosnap("val")
    assert (len(drugs), list(drugs)) == (2748, ["drug", "gene", "smiles", "sequence", "label"])
    assert len(readers.biosnap_pairs("val")) == 2748
    with pytest.raises(SequenceError, match=r"BIOSNAP part 'train'; allowed"):
        readers.biosnap("train")


@pytest.mark.data
def test_the_trap_is_a_trap(real_data):
    """Peptides alone tell the decoys of TransPHLA's independent set, and nothing about swap decoys."""
    assert study.trapped(readers.trap().sample(20_000, random_state=0)) > 0.85


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((["A", "C"], ["G", "G"], [-1, 1]), "label of pair 0 is -1; allowed: 0, 1"),
        ((["A"], ["G"], [float("nan")]), "label of pair 0 is nan; allowed: 0, 1"),
        ((["A"], ["G", "K"], [1]), "1 and 2 sequences, 1 labels; allowed: as many"),
    ],
)
def test_labels_and_lengths_that_do_not_fit_are_refused(rows, message):
    with pytest.raises(SequenceError, match=message):
        Pairs.of(*rows)


@pytest.mark.parametrize(
    ("size", "message"), [((2.5, 16), "peptides is 2.5"), ((9, 3), "proteins is 3"), ((9, 16, -1), "seed")]
)
def test_planted_pairs_are_counted_in_whole_numbers(size, message):
    with pytest.raises(SequenceError, match=message):
        planted.planted(*size)
