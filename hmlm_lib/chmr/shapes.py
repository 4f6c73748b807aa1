"""Three-dimensional descriptors: one conformer a molecule, 265 numbers, in the place of the paper's Uni-Mol vectors.

    form 10, planeness 1     moments of inertia and what follows from them; distance from the best plane
    USRCAT 60                distances between atoms by kind (Schreyer and Blundell, 2012)
    autocorrelation 80, WHIM 114

A molecule that cannot be embedded, or has more than `LARGEST` heavy atoms, gets a row of NaN. With the package
`unimol_tools` and its weights, `unimol` gives the paper's vectors instead; the model takes either.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from rdkit import Chem
from rdkit.Chem import Descriptors3D, rdDistGeom, rdMolDescriptors

from hmlm_lib.chmr.kept import kept
from hmlm_lib.chmr.molecules import each, parsed
from hmlm_lib.errors import MoleculeError

FORM = (
    "Asphericity", "Eccentricity", "InertialShapeFactor", "NPR1", "NPR2", "PMI1", "PMI2", "PMI3", "RadiusOfGyration",
    "SpherocityIndex", "PBF",
)  # fmt: skip
COUNT = len(FORM) + 60 + 80 + 114
LARGEST = 60
SEED = 1  # of the conformer


def conformer(smiles: str) -> Chem.Mol | None:
    """One conformer with hydrogens (ETKDG, version 3, fixed seed), or None."""
    molecule = parsed(smiles)
    if molecule.GetNumHeavyAtoms() > LARGEST:
        return None
    molecule = Chem.AddHs(molecule)
    for anywhere in (False, True):
        how = rdDistGeom.ETKDGv3()
        how.randomSeed, how.maxIterations, how.useRandomCoords = SEED, 5, anywhere
        if rdDistGeom.EmbedMolecule(molecule, how) == 0:
            return molecule
    return None


def _shape(smiles: str) -> list[float]:
    molecule = conformer(smiles)
    if molecule is None:
        return [np.nan] * COUNT
    found = [getattr(Descriptors3D, name)(molecule) for name in FORM]
    # USRCAT wants three atoms of every kind of distance; smaller molecules have none.
    usrcat = list(rdMolDescriptors.GetUSRCAT(molecule)) if molecule.GetNumAtoms() >= 3 else [np.nan] * 60
    return [*found, *usrcat, *rdMolDescriptors.CalcAUTOCORR3D(molecule), *rdMolDescriptors.CalcWHIM(molecule)]


def shapes(smiles: Sequence[str]) -> Float[np.ndarray, "molecule 265"]:
    """Descriptors of every molecule, kept in the cache; NaN where there is no conformer."""
    return kept("shapes", smiles, lambda new: np.array(each(_shape, new), dtype=np.float64))


def unimol(smiles: Sequence[str]) -> Float[np.ndarray, "molecule 512"]:
    """Uni-Mol's vector of every molecule, kept in the cache. MoleculeError without the package `unimol_tools`."""

    def compute(new: Sequence[str]) -> np.ndarray:
        try:
            from unimol_tools import UniMolRepr
        except ImportError:
            raise MoleculeError(
                "Uni-Mol vectors need the package unimol_tools and its weights; allowed without it: shapes()"
            ) from None
        found = UniMolRepr(data_type="molecule", remove_hs=False).get_repr(list(new))
        return np.asarray(found["cls_repr"], dtype=np.float64)

    return kept("unimol", smiles, compute)
