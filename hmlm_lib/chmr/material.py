"""What CHMR is trained on: molecules with their structure, cellular modalities completed from similar molecules, walks.

A missing row of a modality is imputed by one of

    propagation   Dirichlet energy, known rows held, a pull of `anchor` toward the mean (`propagation.py`)
    nearest       the most similar molecule that is known
    mean, zero    the mean of the known rows, or 0 in units of their sd

Departure from the paper: its context graph joins molecules, genes and cells, by similarity above 0.8 and by biology.
Here only molecules are joined, each to its `NEIGHBOURS` nearest by Tanimoto similarity, however far these are: the same
neighbours that impute. Genes and cells are met as features of the molecules on a walk, never as steps of it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hmlm_lib.chmr.modalities import Modality, scaled
from hmlm_lib.chmr.model import CUT, STRUCTURE, Inputs, spread, standard
from hmlm_lib.chmr.neighbours import tanimoto, tanimoto_neighbours
from hmlm_lib.chmr.propagation import Graph, check_known, propagate
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.chmr.walks import walks
from hmlm_lib.errors import MoleculeError

IMPUTATIONS = ("propagation", "nearest", "mean", "zero")
NEIGHBOURS, ANCHOR, WALK = 10, 0.1, 4


class Near(NamedTuple):
    """Nearest molecules, their similarity, and the graph of both."""

    neighbour: Int[Tensor, "molecule k"]
    similarity: Float[Tensor, "molecule k"]
    graph: Graph


def similar(bits: Bool[Tensor, "molecule bit"]) -> Near:
    """By Tanimoto similarity, exact."""
    neighbour, similarity = tanimoto_neighbours(bits, min(NEIGHBOURS, len(bits) - 1))
    return Near(neighbour, similarity, Graph.from_neighbours(neighbour, similarity))


def impute(
    values: Float[Tensor, "molecule feature"],
    known: Bool[Tensor, " molecule"],
    bits: Bool[Tensor, "molecule bit"],
    graph: Graph,
    how: str = "propagation",
) -> Float[Tensor, "molecule feature"]:
    """Values with the missing rows filled in; known rows come back bit for bit. MoleculeError as `check_known`."""
    if how not in IMPUTATIONS:
        raise MoleculeError(f"imputation is {how!r}; allowed: {', '.join(IMPUTATIONS)}")
    if how == "propagation":
        return propagate(graph, values, known, anchor=ANCHOR, normalise="row", tolerance=1e-4)
    check_known(values, known, len(bits))
    fill = torch.zeros_like(values) if how == "zero" else values[known].mean(0).expand_as(values)
    if how == "nearest":
        rows = known.nonzero()[:, 0]
        fill = values[rows[tanimoto(bits, bits[known]).argmax(1)]]
    return torch.where(known[:, None], values, fill)


@dataclass(frozen=True, eq=False)
class Cells:
    """A modality made ready. filled: measured or imputed; augmented: the mean of the neighbours; target: in 0 to 1."""

    filled: Float[Tensor, "molecule feature"]
    augmented: Float[Tensor, "molecule feature"]
    target: Float[Tensor, "molecule feature"]
    known: Bool[Tensor, " molecule"]


@dataclass(frozen=True, eq=False)
class Material(Structure):
    """Everything about some molecules; `inputs` draws a batch."""

    cells: dict[str, Cells]
    neighbour: Int[Tensor, "molecule k"]
    similarity: Float[Tensor, "molecule k"]
    form: Float[Tensor, "molecule shape"] | None

    @property
    def features(self) -> dict[str, int]:
        """Number of features by modality, as `CHMR` wants it."""
        return super().features | {name: cells.filled.shape[1] for name, cells in self.cells.items()}

    @classmethod
    def complete(
        cls, structure: Structure, cells: dict[str, Modality], how: str = "propagation", near: Near | None = None
    ) -> "Material":
        """Molecules and their cellular modalities, completed from similar molecules; near: where these are known."""
        for name, modality in cells.items():
            if name in STRUCTURE:
                raise MoleculeError(f"a modality of cells is called {name!r}; allowed: other names than {STRUCTURE}")
            if len(modality) != len(structure):
                raise MoleculeError(
                    f"{name} has {len(modality)} rows for {len(structure)} molecules; allowed: one a molecule"
                )
        bits = structure.bits
        neighbour, similarity, graph = near or similar(bits)
        average = graph.operator("row")
        ready = {name: _ready(scaled(modality), bits, graph, average, how) for name, modality in cells.items()}
        target = (
            None if structure.shape is None else standard(structure.shape, *spread(structure.shape)) / (2 * CUT) + 0.5
        )
        return cls(**vars(structure), cells=ready, neighbour=neighbour, similarity=similarity, form=target)

    def inputs(self, rows: Int[Tensor, " row"], graph: bool, generator: torch.Generator) -> Inputs:
        """A batch, with walks drawn from the generator."""
        met, weight = walks(self.neighbour, self.similarity, rows, WALK, generator)
        bits, graphs, shape = self.read(rows, graph)
        return Inputs(
            bits=bits,
            graph=graphs,
            shape=shape,
            cells={name: c.filled[rows] for name, c in self.cells.items()},
            known={name: c.known[rows] for name, c in self.cells.items()},
            augmented={name: c.augmented[rows] for name, c in self.cells.items()},
            weight=weight,
            met=self._met(met),
        )

    def _met(self, met: Int[Tensor, "row step"]) -> dict[str, tuple[Tensor, Tensor]]:
        """What stands along the walks: values in 0 to 1, and which are known; structure always is."""
        always = torch.ones_like(met, dtype=torch.bool)
        found = {"bits": (self.bits[met].float(), always)}
        if self.form is not None:
            found["shape"] = (self.form[met], always)
        return found | {name: (c.target[met], c.known[met]) for name, c in self.cells.items()}


def _ready(modality: Modality, bits: Tensor, graph: Graph, average: Tensor, how: str) -> Cells:
    values, known = torch.as_tensor(modality.values, dtype=torch.float32), torch.as_tensor(modality.known)
    filled = impute(values, known, bits, graph, how)
    low, high = values[known].amin(0), values[known].amax(0)
    target = ((values - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    return Cells(filled, average @ filled, target, known)
