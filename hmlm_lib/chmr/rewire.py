"""Edge noise: what is the graph of similar molecules worth?

    (i, j, s) -> (i, r, s) with probability p,   r drawn among all that are no neighbour of i yet                Eq. (1)

Every molecule keeps its number of neighbours and how similar they claim to be; p = 1: nobody knows who is alike. Ours.
"""

import numpy as np
import torch

from hmlm_lib.chmr.material import Near
from hmlm_lib.chmr.propagation import Graph
from hmlm_lib.errors import MoleculeError


def rewired(alike: Near, share: float, seed: int = 0) -> Near:
    """Eq. (1) with p = share; MoleculeError unless it is 0 to 1."""
    if not 0 <= share <= 1:
        raise MoleculeError(f"share is {share}; allowed: 0 to 1")
    rng, found = np.random.default_rng((seed, 43)), alike.neighbour.numpy().copy()
    own = np.arange(len(found))[:, None]
    replaced = rng.random(found.shape) < share
    wrong = replaced
    while wrong.any():
        found[wrong] = rng.integers(len(found), size=int(wrong.sum()))
        twice = (found[:, :, None] == found[:, None]).sum(-1) > 1
        wrong = replaced & (twice | (found == own))
    neighbour = torch.as_tensor(found)
    return Near(neighbour, alike.similarity, Graph.from_neighbours(neighbour, alike.similarity))
