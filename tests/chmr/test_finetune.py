"""Encoders that are tuned, their files, and what is refused."""

import numpy as np
import pytest
import torch

from hmlm_lib.chmr.benchmarks import by_task
from hmlm_lib.chmr.checkpoint import load, save
from hmlm_lib.chmr.finetune import Head, HeadConfig, Tuned
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.pretrain import embed
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.errors import ModelError, MoleculeError, TrainingError
from hmlm_lib.training import Training

SHORT = HeadConfig(hidden=32, layers=1, dropout=0.1, batch=128, training=Training(steps=160, learning_rate=3e-3))


@pytest.fixture(scope="module")
def made():
    p = planted(500, seed=3)
    return p, Structure.from_smiles(p.smiles, np.random.default_rng(0).standard_normal((500, 7)))


def model(molecules, **config):
    found = CHMR.from_features(
        molecules.features | {"expression": 5}, CHMRConfig(width=32, layers=2, depth=3, **config)
    )
    found.settle(molecules.shape)
    return found.eval()


def fitted(made, structure=("graph",), beside=None, seed=0):
    p, molecules = made
    rows = np.arange(400)
    encoder = model(molecules, structure=structure)
    config = HeadConfig(**vars(SHORT) | {"training": Training(steps=160, learning_rate=3e-3, seed=seed)})
    head = Tuned("auroc", encoder, molecules, beside, config)
    return encoder, head.fit(rows[:300], p.labels[:300], rows[300:], p.labels[300:400])


