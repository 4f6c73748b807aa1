"""What a molecule is made of, ready to be read: fingerprint, atoms and bonds, descriptors or a table in their place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hmlm_lib.chmr.graphs import Batch, Graphs
from hmlm_lib.chmr.molecules import descriptors, fingerprints
from hmlm_lib.chmr.shapes import shapes
from hmlm_lib.errors import MoleculeError


def form(smiles: Sequence[str]) -> Float[np.ndarray, "molecule descriptor"]:
    """RDKit's descriptors in two and three dimensions as sign(x) log(1 + |x|): some span thirty decades. NaN: none."""
    both = np.concatenate([descriptors(smiles), shapes(smiles)], axis=1)
    both = np.where(np.isfinite(both), both, np.nan)
    return np.sign(both) * np.log1p(np.abs(both))


@dataclass(frozen=True, eq=False)
class Structure:
    """Molecules in the modalities that everyone has. shape: as given, NaN where a molecule has none."""

    smiles: tuple[str, ...]
    bits: Bool[Tensor, "molecule bit"]
    graphs: Graphs
    shape: Float[Tensor, "molecule shape"] | None

    def __len__(self) -> int:
        return len(self.smiles)

    @classmethod
    def from_smiles(
        cls, smiles: Sequence[str], shape: Float[np.ndarray, "molecule shape"] | None = None
    ) -> "Structure":
        """Of SMILES that parse (`molecules.read_molecules`). MoleculeError where `shape` has other rows."""
        if shape is not None and len(shape) != len(smiles):
            raise MoleculeError(f"shape has {len(shape)} rows for {len(smiles)} molecules; allowed: one a molecule")
        table = None if shape is None else torch.as_tensor(shape, dtype=torch.float32)
        return cls(tuple(smiles), torch.as_tensor(fingerprints(smiles)), Graphs.from_smiles(smiles), table)

    @property
    def features(self) -> dict[str, int]:
        """Number of features by modality, as `CHMR` wants it."""
        own = {} if self.shape is None else {"shape": self.shape.shape[1]}
        return {"bits": self.bits.shape[1]} | own

    def read(
        self, rows: Int[Tensor, " row"], graph: bool
    ) -> tuple[Float[Tensor, "row bit"], Batch | None, Float[Tensor, "row shape"] | None]:
        """Some molecules; graph: whether the atoms are wanted."""
        shape = None if self.shape is None else self.shape[rows]
        return self.bits[rows].float(), self.graphs.batch(rows) if graph else None, shape
