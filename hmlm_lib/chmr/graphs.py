"""Molecules as graphs in one packed table: atoms and bonds of all, one after the other; batches by indexing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from rdkit import Chem
from torch import Tensor

from hmlm_lib.chmr.molecules import each, parsed
from hmlm_lib.errors import MoleculeError

ATOM_FEATURES = {"element": 119, "degree": 8, "charge": 7, "hydrogens": 6, "aromatic": 2, "ring": 2, "chirality": 4}
BOND_FEATURES = {"kind": 5, "ring": 2, "stereo": 6}
KINDS = {Chem.BondType.SINGLE: 0, Chem.BondType.DOUBLE: 1, Chem.BondType.TRIPLE: 2, Chem.BondType.AROMATIC: 3}


@dataclass(frozen=True, eq=False)
class Batch:
    """Some molecules as one graph of several parts. bond [2, edge]: both directions; of: the molecule of each atom."""

    atom: Int[Tensor, "atom feature"]
    bond: Int[Tensor, "2 edge"]
    kind: Int[Tensor, "edge bond_feature"]
    of: Int[Tensor, " atom"]
    size: int


@dataclass(frozen=True, eq=False)
class Graphs:
    """All molecules packed. atoms, bonds [molecule + 1]: where each molecule's rows begin; bond: within a molecule."""

    atom: Int[np.ndarray, "atom feature"]
    bond: Int[np.ndarray, "edge 2"]
    kind: Int[np.ndarray, "edge bond_feature"]
    atoms: Int[np.ndarray, " start"]
    bonds: Int[np.ndarray, " start"]

    def __len__(self) -> int:
        return len(self.atoms) - 1

    @classmethod
    def from_smiles(cls, smiles: Sequence[str]) -> "Graphs":
        """Graphs of SMILES that parse (see `read_molecules`)."""
        if not smiles:
            raise MoleculeError("no molecule; allowed: at least one")
        atom, bond, kind = zip(*each(_graph, smiles), strict=True)
        return cls(
            np.concatenate(atom),
            np.concatenate(bond),
            np.concatenate(kind),
            np.cumsum([0, *map(len, atom)]),
            np.cumsum([0, *map(len, bond)]),
        )

    def batch(self, rows: Int[np.ndarray, " row"] | Tensor) -> Batch:
        """Molecules in the order of `rows`."""
        rows = np.asarray(rows)
        atoms, of = _spans(self.atoms, rows)
        bonds, bond_of = _spans(self.bonds, rows)
        sizes = self.atoms[rows + 1] - self.atoms[rows]
        start = np.cumsum(sizes) - sizes
        return Batch(
            torch.as_tensor(self.atom[atoms]),
            torch.as_tensor((self.bond[bonds] + start[bond_of, None]).T.copy()),
            torch.as_tensor(self.kind[bonds]),
            torch.as_tensor(of),
            len(rows),
        )


def _spans(starts: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all members of the chosen spans, and which span each belongs to."""
    sizes = starts[rows + 1] - starts[rows]
    of = np.repeat(np.arange(len(rows)), sizes)
    within = np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return starts[rows][of] + within, of


def _graph(smiles: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    molecule = parsed(smiles)
    most = np.array(list(ATOM_FEATURES.values())) - 1
    atom = np.array([_atom(a) for a in molecule.GetAtoms()], dtype=np.int64).clip(0, most)
    bonds = list(molecule.GetBonds())
    ends = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in bonds]
    both = [pair for a, b in ends for pair in ((a, b), (b, a))]
    kinds = [kind for b in bonds for kind in 2 * [_bond(b)]]
    return (
        atom,
        np.array(both, dtype=np.int64).reshape(-1, 2),
        np.array(kinds, dtype=np.int64).reshape(-1, len(BOND_FEATURES)),
    )


def _atom(a: Chem.Atom) -> tuple[int, ...]:
    return (
        a.GetAtomicNum(), a.GetDegree(), a.GetFormalCharge() + 3, a.GetTotalNumHs(), a.GetIsAromatic(), a.IsInRing(),
        int(a.GetChiralTag()),
    )  # fmt: skip


def _bond(b: Chem.Bond) -> tuple[int, ...]:
    return KINDS.get(b.GetBondType(), 4), int(b.IsInRing()), int(b.GetStereo())
