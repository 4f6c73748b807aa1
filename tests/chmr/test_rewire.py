"""Edge noise: how many neighbours are replaced, by whom, and what that costs imputation."""

import numpy as np
import pytest
import torch

from hmlm_lib.chmr import study
from hmlm_lib.chmr.material import similar
from hmlm_lib.chmr.model import CHMRConfig
from hmlm_lib.chmr.molecules import fingerprints
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.rewire import rewired
from hmlm_lib.errors import MoleculeError


@pytest.fixture(scope="module")
def molecules():
    return planted(300, 0, cliffs=0.25)


@pytest.fixture(scope="module")
def alike(molecules):
    return similar(torch.as_tensor(fingerprints(molecules.smiles)))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_asked_share_is_replaced_by_others_and_similarities_stay(alike, share):
    found = rewired(alike, share, 1)
    changed = (found.neighbour != alike.neighbour).float().mean().item()
    assert changed == pytest.approx(share, abs=0.03 * (0 < share < 1))
    true = (found.neighbour[:, :, None] == alike.neighbour[:, None]).any(-1).float().mean().item()
    assert true == pytest.approx(1 - changed)  # what was replaced does not come back
    ordered = found.neighbour.sort(1).values
    assert (ordered.diff(dim=1) > 0).all()  # nobody twice
    assert (found.neighbour != torch.arange(len(ordered))[:, None]).all()
    assert torch.equal(found.similarity, alike.similarity)
    assert torch.equal(rewired(alike, share, 1).neighbour, found.neighbour)


def test_too_few_molecules_have_no_others_to_draw_from():
    few = similar(torch.eye(20, dtype=torch.bool))
    with pytest.raises(MoleculeError, match="20 molecules of 10 neighbours each; allowed: more than 20"):
        rewired(few, 1.0)
    assert len(rewired(similar(torch.eye(21, dtype=torch.bool)), 1.0).neighbour) == 21


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "half", None])
def test_a_share_that_is_none_is_refused(alike, share):
    with pytest.raises(MoleculeError, match=r"share is .*; allowed: 0 to 1"):
        rewired(alike, share)


def test_imputation_loses_what_the_graph_knew(molecules):
    error = study.noisy_errors(molecules, 0.6, (0.0, 1.0), 0).set_index(["where", "share"])["mse"]
    assert error["smooth", 0.0] < 0.9 < error["smooth", 1.0]
    plain = study.imputation_errors(molecules, (0.6,), 0).set_index(["how", "where"])["mse"]
    assert error["smooth", 0.0] == plain["propagation", "smooth"]


def test_noise_reaches_the_material(molecules):
    runs = study.edge_noise(CHMRConfig(), 0.6, (0.0, 0.5))
    assert {share: (run.missing, run.noise) for share, run in runs.items()} == {0.0: (0.6, 0.0), 0.5: (0.6, 0.5)}
    plain, noisy = (study.material(molecules, 0.6, 0, noise=run.noise) for run in runs.values())
    assert (plain.neighbour != noisy.neighbour).any()
    filled = [one.cells["expression"].filled for one in (plain, noisy)]
    known = plain.cells["expression"].known
    assert torch.equal(filled[0][known], filled[1][known])
    assert not np.allclose(filled[0], filled[1])
