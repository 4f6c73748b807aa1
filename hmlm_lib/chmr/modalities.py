"""What cells say of molecules: tables of features with rows for the molecules that somebody measured.

    genetic      links to genes, 0 or 1
    expression   what genes do
    morphology   what cells look like

Real tables are joined to molecules by the skeleton of the InChIKey (atoms and bonds, no stereochemistry), and several
rows of one skeleton are averaged. Columns that are constant, or hold one value that is no finite number, are left out
whole; a warning counts and names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from hmlm_lib.chmr import dropped
from hmlm_lib.chmr.molecules import skeleton
from hmlm_lib.errors import MoleculeError


@dataclass(frozen=True, eq=False)
class Modality:
    """values: rows of `known` are measured, the others are 0 and mean nothing. dropped: columns left out on reading."""

    values: Float[np.ndarray, "molecule feature"]
    known: Bool[np.ndarray, " molecule"]
    dropped: int = 0

    def __post_init__(self) -> None:
        values, known = np.asarray(self.values), np.asarray(self.known)
        odd = known[~np.isin(known, (0, 1))]
        if odd.size:
            raise MoleculeError(f"known holds {odd[0]}; allowed: true or false, a flag a row")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "known", known.astype(bool))
        if self.values.ndim != 2 or len(self.values) != len(self.known):
            raise MoleculeError(
                f"values of shape {self.values.shape} and {len(self.known)} flags; allowed: one flag a row"
            )
        bad = self.known & ~np.isfinite(self.values).all(1)
        if bad.any():
            raise MoleculeError(f"row {int(np.flatnonzero(bad)[0])} is known but not finite; allowed: finite numbers")

    def __len__(self) -> int:
        return len(self.known)


def hide(modality: Modality, fraction: float, seed: int) -> Modality:
    """The same with a fraction of its known rows taken away, drawn by seed; a smaller fraction hides a subset."""
    if not 0 <= fraction <= 1:
        raise MoleculeError(f"fraction is {fraction}; allowed: 0 to 1")
    rows = np.flatnonzero(modality.known)
    order = np.random.default_rng(seed).permutation(rows)
    known = modality.known.copy()
    known[order[: round(fraction * len(rows))]] = False
    return replace(modality, values=np.where(known[:, None], modality.values, 0.0), known=known)


def shuffled(modality: Modality, seed: int) -> Modality:
    """Known rows dealt out anew among the same molecules: the control that asks whether the data say anything."""
    rows = np.flatnonzero(modality.known)
    values = modality.values.copy()
    values[rows] = values[np.random.default_rng(seed).permutation(rows)]
    return replace(modality, values=values)


def scaled(modality: Modality) -> Modality:
    """Columns to mean 0 and sd 1 over the known rows, cut at 5 sd."""
    measured = modality.values[modality.known]
    if not len(measured):
        raise MoleculeError("no row is known; allowed: at least one")
    values = (modality.values - measured.mean(0)) / np.maximum(measured.std(0), 1e-6)
    return replace(modality, values=np.where(modality.known[:, None], values.clip(-5, 5), 0.0))


def from_table(
    smiles: Sequence[str], table: pd.DataFrame, keys: Sequence[str], source: str = "modality table"
) -> Modality:
    """Rows of a table of numbers to molecules; keys: the skeleton of every row of the table.

    UserWarnings count and name the columns left out. MoleculeError where the table has no usable column, or not one of
    its rows is a molecule of `smiles`.
    """
    if len(keys) != len(table):
        raise MoleculeError(f"{source}: {len(keys)} keys for {len(table)} rows; allowed: one a row")
    numbers = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    finite = np.isfinite(numbers).all(0)
    usable = finite.copy()
    usable[usable] &= np.ptp(numbers[:, usable], axis=0) > 0 if len(numbers) else False
    if not usable.any():
        raise MoleculeError(f"{source}: every one of {table.shape[1]} columns is constant or not finite")
    names = [table.columns[which].tolist() for which in (~finite, finite & ~usable)]
    dropped.warn_columns(source, table.shape[1], *names)
    mean = pd.DataFrame(numbers[:, usable]).groupby(list(keys)).mean()
    at = mean.index.get_indexer([skeleton(one) for one in smiles])
    known = at >= 0
    if not known.any():
        raise MoleculeError(
            f"{source}: none of its {len(mean)} molecules is among the {len(smiles)} asked for; ids are InChIKey "
            f"skeletons such as {mean.index[0]!r}"
        )
    values = np.where(known[:, None], mean.to_numpy()[at], 0.0)
    return Modality(values, known, dropped=int((~usable).sum()))
