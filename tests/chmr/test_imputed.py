"""Real cells hidden and filled in: who sees what, the leave-one-out equation, and what planted structure must give."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.chmr import imputed
from hmlm_lib.chmr.imputed import HIDDEN, MODELS, RIDGES, Measured, hidden, measured, run_one
from hmlm_lib.chmr.modalities import Modality, scaled
from hmlm_lib.chmr.molecules import fingerprints, scaffold
from hmlm_lib.chmr.neighbours import tanimoto
from hmlm_lib.chmr.planted import planted
from hmlm_lib.errors import ModelError


@pytest.fixture(scope="module")
def data() -> Measured:
    molecules = planted(300, 0)
    return Measured(molecules.smiles, molecules.modalities["expression"].values)


@pytest.mark.parametrize("scaffolds", [False, True])
def test_a_fifth_is_hidden_and_whole_scaffolds_where_asked(data: Measured, scaffolds: bool) -> None:
    away = hidden(data.smiles, 0, scaffolds)
    groups = np.array([scaffold(one, False) for one in data.smiles]) if scaffolds else np.arange(len(data.smiles))
    assert set(groups[away]).isdisjoint(groups[~away])
    assert len(set(groups[away])) == pytest.approx(HIDDEN * len(set(groups)), abs=1)
    assert (away != hidden(data.smiles, 1, scaffolds)).any()


@pytest.mark.parametrize("name", MODELS)
def test_hidden_profiles_are_not_read(data: Measured, name: str) -> None:
    away = hidden(data.smiles, 0, False)
    bits = fingerprints(data.smiles)
    seen = Modality(np.where(away[:, None], 0.0, data.values), ~away)
    other = Modality(np.where(away[:, None], 77.0, data.values), ~away)
    fill = MODELS[name].fill
    np.testing.assert_array_equal(fill(seen, bits, 0)[away], fill(other, bits, 0)[away])


def test_scores_of_planted_cells(data: Measured) -> None:
    found = {name: run_one("imputed_expression", name, 0, data)["values"] for name in MODELS}
    assert found["mean"]["I/error_random"] == pytest.approx(1.0, abs=1e-6)
    assert found["mean"]["I/r_random"] == 0.0
    for name in ("propagation", "learned", "kernel_ridge", "forest"):
        assert found[name]["I/error_random"] < 0.9
        assert found[name]["I/r_random"] > 0.4


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


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ModelError, match="propagation"):
        imputed.entry("propagaton")


@pytest.mark.data
def test_real_modalities_are_measured_everywhere(real_data) -> None:
    for name in ("expression", "morphology"):
        found = measured(name)
        assert len(found.smiles) == len(found.values) > 700
        assert np.isfinite(found.values).all()
