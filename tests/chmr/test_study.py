"""The study on planted molecules: what it says of imputation, parts and codes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from hmlm_lib.chmr import study
from hmlm_lib.chmr.dominance import dominance
from hmlm_lib.chmr.finetune import HeadConfig
from hmlm_lib.chmr.modalities import hide
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.pretrain import pretrain
from hmlm_lib.chmr.told import features
from hmlm_lib.errors import MoleculeError
from hmlm_lib.figures import fig_codes, fig_imputation, fig_scores
from hmlm_lib.training import Training

CONFIG, TRAINING = CHMRConfig(width=32, layers=2, depth=3), Training(steps=60, learning_rate=3e-3)
HEAD = HeadConfig(hidden=64, layers=1, training=Training(steps=100, learning_rate=2e-3))


@pytest.fixture(scope="module")
def molecules():
    return planted(700, seed=3, cliffs=0.25)


def test_parts_are_apart():
    parts = study.split(100, 0)
    assert [len(p) for p in (parts.train, parts.valid, parts.test)] == [20, 10, 30]
    assert len(np.unique(np.concatenate([parts.train, parts.valid, parts.test]))) == 60


@pytest.mark.parametrize(
    "setting", [(10, 0, 0.9, 0.9), (3, 0, 0.5, 0.5), (10, 0, np.nan), (10, 0, 0.3, 0.0), (0, 0), (-5, 0)]
)
def test_parts_that_overlap_or_are_empty_are_refused(setting):
    with pytest.raises(MoleculeError, match="sum to 1 at most"):
        study.split(*setting)


def test_a_score_is_over_the_tasks_that_have_both_labels(molecules):
    rows = np.flatnonzero(molecules.labels[:, 0] == 1)[:12]  # one class of task 0
    said = molecules.best()[rows]
    both = [t for t in range(12) if len(set(molecules.labels[rows, t])) == 2]
    assert 0 < len(both) < 12
    one_by_one = [roc_auc_score(molecules.labels[rows, t], said[:, t]) for t in both]
    assert study.auroc(molecules, rows, said) == pytest.approx(np.mean(one_by_one))
    with pytest.raises(MoleculeError, match="both labels"):
        study.auroc(molecules, rows[:1], said[:1])


def test_imputation_helps_where_structure_decides_and_not_on_cliffs(molecules):
    table = study.imputation_errors(molecules, (0.5,), 0).set_index(["how", "where"])["mse"]
    assert table["propagation", "smooth"] < 0.85 * table["mean", "smooth"]
    assert table["propagation", "cliff"] > 0.9 * table["mean", "cliff"]
    for where in ("smooth", "cliff"):
        assert table["learned", where] < table["propagation", where]
    fig = fig_imputation(table.reset_index().assign(missing=0.5), {"smooth": "smooth", "cliff": "cliffs"})
    assert len(fig.axes) == 2


def test_cells_teach_and_nothing_beats_the_best(molecules):
    parts = study.split(len(molecules), 0)
    found = study.without_cells(molecules, parts, HEAD)
    runs = study.ablations(CONFIG, 0.0)
    wanted = ("chmr", "no alignment", "flat codebook", "untrained")
    done = study.scores(molecules, {name: runs[name] for name in wanted}, parts, TRAINING, HEAD)
    found |= {name: one.auroc for name, one in done.items()}
    assert set(found) == {"best", "kernel_ridge", "mlp", *wanted}
    assert found["chmr"] > max(found["untrained"], found["no alignment"]) + 0.01
    assert max(value for name, value in found.items() if name != "best") < found["best"]
    assert len(fig_scores(pd.DataFrame({"all": found})).axes) == 1
    table = dominance(done["chmr"].model, study.material(molecules, 0.0, 0), molecules, parts, HEAD)
    assert list(table.index[:5]) == ["fingerprint", "graph", *molecules.modalities]
    assert table.loc["structure", "alone"] == pytest.approx(found["chmr"], abs=1e-9)
    assert table.loc["everything", "withheld"] == pytest.approx(0.5)
    assert table.loc["cells", "alone"] > table.loc["structure", "alone"]  # they know the molecule's own part as well
    assert table.loc["cells", "withheld"] < table.loc["genetic", "withheld"] - 0.02


def test_whoever_is_told_the_fragments_finds_the_signs_and_comes_near_the_best():
    molecules = planted(1500, seed=5, cliffs=0.25)
    parts = study.split(1500, 5)
    head = replace(HEAD, training=replace(HEAD.training, seed=5))
    few = [hide(molecules.modalities[name], 0.9, 0) for name in ("expression", "morphology")]
    x = features(molecules, few)
    assert np.array_equal(x.sum(1), molecules.sign)
    assert np.array_equal(np.abs(x).argmax(1), molecules.mechanism)
    none = [hide(cell, 1.0, 0) for cell in few]
    assert (features(molecules, none).sum(1) == 1).all()  # nothing measured, nothing turned
    best = study.auroc(molecules, parts.test, molecules.best()[parts.test])
    assert best - 0.03 < study.told(molecules, 0.9, parts, head) < best
    assert study.told(molecules, 1.0, parts, head) < best - 0.05


def test_every_run_of_the_plan_is_a_model_that_can_be_made():
    plan = study.ablations(CONFIG, 0.9) | study.sweeps(CONFIG)
    assert {"impute mean", "impute nearest", "learned similarity", "depth 8", "align 0.1", "tree 10"} <= set(plan)
    assert set(study.ablations(CONFIG, 0.0)) - set(plan) == {"fingerprint only", "graph only"}
    assert "impute mean" not in study.ablations(CONFIG, 0.0)
    features = {"bits": 10, "expression": 4}
    codes = {name: CHMR.from_features(features, run.config).tree for name, run in plan.items()}
    assert codes["no tree"] is None
    flat = [len(level) for level in codes["flat codebook"].codes]
    assert flat == [sum(len(level) for level in codes["chmr"].codes)]  # as many codes as the whole tree


def test_one_modality_is_hidden_and_the_others_stay(molecules):
    runs = study.one_hidden(CONFIG, molecules, (0.3, 0.9))
    assert list(runs) == [(name, level) for name in molecules.modalities for level in (0.3, 0.9)]
    part = study.material(molecules, 0.9, 0, only="morphology")
    known = {name: cell.known.float().mean().item() for name, cell in part.cells.items()}
    assert known == {"genetic": 1.0, "expression": 1.0, "morphology": pytest.approx(0.1)}
    same = study.material(molecules, 0.9, 0).cells["morphology"].known
    assert torch.equal(part.cells["morphology"].known, same)  # the rows that are hidden where all are
    with pytest.raises(
        MoleculeError, match=r"no modality 'morfology' \(did you mean 'morphology'\?\); allowed: genetic"
    ):
        study.material(molecules, 0.9, 0, only="morfology")


def test_runs_that_hide_other_cells_do_not_share_a_material(molecules):
    small = replace(molecules, modalities=dict(list(molecules.modalities.items())[1:]))
    runs = {"all": study.Run(CONFIG, 0.9)} | study.one_hidden(CONFIG, small, (0.9,))
    done = study.scores(small, runs, study.split(700, 0), replace(TRAINING, steps=2), HEAD, batch=64)
    assert list(done) == ["all", ("expression", 0.9), ("morphology", 0.9)]
    weights = [one.model.project["expression"][1].weight for one in done.values()]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


def test_cells_of_test_molecules_are_never_read(molecules):
    """Their profiles replaced by others: the same scores to the last bit, with all other cells and with a tenth."""
    parts, anew = study.split(700, 0), np.random.default_rng(0).permutation
    other = {}
    for name, cell in molecules.modalities.items():
        values = cell.values.copy()
        values[parts.test] = -7.0 * values[anew(parts.test)]
        other[name] = replace(cell, values=values)
    changed = replace(molecules, modalities=other)
    runs = {"all": study.Run(CONFIG), "learned": study.Run(CONFIG, 0.9, learned=True)}
    brief = replace(TRAINING, steps=3)
    before, after = (study.scores(m, runs, parts, brief, HEAD, batch=64) for m in (molecules, changed))
    assert [one.auroc for one in before.values()] == [one.auroc for one in after.values()]
    told = [study.told(m, 0.9, parts, HEAD) for m in (molecules, changed)]
    assert told[0] == told[1]
    part = study.material(molecules, 0.5, 0, unseen=parts.test)
    for cell in part.cells.values():
        assert not cell.known[parts.test].any()
        assert cell.known.sum() == 245  # half of the other 490


def test_codes_are_counted_by_level(molecules):
    data = study.material(molecules, 0.0, TRAINING.seed)
    table = study.codes(pretrain(data, CONFIG, TRAINING), data, molecules.mechanism)
    assert table["codes"].tolist() == [2, 4, 8]
    assert (table["perplexity"] <= table["codes"] * table["used"] + 1e-6).all()
    assert table["purity"].is_monotonic_increasing
    assert table["purity by chance"].iloc[-1] < 0.7 * table["purity"].iloc[-1]
    assert (table["used"] >= table["used by anchors"]).all()
    assert fig_codes(table).axes[0].get_xlabel() == "level of the tree (codes)"
