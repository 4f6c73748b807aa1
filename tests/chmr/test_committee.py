"""Kernels of several kinds of features, and votes of two heads."""

import numpy as np
import pytest

from hmlm_lib.chmr.classical import KernelRidge
from hmlm_lib.chmr.committee import Committee, MixedKernel
from hmlm_lib.chmr.finetune import Head, HeadConfig
from hmlm_lib.errors import MoleculeError
from hmlm_lib.training import Training

HEAD = HeadConfig(hidden=16, dropout=0.0, batch=64, check_every=10, training=Training(steps=120, learning_rate=1e-2))


def molecules(seed=0, size=240):
    """Bits that decide the first task, numbers that decide the second."""
    rng = np.random.default_rng(seed)
    bits, numbers = rng.random((size, 32)) < 0.3, rng.normal(size=(size, 4)) * [1, 1, 10, 1] + [0, 5, 0, 0]
    y = np.stack([bits[:, 0] ^ bits[:, 1], numbers[:, 2] * (numbers[:, 1] - 5) > 0], 1).astype(float)
    y[rng.random(y.shape) < 0.1] = np.nan
    return np.concatenate([bits, numbers], 1), y


def test_the_kernel_by_hand():
    """Bits 1/2 alike; numbers 0, 2, 4, 6 have squared distances of median 4 to all, themselves included."""
    x = np.array([[1, 1, 0.0], [1, 0, 2.0], [0, 1, 4.0], [0, 0, 6.0]])
    model = MixedKernel("mae", (2, 1)).fit(x, np.arange(4.0)[:, None], x, np.arange(4.0)[:, None])
    squared = np.square(np.subtract.outer(x[:, 2], x[:, 2]))
    assert np.median(squared) == 4
    found = model.kernel(x[:1], x[1:2])
    assert found.item() == pytest.approx((0.5 + np.exp(-4 / 4)) / 2, abs=1e-6)
    assert np.allclose(np.diag(model.kernel(x[:3], x[:3])), 1)


def test_bits_alone_are_the_tanimoto_kernel():
    x, y = molecules()
    bits = x[:, :32]
    ours = MixedKernel("auroc", (32,)).fit(bits, y, bits[:60], y[:60]).predict(bits)
    theirs = KernelRidge("auroc").fit(bits > 0, y, bits[:60] > 0, y[:60]).predict(bits > 0)
    assert np.allclose(ours, theirs, atol=1e-8)


def test_numbers_tell_what_bits_cannot():
    (x, y), (asked, true) = molecules(), molecules(1)
    known = ~np.isnan(true[:, 1])
    score = {}
    for name, columns, groups in (("bits", slice(32), (32,)), ("both", slice(None), (32, 4))):
        model = MixedKernel("auroc", groups).fit(x[:180, columns], y[:180], x[180:, columns], y[180:])
        score[name] = np.mean((model.predict(asked[:, columns])[known, 1] > 0.5) == (true[known, 1] == 1))
    assert score["both"] > 0.7 > 0.6 > score["bits"]


@pytest.mark.parametrize("score", ["auroc", "mae"])
def test_a_committee_is_the_mean_of_its_votes(score):
    x, y = molecules()
    train, valid = slice(0, 180), slice(180, 240)
    whole = Committee(Head(score, HEAD), MixedKernel(score, (32, 4))).fit(x[train], y[train], x[valid], y[valid])
    votes = []
    for member in (Head(score, HEAD), MixedKernel(score, (32, 4))):
        member.fit(x[train], y[train], x[valid], y[valid])
        said, held = member.predict(x), member.predict(x[valid])
        votes.append((said - held.mean(0)) / held.std(0) if score == "auroc" else said)
    assert np.allclose(whole.predict(x), np.mean(votes, 0), atol=1e-6)
    assert whole.n_parameters == whole.members[0].n_parameters


def test_columns_that_are_no_group_are_refused():
    x, y = molecules()
    with pytest.raises(MoleculeError, match=r"36 features; allowed: the 40 of groups \(32, 8\)"):
        MixedKernel("auroc", (32, 8)).fit(x, y, x, y)
    x[4, 7] = 0.5
    with pytest.raises(MoleculeError, match=r"bit 7 of molecule 4 is 0\.5; allowed: 0, 1"):
        MixedKernel("auroc", (32, 4)).fit(x, y, x, y)
    x[4, 7] = 0.0
    x[3, 33] = np.nan
    with pytest.raises(MoleculeError, match="allowed: finite numbers"):
        MixedKernel("auroc", (32, 4)).fit(x, y, x, y)


def test_a_committee_refuses_labels_before_it_trains():
    x, y = molecules()
    committee = Committee(Head("auroc", HEAD), MixedKernel("auroc", (32, 4)))
    with pytest.raises(MoleculeError, match="no label is known in validation"):
        committee.fit(x, y, x, np.full_like(y, np.nan))
    assert not hasattr(committee.members[0], "n_parameters")
