"""Compounds that move species: neighbours and composition on planted compounds, effects of knock-outs, real pairs."""

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
import torch

from hmlm_lib.chmr.planted import planted
from hmlm_lib.dynamics import four_conditions
from hmlm_lib.errors import MoleculeError
from hmlm_lib.interpret import compounds
from hmlm_lib.network import SignalingNetwork, load_network


@pytest.fixture(scope="module")
def some():
    """The mechanism of a generated molecule says which of four species it moves."""
    molecules = planted(160, seed=1)
    moves = np.eye(4, dtype=bool)[molecules.mechanism % 4]
    found = compounds.Compounds(molecules.smiles, ("ACE", "Src", "p38", "ERK"), moves)
    return found, torch.eye(4, 8), np.eye(8, dtype=np.float32)[molecules.mechanism][:, None]


def test_molecules_tell_what_popularity_cannot(some):
    known, tokens, latents = some
    found = compounds.held_out(known, tokens, latents)
    scores = {name: compounds.by_compound(known.moves, x)["auroc"] for name, x in found.items()}
    assert scores["popularity"] < 0.6
    assert scores["nearest"] > 0.6
    assert scores["composition"] > 0.8
    again = compounds.held_out(known, tokens, latents)
    np.testing.assert_array_equal(found["composition"], again["composition"])


def test_shuffled_compounds_teach_nothing(some):
    known, tokens, latents = some
    order = np.random.default_rng(0).permutation(len(known))
    found = compounds.held_out(known, tokens, latents[order])["composition"]
    assert compounds.by_compound(known.moves, found)["auroc"] < 0.6


@pytest.mark.parametrize("what", ["few", "latents", "tokens", "gap"])
def test_compounds_that_cannot_be_held_out_are_refused(some, what):
    known, tokens, latents = some
    if what == "few":
        known, latents = compounds.Compounds(known.smiles[:4], known.species, known.moves[:4]), latents[:4]
    latents = {"latents": latents[:-1], "gap": np.where(latents > 0, np.nan, latents)}.get(what, latents)
    with pytest.raises(MoleculeError, match="one a fold" if what == "few" else "finite numbers, a vector a"):
        compounds.held_out(known, tokens[:2] if what == "tokens" else tokens, latents)


def test_nearest_is_the_largest_tanimoto_by_hand():
    bits = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], bool)
    moves = np.array([[True, False], [False, True]])
    found = compounds.nearest(bits, moves, np.array([[1, 1, 1, 0]], bool))
    np.testing.assert_allclose(found, [[2 / 3, 1 / 4]], atol=1e-5)


def test_the_effect_is_that_of_the_species_named_first_by_hand():
    knocked = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    moves = np.array([[True, True, False], [False, True, False], [False, False, True]])
    found = np.array([[-1.0, -5.0, -9.0], [3.0, 2.0, 1.0], [0.0, 1.0, 2.0]])
    wanted = (1 / np.sqrt(2) + 0 + 0) / 3  # one of two targets; the wrong species; a knock-out that does nothing
    assert compounds.effect_cosine(moves, found, knocked) == pytest.approx(wanted)
    # logits, probabilities or similarities: only their order counts
    for other in (1 / (1 + np.exp(-found)), found * 100, found - 7):
        assert compounds.effect_cosine(moves, other, knocked) == pytest.approx(wanted)


def test_a_knocked_out_species_loses_its_activity():
    network = load_network("fibroblast-core")
    context = four_conditions(network)[-1]
    effect = compounds.knock_outs(network, context, ("ACE", "Src"))
    assert effect.shape == (2, len(network.species_names))
    assert effect[1, network.index["Src"]] < -0.1
    ace = network.index["ACE"]
    assert effect[0, ace] < -0.9
    assert np.abs(np.delete(effect[0], ace)).max() < 0.01  # angiotensin is not what drives this cell


def test_targets_are_species_of_the_network_and_accessions():
    with (files("hmlm_lib.interpret") / "targets.csv").open() as file:
        table = pd.read_csv(file)
    assert set(table["species"]) <= set(load_network("fibroblast-core").species_names)
    assert table["uniprot"].is_unique
    assert table["uniprot"].str.fullmatch("[OPQ][0-9][A-Z0-9]{3}[0-9]").all()


@pytest.mark.data
def test_public_compounds(real_data):
    found = compounds.known(load_network("fibroblast-core"))
    assert (len(found), len(found.species), int(found.moves.sum())) == (148, 31, 157)
    assert found.moves.any(1).all()
    with pytest.raises(MoleculeError, match="no compound acts on a species of 'mine'"):
        compounds.known(SignalingNetwork.from_rules("mine", ["=> a", "a => b"]))