def test_a_tuned_encoder_learns_from_atoms_and_leaves_the_given_one_alone(made):
    p, molecules = made
    before = {name: value.clone() for name, value in model(molecules, structure=("graph",)).state_dict().items()}
    encoder, head = fitted(made)
    asked = np.arange(400, 500)
    assert np.nanmean(by_task(p.labels[asked], head.predict(asked), "auroc")) > 0.6
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]), name
    changed = head.net.encoder.state_dict()
    assert not torch.equal(changed["gin.atom.table.weight"], before["gin.atom.table.weight"])


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others(made):
    asked = np.arange(400, 500)
    one, same, other = (fitted(made, seed=seed)[1].predict(asked) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_features_beside_the_latents_are_read(made):
    p, _ = made
    beside = np.concatenate([p.labels, 1000 * p.labels[:, :1]], axis=1)  # the answer itself
    _, head = fitted(made, ("bits", "shape"), beside)
    asked = np.arange(400, 500)
    assert np.nanmean(by_task(p.labels[asked], head.predict(asked), "auroc")) > 0.95


def test_features_that_are_no_numbers_are_named(made):
    p, _ = made
    x = np.random.default_rng(0).standard_normal((500, 3))
    bad = x.copy()
    bad[7, 1] = np.nan
    with pytest.raises(MoleculeError, match="feature 1 of molecule 7 is nan; allowed: finite numbers"):
        Head("auroc", SHORT).fit(bad, p.labels, x, p.labels)
    head = Head("auroc", SHORT).fit(x, p.labels, x, p.labels)
    with pytest.raises(MoleculeError, match="feature 1 of molecule 7"):
        head.predict(bad)


def test_a_head_that_diverges_says_so(made):
    p, _ = made
    wild = HeadConfig(hidden=8, layers=1, training=Training(steps=50, learning_rate=1e38))
    with pytest.raises(TrainingError, match="training diverged at step"):
        Head("auroc", wild).fit(
            np.random.default_rng(0).standard_normal((500, 3)), p.labels, np.ones((5, 3)), p.labels[:5]
        )


def test_auroc_by_hand_with_ties_and_missing_labels():
    true = np.array([[1, 0, np.nan], [0, 0, np.nan], [1, 0, 1.0], [0, 0, np.nan], [np.nan, 1, np.nan]])
    predicted = np.array([[0.9, 1, 0], [0.2, 2, 0], [0.5, 3, 0], [0.5, 4, 0], [-9.0, 2.5, 0]])
    # task 0: .9 > .2, .9 > .5, .5 > .2, .5 = .5: 3.5 of 4 pairs; task 1: 2.5 beats 1 and 2 of four; task 2: no pair
    assert by_task(true, predicted, "auroc") == pytest.approx([3.5 / 4, 2 / 4, np.nan], nan_ok=True)


def test_a_checkpoint_embeds_the_same_and_names_what_does_not_fit(made, tmp_path):
    _, molecules = made
    whole = model(molecules, structure=("bits", "graph", "shape"))
    path = save(whole, tmp_path / "chmr.safetensors")
    again = load(path, molecules.features)
    assert again.config == whole.config
    assert np.array_equal(embed(again, molecules), embed(whole, molecules))
    with pytest.raises(ModelError, match=r"chmr.safetensors: reads 7 features of shape; the material has 8"):
        load(path, molecules.features | {"shape": 8})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        load(path)
    with pytest.raises(ModelError, match="no such checkpoint"):
        load(tmp_path / "none.safetensors")


def test_settings_out_of_range_and_labels_that_do_not_fit_are_named():
    for setting in ({"batch": 0}, {"check_every": 0}, {"layers": 0}):
        with pytest.raises(MoleculeError, match=f"{next(iter(setting))} is 0; allowed: a whole number, 1 or more"):
            HeadConfig(**setting)
    with pytest.raises(MoleculeError, match="dropout is 2; allowed: 0 or more, below 1"):
        HeadConfig(dropout=2)
    with pytest.raises(MoleculeError, match="0 steps; allowed: 1 or more"):
        HeadConfig(training=Training(steps=0))
    with pytest.raises(MoleculeError, match="revive_every is 0; allowed: a whole number, 1 or more"):
        CHMRConfig(revive_every=0)
    with pytest.raises(MoleculeError, match="validation: 4 rows for 3 labels; allowed: as many"):
        Head("auroc").fit(np.zeros((4, 2)), np.zeros((4, 1)), np.zeros((4, 2)), np.zeros((3, 1)))
    with pytest.raises(MoleculeError, match="train: label of molecule 0, task 0, is 3; allowed for auroc: 0, 1, NaN"):
        Head("auroc").fit(np.zeros((4, 2)), np.full((4, 1), 3.0), np.zeros((4, 2)), np.zeros((4, 1)))
    with pytest.raises(MoleculeError, match=r"validation: labels are of shape \(4,\); allowed: an array"):
        Head("mae").fit(np.zeros((4, 2)), np.zeros((4, 1)), np.zeros((4, 2)), np.zeros(4))
    x, y = np.arange(16.0).reshape(4, 4), np.array([[0.0, 1.0], [1.0, 0.0]] * 2)
    head = Head("auroc", HeadConfig(hidden=4, training=Training(steps=2)))
    for sets, message in (
        ((x, y, x, y[:, :1]), "validation: labels of 1 tasks; allowed: 2, as in train"),
        ((x, y, x[:, :3], y), r"validation: features of shape \(4, 3\); allowed: 4 columns, as in train"),
        ((x[0], y, x, y), r"train: features are of shape \(4,\); allowed: an array \[molecule, column\]"),
        ((x, y.astype(str), x, y), "train: labels are <U32; allowed: a numpy array of numbers"),
        ((x, torch.tensor(y), x, y), "train: labels are Tensor; allowed: a numpy array of numbers"),
        ((x, y, x, y * np.nan), "no label is known in validation; allowed: at least one"),
    ):
        with pytest.raises(MoleculeError, match=message):
            head.fit(*sets)
    with pytest.raises(MoleculeError, match=r"predict: features of shape \(4, 1\); allowed: 4 columns, as in train"):
        head.fit(x, y, x, y).predict(x[:, :1])
    with pytest.raises(MoleculeError, match="score is 'auc'; allowed: auroc, mae"):
        Head("auc")


def test_absolute_errors_are_judged_as_they_are_scored_a_task_one_vote():
    """A task of two labels weighs as much as one of eighty; one whose labels are alike counts in its own units."""
    rng = np.random.default_rng(0)
    x, valid = rng.standard_normal((80, 3)), rng.standard_normal((80, 3))
    y, valid_y = np.c_[x[:, 0], x[:, 1]], np.c_[valid[:, 0], valid[:, 1]]
    y[10:, 1] = valid_y[2:, 1] = np.nan
    head = Head("mae", SHORT).fit(x, y, valid, valid_y)
    each = by_task(valid_y, head.predict(valid), "mae") / np.nanstd(y, axis=0)
    assert head.valid_score == pytest.approx(-each.mean(), rel=1e-5)
    assert each[0] != pytest.approx(each[1], rel=0.2)
    flat = Head("mae", SHORT).fit(x, np.c_[x[:, 0], np.full(80, 3.0)], valid, np.c_[valid[:, 0], np.full(80, 3.5)])
    assert -1 < flat.valid_score < 0
    small = Head("mae", SHORT).fit(x, 1e-8 * (3 + x[:, :1]), valid, 1e-8 * (3 + valid[:, :1]))  # mol/l
    same = Head("mae", SHORT).fit(x, 3 + x[:, :1], valid, 3 + valid[:, :1])
    np.testing.assert_allclose(1e8 * small.predict(valid), same.predict(valid), rtol=1e-3)
