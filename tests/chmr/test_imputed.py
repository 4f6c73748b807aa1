"""Real cells hidden and filled in: who sees what, the leave-one-out equation, and what planted structure must give."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.chmr import imputed, table
from hmlm_lib.chmr.imputed import FOLDS, MODELS, RIDGES, Measured, fold, folds, measured, run_one, scores
from hmlm_lib.chmr.modalities import Modality, scaled
from hmlm_lib.chmr.molecules import fingerprints, scaffold
from hmlm_lib.chmr.neighbours import tanimoto
from hmlm_lib.chmr.planted import planted
from hmlm_lib.errors import ModelError
from hmlm_lib.evaluation import benchmark, rows
from hmlm_lib.figures import fig_filled_in


@pytest.fixture(scope="module")
def data() -> Measured:
    molecules = planted(300, 0)
    return Measured(molecules.smiles, molecules.modalities["expression"].values)


@pytest.mark.parametrize("scaffolds", [False, True])
def test_each_is_hidden_once_and_whole_scaffolds_where_asked(data: Measured, scaffolds: bool) -> None:
    found = folds(data.smiles, 0, scaffolds)
    groups = np.array([scaffold(one, False) for one in data.smiles]) if scaffolds else np.arange(len(data.smiles))
    assert len(found) == FOLDS
    np.testing.assert_array_equal(np.sum(found, axis=0), np.ones(len(data.smiles)))
    for away in found:
        assert set(groups[away]).isdisjoint(groups[~away])
    assert (found[0] != folds(data.smiles, 1, scaffolds)[0]).any()


def test_scores_by_hand() -> None:
    """Two folds of one feature: squares 1 + 0 + 4 and 1 + 1, of the mean 1 + 1 + 4 and 4 + 4."""
    one = (np.array([[0.0], [1.0], [0.0]]), np.array([[1.0], [1.0], [-2.0]]), np.zeros((3, 1)))
    two = (np.array([[1.0], [-1.0]]), np.array([[2.0], [-2.0]]), np.zeros((2, 1)))
    found = scores([one, two])
    assert found["error"] == pytest.approx(7 / 14)
    a, b = np.array([-1, 2, -1, 3, -3]) / 3, np.array([1, 1, -2, 2, -2])
    assert found["r"] == pytest.approx(a @ b / np.sqrt(a @ a * (b @ b)))


@pytest.mark.parametrize("name", MODELS)
def test_hidden_profiles_are_not_read(data: Measured, name: str) -> None:
    away = folds(data.smiles, 0, False)[0]
    bits = fingerprints(data.smiles)
    seen = Modality(np.where(away[:, None], 0.0, data.values), ~away)
    other = Modality(np.where(away[:, None], 77.0, data.values), ~away)
    fill = MODELS[name].fill
    np.testing.assert_array_equal(fill(seen, bits, 0)[away], fill(other, bits, 0)[away])


def test_scores_of_planted_cells(data: Measured) -> None:
    mean = run_one("imputed_expression", "mean", 0, data)["values"]
    assert mean["I/error_random"] == pytest.approx(1.0, abs=1e-6)
    assert mean["I/r_random"] == 0.0
    bits, away = fingerprints(data.smiles), folds(data.smiles, 0, False)[0]
    for name in ("propagation", "learned", "kernel_ridge", "forest"):
        found = scores([fold(MODELS[name].fill, data, bits, away, 0)])
        assert found["error"] < 0.9
        assert found["r"] > 0.4


def test_cells_that_structure_does_not_decide_are_not_filled_in(data: Measured) -> None:
    noise = replace(data, values=np.random.default_rng(0).normal(size=data.values.shape))
    for name in ("propagation", "kernel_ridge", "forest"):
        values = run_one("imputed_expression", name, 0, noise)["values"]
        assert values["I/error_random"] > 0.97
        assert abs(values["I/r_random"]) < 0.1


def test_the_penalty_is_the_one_of_leaving_one_out(data: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eq. (1) against refitting without each molecule."""
    values, bits = data.values[:40], fingerprints(data.smiles[:40])
    seen = Modality(values, np.ones(40, bool))
    y, k = scaled(seen).values, tanimoto(torch.as_tensor(bits), torch.as_tensor(bits)).double().numpy()
    costs = []
    for ridge in RIDGES:
        left_out = 0.0
        for i in range(40):
            rest = np.delete(np.arange(40), i)
            weight = np.linalg.solve(k[np.ix_(rest, rest)] + ridge * np.eye(39), y[rest])
            left_out += np.square(y[i] - k[i, rest] @ weight).sum()
        costs.append(left_out)
    whole = imputed.kernel_ridge(seen, bits, 0)
    monkeypatch.setattr(imputed, "RIDGES", (RIDGES[int(np.argmin(costs))],))
    np.testing.assert_array_equal(whole, imputed.kernel_ridge(seen, bits, 0))


def test_the_table_of_rows_and_its_figure(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    assert not len(table.filled_in())
    for name in ("forest", "mean"):
        for seed, error in enumerate((0.7, 0.9)):
            values = {"I/error_random": error, "I/r_random": 0.5, "I/error_scaffold": 1.0, "I/r_scaffold": 0.0}
            row = {"model": name, "seed": seed, "code": benchmark.code("imputed_morphology", name), "values": values}
            rows.add_row("imputed_morphology", {"setting": "imputed_morphology"} | row)
    found = table.filled_in()
    assert found["model"].tolist() == ["mean", "mean", "forest", "forest"]  # in the order of the models
    assert found.loc[2, ["modality", "where", "n"]].tolist() == ["morphology", "random", 2]
    assert found.loc[2, ["error", "sd", "r"]].tolist() == pytest.approx([0.8, 0.2 / 2**0.5, 0.5])
    fig = fig_filled_in(found, {"expression": "none", "morphology": "some"})
    assert [ax.get_title(loc="left") or ax.get_title() for ax in fig.axes] == ["none", "some"]


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ModelError, match="propagation"):
        imputed.entry("propagaton")


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:.* rows are salts or mixtures; of each")
@pytest.mark.filterwarnings("ignore:.* rows are not SMILES that RDKit reads")
def test_real_modalities_are_measured_everywhere(real_data) -> None:
    for name in ("expression", "morphology"):
        found = measured(name)
        assert len(found.smiles) == len(found.values) > 700
        assert np.isfinite(found.values).all()
