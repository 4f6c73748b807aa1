"""Which numbers say a molecule's form in the record: RDKit's, or Uni-Mol's vectors beside them.

HMLM_SHAPES=unimol asks for the latter (`shapes.unimol`, as in the paper; it needs `unimol_tools` and its weights).
Encoders and rows that rest on them bear a mark and are kept apart from the others.
"""

import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hmlm_lib.chmr import structure
from hmlm_lib.chmr.shapes import unimol
from hmlm_lib.errors import MoleculeError, pick

VARIABLE = "HMLM_SHAPES"
MARKS = {"rdkit": "", "unimol": "-unimol"}


def mark() -> str:
    """What encoders and rows are named after beside their code; empty for RDKit's numbers, the default.

    MoleculeError for another value of HMLM_SHAPES than `rdkit` and `unimol`.
    """
    return pick(MARKS, os.environ.get(VARIABLE) or "rdkit", "shapes", MoleculeError, where=f"in {VARIABLE}")


def form(smiles: Sequence[str]) -> Float[np.ndarray, "molecule number"]:
    """Descriptors as `structure.form`, followed by 512 numbers of Uni-Mol where these are asked for. NaN: none."""
    if not mark():
        return structure.form(smiles)
    theirs = unimol(smiles)  # first: it may not be installed
    return np.concatenate([structure.form(smiles), theirs], axis=1)
