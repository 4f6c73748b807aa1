"""Edge noise: what is the graph of similar molecules worth?

    (i, j, s) -> (i, r, s) with probability p,   r drawn among all that are no neighbour of i                    Eq. (1)

Every molecule keeps its number of neighbours and how similar they claim to be; p = 1: nobody knows who is alike. Ours.
"""

from numbers import Real

import numpy as np
import torch

from hmlm_lib.chmr.material import Near
from hmlm_lib.chmr.propagation import Graph
from hmlm_lib.errors import MoleculeError


def rewired(alike: Near, share: float, seed: int = 0) -> Near:
    """Eq. (1) with p = share; MoleculeError unless it is 0 to 1, and where all may be neighbours already."""
    if not isinstance(share, Real) or not 0 <= share <= 1:
        raise MoleculeError(f"share is {share!r}; allowed: 0 to 1")
    true = alike.neighbour.numpy()
    count, k = true.shape
    if count <= 2 * k:
        raise MoleculeError(
            f"{count} molecules of {k} neighbours each; allowed: more than {2 * k}, to draw others from"
        )
    rng, found, own = np.random.default_rng((seed, 43)), true.copy(), np.arange(count)[:, None]
    replaced = rng.random(found.shape) < share
    wrong = replaced
    while wrong.any():
        found[wrong] = rng.integers(count, size=int(wrong.sum()))
        twice = (found[:, :, None] == found[:, None]).sum(-1) > 1
        known = (found[:, :, None] == true[:, None]).any(-1)
        wrong = replaced & (twice | known | (found == own))
    neighbour = torch.as_tensor(found)
    return Near(neighbour, alike.similarity, Graph.from_neighbours(neighbour, alike.similarity))
