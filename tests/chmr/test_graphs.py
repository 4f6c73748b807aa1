"""Molecules as graphs: batches by indexing, and a network that reads atoms in any order."""

import numpy as np
import pytest
import torch
from rdkit import Chem

from hmlm_lib.chmr.gin import GIN
from hmlm_lib.chmr.graphs import Graphs
from hmlm_lib.errors import MoleculeError

SMILES = ("CCO", "c1ccccc1C(=O)[O-]", "C", "C/C=C/F", "C/C=C\\F", "N[C@@H](C)C(=O)O", "N[C@H](C)C(=O)O")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return GIN(16, 3).eval()


def test_a_batch_holds_what_was_asked_for():
    graphs = Graphs.from_smiles(SMILES)
    batch = graphs.batch(np.array([1, 2, 0]))
    assert batch.of.bincount().tolist() == [9, 1, 3]
    assert batch.bond.shape == (2, 2 * (9 + 0 + 2))
    assert batch.bond[:, -4:].T.tolist() == [[10, 11], [11, 10], [11, 12], [12, 11]]
    assert batch.atom[9, 0] == 6
    assert batch.atom[:9, 2].sum() == 9 * 3 - 1  # one negative charge, counted from 3


def test_each_molecule_is_read_by_itself(network):
    graphs = Graphs.from_smiles(SMILES)
    together = network(graphs.batch(np.arange(len(SMILES))))
    alone = torch.cat([network(graphs.batch(np.array([i]))) for i in range(len(SMILES))])
    assert torch.allclose(together, alone, atol=1e-5)


def test_order_of_atoms_does_not_matter_but_stereochemistry_does(network):
    molecule = Chem.MolFromSmiles(SMILES[1])
    other = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, list(range(molecule.GetNumAtoms()))[::-1]), canonical=False)
    found = network(Graphs.from_smiles((SMILES[1], other)).batch(np.arange(2)))
    assert torch.allclose(found[0], found[1], atol=1e-5)
    found = network(Graphs.from_smiles(SMILES).batch(np.arange(len(SMILES))))
    assert (found[3] - found[4]).abs().max() > 1e-3
    assert (found[5] - found[6]).abs().max() > 1e-3


def test_no_molecules():
    with pytest.raises(MoleculeError, match="no molecule; allowed: at least one"):
        Graphs.from_smiles(())
