"""Structure-aware imputation: missing features of molecules from similar molecules, known ones held fixed.

    E(X) = 1/2 sum_ij A_ij || x_i / sqrt(d_i) - x_j / sqrt(d_j) ||^2 = tr X^T (1 - S) X,   S = D^-1/2 A D^-1/2   Eq. (1)
    X_u <- (S X)_u / (1 + a) + a m / (1 + a),   X_k unchanged                                                    Eq. (2)

A: similarity of k nearest neighbours, the larger of the two directions. a: pull toward the mean m of the known rows,
which a molecule without similar ones falls back to (a = 0: the paper's formula; the mean is then used only where no
path leads to a known molecule). With normalise="row", S = D^-1 A and a missing row is the weighted mean of its
neighbours. Source: CHMR paper, modality augmentation; Rossi et al., arXiv 2111.12128. The published code does not hold
the known rows.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from hmlm_lib.errors import MoleculeError, check_finite, check_whole

NORMALISATIONS = ("symmetric", "row")


@dataclass(frozen=True, eq=False)
class Graph:
    """Undirected similarity graph in sparse form: every edge in both directions, no molecule joined to itself."""

    source: Int[Tensor, " edge"]
    target: Int[Tensor, " edge"]
    weight: Float[Tensor, " edge"]
    size: int

    @classmethod
    def from_neighbours(
        cls, index: Int[Tensor, "molecule k"], similarity: Float[Tensor, "molecule k"], smallest: float = 0.0
    ) -> "Graph":
        """A of Eq. (1); edges whose similarity is not above `smallest` are left out."""
        size, k = index.shape
        here = np.repeat(np.arange(size), k)
        value, there = similarity.cpu().numpy().ravel().astype(float), index.cpu().numpy().ravel()
        keep = value > smallest
        one_way = coo_matrix((value[keep], (here[keep], there[keep])), shape=(size, size)).tocsr()
        both = one_way.maximum(one_way.T).tocoo()
        parts = both.col, both.row, both.data
        source, target, weight = (torch.as_tensor(np.array(v), device=index.device) for v in parts)
        return cls(source.long(), target.long(), weight.float(), size)

    def degree(self) -> Float[Tensor, " molecule"]:
        """Sum of a molecule's similarities."""
        return self.weight.new_zeros(self.size).index_add(0, self.target, self.weight)

    def operator(self, normalise: str = "symmetric", dtype: torch.dtype = torch.float32) -> Tensor:
        """S as a sparse matrix (CSR)."""
        if normalise not in NORMALISATIONS:
            raise MoleculeError(f"normalise is {normalise!r}; allowed: {', '.join(NORMALISATIONS)}")
        degree = self.degree().to(dtype).clamp(min=torch.finfo(dtype).tiny)
        weight = self.weight.to(dtype)
        if normalise == "row":
            weight = weight / degree[self.target]
        else:
            weight = weight / (degree[self.source] * degree[self.target]).sqrt()
        order = torch.argsort(self.target, stable=True)
        rows = torch.bincount(self.target, minlength=self.size).cumsum(0)
        starts, shape = torch.cat([rows.new_zeros(1), rows]), (self.size, self.size)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(starts, self.source[order], weight[order], shape, check_invariants=False)

    def reached(self, known: Bool[Tensor, " molecule"]) -> Bool[Tensor, " molecule"]:
        """Molecules from which a path leads to a known one."""
        edges = (np.ones(len(self.source)), (self.source.cpu().numpy(), self.target.cpu().numpy()))
        _, part = connected_components(coo_matrix(edges, shape=(self.size, self.size)), directed=False)
        return torch.as_tensor(np.isin(part, part[known.cpu().numpy()]), device=known.device)


def dirichlet_energy(graph: Graph, x: Float[Tensor, "molecule feature"]) -> Float[Tensor, ""]:
    """Eq. (1)."""
    scaled = x / graph.degree().to(x.dtype).clamp(min=torch.finfo(x.dtype).tiny).sqrt()[:, None]
    gap = (scaled[graph.source] - scaled[graph.target]).square().sum(1)
    return 0.5 * (graph.weight.to(x.dtype) * gap).sum()


def propagate(
    graph: Graph,
    x: Float[Tensor, "molecule feature"],
    known: Bool[Tensor, " molecule"],
    anchor: float = 0.0,
    normalise: str = "symmetric",
    tolerance: float = 1e-6,
    most_steps: int = 1000,
) -> Float[Tensor, "molecule feature"]:
    """Eq. (2) until no number moves by more than `tolerance`; known rows come back bit for bit.

    Missing rows of x are not read. Raises MoleculeError where nothing is known, a known row is not finite, `anchor`,
    `tolerance` or `most_steps` is out of range, or `most_steps` were not enough.
    """
    check_known(x, known, graph.size)
    for value, name in ((anchor, "anchor"), (tolerance, "tolerance")):
        check_finite(value, name, MoleculeError)
    check_whole(most_steps, "most_steps", 1, MoleculeError)
    missing = not known.all()
    step, mean = graph.operator(normalise, x.dtype), x[known].mean(0)
    # Constants solve the row-normalised equation, and are near the solution of the other.
    state = torch.where(known[:, None], x, mean)
    alone = ~graph.reached(known)
    for _ in range(most_steps):
        after = (step @ state + anchor * mean) / (1 + anchor)
        after = torch.where(known[:, None], x, torch.where(alone[:, None], mean, after))
        moved = float((after - state).abs().max()) if missing else 0.0
        state = after
        if moved <= tolerance:
            return state
    raise MoleculeError(
        f"propagation moved by {moved:.2g} after {most_steps} steps; allowed: at most tolerance = {tolerance:g}; "
        f"raise most_steps or anchor"
    )


def check_known(x: Float[Tensor, "molecule feature"], known: Bool[Tensor, " molecule"], size: int) -> None:
    """MoleculeError unless x and known have `size` rows, one at least is known, and the known ones are finite."""
    if x.ndim != 2 or not x.is_floating_point() or known.dtype != torch.bool:
        raise MoleculeError(
            f"x is {x.dtype} of shape {tuple(x.shape)}, known {known.dtype}; allowed: floats [molecule, feature], flags"
        )
    if len(x) != size or len(known) != size:
        raise MoleculeError(f"{len(x)} rows, {len(known)} flags; allowed: {size}, one a molecule")
    if not known.any():
        raise MoleculeError("no molecule is known; allowed: at least one")
    bad = known & ~torch.isfinite(x).all(1)
    if bad.any():
        raise MoleculeError(f"row {int(bad.nonzero()[0])} is known but not finite; allowed: finite numbers")
