"""Random walks on the context graph: from a molecule to those like it, whose cells it then learns to tell.

Source: CHMR paper, context-propagation reconstruction. Departure: the paper walks over molecules, genes and cells, on
edges of similarity above 0.8 and of biology; here walks stay among molecules, on edges to the 10 nearest by Tanimoto
similarity (`material.py`), and far neighbours count by their small weight, not by a threshold.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def walks(
    neighbour: Int[Tensor, "molecule k"],
    similarity: Float[Tensor, "molecule k"],
    rows: Int[Tensor, " row"],
    steps: int,
    generator: torch.Generator,
) -> tuple[Int[Tensor, "row step"], Float[Tensor, "row step"]]:
    """Random walks on the context graph from each row: molecules met (the first is itself), product of edge weights.

    The next molecule is drawn in proportion to similarity; a molecule without similar ones stays where it is.
    """
    here, weight = rows, torch.ones(len(rows))
    met, weights = [here], [weight]
    for _ in range(steps):
        pull = similarity[here].clamp(min=0.0)
        alone = pull.sum(1) <= 0
        pick = torch.multinomial(torch.where(alone[:, None], 1.0, pull), 1, generator=generator)
        there = neighbour[here].gather(1, pick)[:, 0]
        edge = similarity[here].gather(1, pick)[:, 0]
        weight = torch.where(alone, 0.0, weight * edge)
        here = torch.where(alone, here, there)
        met.append(here)
        weights.append(weight)
    return torch.stack(met, 1), torch.stack(weights, 1)
