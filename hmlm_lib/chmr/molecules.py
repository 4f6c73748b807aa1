"""SMILES to what models read: molecules, fingerprints, descriptors; rows that do not parse are named.

Stated rule for salts and mixtures: the fragment with most heavy atoms is kept (the first of equals by canonical
SMILES). A warning counts these, and the rows that do not parse. Charges, tautomers and stereochemistry stay as written.
Computed features are kept in the cache folder under a hash of the SMILES and of what was computed.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from joblib import cpu_count
from rdkit import Chem, RDLogger
from rdkit.Chem import Descriptors, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.Scaffolds import MurckoScaffold

from hmlm_lib.chmr import dropped
from hmlm_lib.chmr.kept import check_listed, kept
from hmlm_lib.errors import MoleculeError

MORGAN_BITS, MORGAN_RADIUS, MACCS_BITS = 1024, 2, 167
POOL_FROM = 2000  # molecules; starting processes costs more for fewer


@dataclass(frozen=True)
class Molecules:
    """Molecules that parse. smiles: canonical, largest fragment; given: as they were written; row: where each stood.

    failed: (row, SMILES) that RDKit cannot read. mixtures: how many had more than one fragment.
    """

    smiles: tuple[str, ...]
    given: tuple[str, ...]
    row: tuple[int, ...]
    failed: tuple[tuple[int, str], ...]
    mixtures: int

    def __len__(self) -> int:
        return len(self.smiles)


def quiet() -> None:
    """RDKit's own messages off: what is wrong is said by our errors."""
    RDLogger.DisableLog("rdApp.*")


def _canonical(smiles: str) -> tuple[str, bool] | None:
    """Canonical SMILES of the largest fragment and whether there were others; None if it does not parse."""
    quiet()
    molecule = Chem.MolFromSmiles(smiles) if isinstance(smiles, str) else None
    if molecule is None or molecule.GetNumAtoms() == 0:
        return None
    parts = Chem.GetMolFrags(molecule, asMols=True) if "." in smiles else (molecule,)
    written = [(-part.GetNumHeavyAtoms(), Chem.MolToSmiles(part)) for part in parts]
    return min(written)[1], len(parts) > 1


def read_molecules(smiles: Sequence[str], on_error: str = "skip", source: str = "molecules") -> Molecules:
    """Parse all; on_error: `skip` and count in `failed`, or `raise` MoleculeError at the first, naming row and SMILES.

    source: what to call the table in messages. UserWarnings say how many rows were skipped and how many are salts or
    mixtures, and which. MoleculeError too where nothing parses, and for one SMILES alone.
    """
    check_listed(smiles, source)
    smiles = list(smiles)
    if on_error not in ("skip", "raise"):
        raise MoleculeError(f"on_error is {on_error!r}; allowed: skip, raise")
    found = each(_canonical, smiles)
    failed = tuple((i, str(smiles[i])) for i, one in enumerate(found) if one is None)
    if failed and (on_error == "raise" or len(failed) == len(found)):
        row, text = failed[0]
        raise MoleculeError(f"{source}, row {row}: {text!r} is not a SMILES that RDKit reads")
    kept = [(i, one) for i, one in enumerate(found) if one is not None]
    rows = tuple(i for i, _ in kept)
    dropped.warn_rows(source, len(smiles), [i for i, _ in failed], [i for i, one in kept if one[1]])
    return Molecules(
        smiles=tuple(one[0] for _, one in kept),
        given=tuple(smiles[i] for i in rows),
        row=rows,
        failed=failed,
        mixtures=sum(one[1] for _, one in kept),
    )


def skeleton(smiles: str) -> str:
    """First block of the InChIKey: atoms and bonds without stereochemistry and charge layers.

    The canonical SMILES without stereochemistry where InChI cannot write the molecule (`*CC`). MoleculeError for a
    SMILES that does not parse.
    """
    molecule = parsed(smiles)
    return Chem.MolToInchiKey(molecule)[:14] or Chem.MolToSmiles(molecule, isomericSmiles=False)


def parsed(smiles: str) -> Chem.Mol:
    """The molecule; MoleculeError for a SMILES that does not parse."""
    quiet()
    found = Chem.MolFromSmiles(smiles)
    if found is None:
        raise MoleculeError(f"{smiles!r} is not a SMILES that RDKit reads")
    return found


def scaffold(smiles: str, stereo: bool = True) -> str:
    """Bemis-Murcko scaffold as canonical SMILES; "" for a molecule without rings."""
    return MurckoScaffold.MurckoScaffoldSmiles(mol=parsed(smiles), includeChirality=stereo)


@cache
def _morgan() -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=MORGAN_RADIUS, fpSize=MORGAN_BITS)


def _bits(smiles: str) -> bytes:
    molecule = parsed(smiles)
    morgan = _morgan().GetFingerprintAsNumPy(molecule).astype(bool)
    maccs = np.array(list(rdMolDescriptors.GetMACCSKeysFingerprint(molecule)), dtype=bool)
    return np.packbits(np.concatenate([morgan, maccs])).tobytes()


def fingerprints(smiles: Sequence[str]) -> Bool[np.ndarray, "molecule bit"]:
    """Morgan of radius 2 (1024 bits), then MACCS keys (167)."""

    def compute(new: Sequence[str]) -> np.ndarray:
        return np.frombuffer(b"".join(each(_bits, new)), dtype=np.uint8).reshape(len(new), -1)

    return np.unpackbits(kept("bits", smiles, compute), axis=1)[:, : MORGAN_BITS + MACCS_BITS].astype(bool)


def descriptor_names() -> tuple[str, ...]:
    """Names of RDKit's two-dimensional descriptors."""
    return tuple(name for name, _ in Descriptors.descList)


def _descriptors(smiles: str) -> list[float]:
    molecule = parsed(smiles)
    return [float(compute(molecule)) for _, compute in Descriptors.descList]


def descriptors(smiles: Sequence[str]) -> Float[np.ndarray, "molecule descriptor"]:
    """RDKit's two-dimensional descriptors as they come: some are NaN or huge for odd molecules."""
    return kept("descriptors", smiles, lambda new: np.array(each(_descriptors, new), dtype=np.float64))


def each(compute: Callable[[str], object], smiles: Sequence[str]) -> list:
    """compute of every SMILES, in processes where there are many; MoleculeError for one text in place of a list."""
    check_listed(smiles)
    if len(smiles) < POOL_FROM or cpu_count() < 2:
        return [compute(one) for one in smiles]
    with ProcessPoolExecutor(cpu_count()) as pool:
        return list(pool.map(compute, smiles, chunksize=256))
