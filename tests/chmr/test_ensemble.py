"""Half of the vote to a forest: what each member reads, what the vote is, and what is refused."""

import numpy as np
import pytest

from hmlm_lib.chmr.classical import forest
from hmlm_lib.chmr.ensemble import ForestVote
from hmlm_lib.chmr.finetune import Head, HeadConfig
from hmlm_lib.errors import MoleculeError
from hmlm_lib.training import Training

HEAD = HeadConfig(hidden=16, dropout=0.0, batch=64, check_every=10, training=Training(steps=60, learning_rate=1e-2))
TRAIN, VALID = slice(0, 160), slice(160, 200)


def molecules(size=200):
    """Bits and numbers, both of which decide two tasks; a tenth of the labels missing."""
    rng = np.random.default_rng(0)
    bits, numbers = rng.random((size, 24)) < 0.4, rng.normal(size=(size, 3))
    y = np.stack([bits[:, 0] + numbers[:, 0] > 0.5, bits[:, 1] ^ (numbers[:, 1] > 0)], 1).astype(float)
    y[rng.random(y.shape) < 0.1] = np.nan
    return np.concatenate([bits, numbers], 1), y


@pytest.mark.parametrize("score", ["auroc", "mae"])
def test_half_of_the_vote_is_the_forest_of_the_table_on_bits_alone(score):
    x, y = molecules()
    whole = ForestVote(Head(score, HEAD), 24, seed=3, trees=20).fit(x[TRAIN], y[TRAIN], x[VALID], y[VALID])
    votes = []
    for member, columns in ((Head(score, HEAD), x), (forest(score, 3, 20), x[:, :24] > 0)):
        member.fit(columns[TRAIN], y[TRAIN], columns[VALID], y[VALID])
        said, held = member.predict(columns), member.predict(columns[VALID])
        votes.append((said - held.mean(0)) / held.std(0) if score == "auroc" else said)
    assert np.allclose(whole.predict(x), np.mean(votes, 0), atol=1e-6)
    assert not np.allclose(votes[0], votes[1], atol=0.05)  # a vote of one member alone would be another number
    assert whole.n_parameters == whole.members[0].n_parameters > 0


def test_columns_that_are_no_bits_are_refused():
    x, y = molecules()
    for bits, message in {
        25: r"bit 24 of molecule 0 is \S+; allowed: 0, 1",
        40: "27 features; allowed: 40 bits, and",
    }.items():
        vote = ForestVote(Head("auroc", HEAD), bits, trees=2)
        with pytest.raises(MoleculeError, match=message):
            vote.fit(x, y, x, y)
        assert not hasattr(vote.members[0], "n_parameters")  # refused before the perceptron was trained


def test_what_the_perceptron_would_refuse_is_refused_before_the_forest_grows():
    x, y = molecules()
    broken = x.copy()
    broken[3, 25] = np.nan
    for features, labels, message in (
        (x, np.full_like(y, np.nan), "no label is known in validation"),
        (broken, y, "feature 25 of molecule 3 is nan; allowed: finite numbers"),
    ):
        vote = ForestVote(Head("auroc", HEAD), 24, trees=2)
        with pytest.raises(MoleculeError, match=message):
            vote.fit(features, y, x, labels)
        assert not hasattr(vote.members[1].model, "models")
