"""CHMR: its parts one by one, its training, and what it is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from hmlm_lib.chmr import halved
from hmlm_lib.chmr.finetune import Head, HeadConfig
from hmlm_lib.chmr.material import IMPUTATIONS, Material
from hmlm_lib.chmr.modalities import hide
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.pretrain import embed, pretrain
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.chmr.walks import walks
from hmlm_lib.errors import ModelError, MoleculeError, RunError
from hmlm_lib.training import Training

SMALL = CHMRConfig(width=32, layers=2, depth=3)


@pytest.fixture(scope="module")
def made():
    p = planted(600, seed=2)
    return p, {name: hide(m, 0.5, i) for i, (name, m) in enumerate(p.modalities.items())}


@pytest.fixture(scope="module")
def material(made):
    return Material.complete(Structure.from_smiles(made[0].smiles), made[1])


def parts(model, material, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return model.loss(material.inputs(torch.arange(64), True, generator), generator)


@pytest.mark.parametrize("how", IMPUTATIONS)
def test_imputation_keeps_what_was_measured(made, how):
    p, cells = made
    material = Material.complete(Structure.from_smiles(p.smiles), cells, how)
    for name, ready in material.cells.items():
        mean, sd = (f(cells[name].values[cells[name].known], 0) for f in (np.mean, np.std))
        known = ((cells[name].values - mean) / sd).clip(-5, 5)[cells[name].known]
        assert np.allclose(ready.filled[ready.known].numpy(), known, atol=1e-5)
        assert torch.isfinite(ready.filled).all()
        assert (ready.target >= 0).all()
        assert (ready.target <= 1).all()


def test_structure_tells_what_cells_do_so_propagation_beats_the_mean(made):
    p, cells = made
    true = p.modalities["expression"]
    hidden = ~cells["expression"].known
    seen = true.values[~hidden]
    error = {}
    for how in IMPUTATIONS:
        found = Material.complete(Structure.from_smiles(p.smiles), cells, how).cells["expression"].filled.numpy()
        error[how] = np.square(found - (true.values - seen.mean(0)) / seen.std(0))[hidden].mean()
    assert error["propagation"] < 0.85 * error["mean"]
    assert error["propagation"] < error["nearest"]
    assert error["mean"] == pytest.approx(error["zero"], abs=1e-4)


def test_walks_follow_edges_and_weigh_them():
    neighbour = torch.tensor([[1, 2], [0, 2], [0, 1], [0, 1]])
    similarity = torch.tensor([[0.5, 0.0], [0.5, 0.0], [0.4, 0.0], [0.0, 0.0]])
    met, weight = walks(neighbour, similarity, torch.tensor([0, 2, 3]), 3, torch.Generator().manual_seed(0))
    assert met.tolist() == [[0, 1, 0, 1], [2, 0, 1, 0], [3, 3, 3, 3]]
    assert torch.allclose(weight, torch.tensor([[1, 0.5, 0.25, 0.125], [1, 0.4, 0.2, 0.1], [1, 0, 0, 0]]))


def test_modality_dropout_never_leaves_out_everything():
    model = CHMR.from_features({"bits": 8, "genetic": 4}, replace(SMALL, drop=0.9))
    latents = torch.ones(500, 2, 32)
    found = model.anchor(latents, torch.Generator().manual_seed(0))
    assert torch.allclose(found, torch.full((500, 32), 2.0))  # what is left stands for what is missing
    assert torch.equal(model.anchor(latents), latents.sum(1))


def test_gradients_reach_every_parameter_and_parts_can_be_left_out(material):
    model = CHMR.from_features(material.features, SMALL)
    total, named = parts(model, material)
    total.backward()
    assert set(named) == {"align", "tree", "reconstruct"}
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()] == []
    for name, change in {"align": {"align": 0.0}, "tree": {"depth": 0}, "reconstruct": {"reconstruct": 0.0}}.items():
        left = parts(CHMR.from_features(material.features, replace(SMALL, **change)), material)[1]
        assert set(left) == {"align", "tree", "reconstruct"} - {name}
    nothing = replace(SMALL, align=0.0, depth=0, reconstruct=0.0)
    with pytest.raises(MoleculeError, match="every part of the loss has weight 0"):
        parts(CHMR.from_features(material.features, nothing), material)


def test_pretraining_learns_what_structure_says(made, material):
    """Frozen latents of a model that saw no label: better for labels than those of an untrained one."""
    p, _ = made
    rows = np.split(np.random.default_rng(0).permutation(600), [120, 200])
    score = {}
    for steps in (1, 80):
        model = pretrain(material, SMALL, Training(steps=steps, learning_rate=3e-3), batch=128)
        x = embed(model, material).reshape(600, -1)
        short = HeadConfig(hidden=64, layers=1, training=Training(steps=120, learning_rate=2e-3))
        train, valid, test = rows
        head = Head("auroc", short).fit(x[train], p.labels[train], x[valid], p.labels[valid])
        found = head.predict(x[test])
        score[steps] = np.mean([roc_auc_score(p.labels[test, t], found[:, t]) for t in range(12)])
    assert score[80] > score[1] + 0.01


def test_killed_pretraining_goes_on_with_the_same_numbers(material, tmp_path):
    config = replace(SMALL, revive_every=3, dropout=0.2)
    whole = pretrain(material, config, Training(steps=8, learning_rate=1e-3), batch=64)
    path = tmp_path / "chmr.safetensors"
    training = Training(steps=8, learning_rate=1e-3, checkpoint=path, checkpoint_every=4)

    class Killed(Exception):
        pass

    def stop(progress):
        if progress.step == 5:
            raise Killed

    with pytest.raises(Killed):
        pretrain(material, config, replace(training, log_every=1), batch=64, report=stop)
    again = pretrain(material, config, training, batch=64)
    for (name, one), other in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    heavier = replace(config, tree=3.0)
    for changed in ({"material": replace(material, bits=~material.bits)}, {"batch": 32}, {"config": heavier}):
        with pytest.raises(ModelError, match="written by a training on other data"):
            pretrain(**{"material": material, "config": config, "training": training, "batch": 64} | changed)


def test_labels_nobody_measured_count_for_nothing(made):
    p, _ = made
    x = p.modalities["expression"].values
    y, hole = p.labels.copy(), np.random.default_rng(0).random(p.labels.shape) < 0.5
    y[hole] = np.nan
    short = HeadConfig(hidden=32, layers=1, training=Training(steps=60, learning_rate=3e-3))
    one = Head("auroc", short).fit(x[:400], y[:400], x[400:], y[400:])
    assert np.isfinite(one.predict(x)).all()
    test = [roc_auc_score(p.labels[400:, t], one.predict(x[400:])[:, t]) for t in range(12)]
    assert np.mean(test) > 0.8
    with pytest.raises(MoleculeError, match="no label is known in train"):
        Head("auroc", short).fit(x, np.full_like(y, np.nan), x, y)


def test_a_regression_head_answers_in_the_units_of_the_task(made):
    p, _ = made
    x = p.modalities["expression"].values
    y = 100 + 20 * (x @ np.random.default_rng(1).standard_normal((x.shape[1], 2)) / 8)
    head = Head("mae", HeadConfig(hidden=64, layers=1, dropout=0.1, training=Training(steps=200, learning_rate=3e-3)))
    found = head.fit(x[:400], y[:400], x[400:500], y[400:500]).predict(x[500:])
    assert np.abs(found - y[500:]).mean() < 0.5 * np.abs(y[500:] - y[:400].mean(0)).mean()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"structure": ("bits", "smell")}, "allowed: one or more of bits, graph, shape"),
        ({"align": -1.0}, "align is -1.0; allowed: 0 or more, finite"),
        ({"tree": float("nan")}, "tree is nan; allowed: 0 or more, finite"),
        ({"temperature": 0.0}, "temperature is 0.0; allowed: above 0, finite"),
        ({"depth": 1.5}, "depth is 1.5; allowed: a whole number, 0 or more"),
        ({"drop": 1.0}, "drop is 1.0; allowed: 0 or more, below 1"),
    ],
)
def test_impossible_settings(change, message):
    with pytest.raises(MoleculeError, match=message):
        replace(SMALL, **change)


def test_tables_of_another_length(made):
    p, cells = made
    with pytest.raises(MoleculeError, match="genetic has 600 rows for 599 molecules"):
        Material.complete(Structure.from_smiles(p.smiles[:-1]), cells)
    with pytest.raises(MoleculeError, match="imputation is 'magic'; allowed: propagation"):
        Material.complete(Structure.from_smiles(p.smiles), cells, "magic")


def test_batches_hold_as_many_measured_molecules_as_asked(made, material, monkeypatch):
    seen = []
    inputs = Material.inputs
    monkeypatch.setattr(Material, "inputs", lambda self, rows, *rest: (seen.append(rows), inputs(self, rows, *rest))[1])
    rare = {name: replace(c, known=c.known & (torch.arange(600) < 60)) for name, c in material.cells.items()}
    pretrain(replace(material, cells=rare), SMALL, Training(steps=3), batch=40, measured=0.5)
    for rows in seen:
        assert len(rows) == len(rows.unique()) == 40
        assert int((rows < 60).sum()) >= 20


def test_mixed_precision_trains_nearly_the_same_model(made, material):
    structure = Structure.from_smiles(made[0].smiles)
    training = Training(steps=30, learning_rate=1e-3, log_every=29)
    losses, latents = [], []
    for precision in ("float32", "bfloat16"):
        said = []
        model = halved.pretrain(material, SMALL, training, 64, 0.0, said.append, precision)
        assert {value.dtype for value in model.parameters()} == {torch.float32}
        losses.append([progress.loss for progress in said])
        latents.append(embed(model, structure).reshape(len(material), -1))
    plain, mixed = latents
    assert not np.array_equal(plain, mixed)
    cosine = (plain * mixed).sum(1) / np.linalg.norm(plain, axis=1) / np.linalg.norm(mixed, axis=1)
    assert cosine.min() > 0.98
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.03)
    assert losses[1][-1] < 0.9 * losses[1][0]  # rounded weights that were kept would not learn
    with pytest.raises(RunError, match=r"no precision .float16.*allowed: float32, bfloat16"):
        halved.pretrain(material, SMALL, training, precision="float16")


def test_a_head_in_mixed_precision_scores_as_in_float32():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 20)).astype(np.float32)
    y = (x[:, :1] - x[:, 1:2] + 0.3 * rng.standard_normal((400, 1)) > 0).astype(float)
    config = HeadConfig(hidden=32, layers=1, batch=64, training=Training(steps=120, learning_rate=3e-3))
    found = []
    for precision in ("float32", "bfloat16"):
        head = halved.fit(Head("auroc", config), x[:250], y[:250], x[250:300], y[250:300], precision)
        found.append(head.predict(x[300:]))
    assert not np.array_equal(*found)
    one, other = (roc_auc_score(y[300:, 0], said[:, 0]) for said in found)
    assert one > 0.9
    assert abs(one - other) < 0.02
