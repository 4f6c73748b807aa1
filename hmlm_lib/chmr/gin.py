"""Graph isomorphism network with bond features and a virtual node: atoms to one vector a molecule.

    g_a = h_a + v_m(a)
    h_a <- g_a + relu(MLP((1 + eps) g_a + sum_{b ~ a} relu(g_b + e_ab)))
    v_m <- v_m + MLP(v_m + sum_{a in m} g_a)                                                                  Eq. (1)

No relu around the last layer's MLP, and no virtual node behind it. Source: Xu et al., arXiv 1810.00826; Hu et al.,
arXiv 1905.12265 (bonds, virtual node), as residual sums. The convolution is PyTorch Geometric's.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch_geometric.nn import GINEConv

from hmlm_lib.chmr.graphs import ATOM_FEATURES, BOND_FEATURES, Batch


class Embedding(nn.Module):
    """Sum of one embedding a categorical feature: one table, a block of rows a feature."""

    def __init__(self, sizes: dict[str, int], width: int):
        super().__init__()
        self.table = nn.EmbeddingBag(sum(sizes.values()), width, mode="sum")
        ends = torch.tensor(list(sizes.values())).cumsum(0)
        self.register_buffer("first", torch.cat([ends.new_zeros(1), ends[:-1]]), persistent=False)

    def forward(self, x: Int[Tensor, "row feature"]) -> Float[Tensor, "row width"]:
        return self.table(x + self.first)


def perceptron(width: int) -> nn.Sequential:
    """Two layers, the hidden one twice as wide."""
    return nn.Sequential(
        nn.Linear(width, 2 * width),
        nn.LayerNorm(2 * width),
        nn.ReLU(),
        nn.Linear(2 * width, width),
        nn.LayerNorm(width),
    )


class GIN(nn.Module):
    """Eq. (1), summed over atoms. LayerNorm, not the usual BatchNorm: a batch of one molecule is no exception."""

    def __init__(self, width: int, layers: int, dropout: float = 0.0):
        super().__init__()
        self.atom = Embedding(ATOM_FEATURES, width)
        self.bond = nn.ModuleList(Embedding(BOND_FEATURES, width) for _ in range(layers))
        self.mix = nn.ModuleList(GINEConv(perceptron(width), train_eps=True) for _ in range(layers))
        self.whole = nn.ModuleList(perceptron(width) for _ in range(layers - 1))
        self.virtual = nn.Parameter(torch.zeros(1, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Float[Tensor, "molecule width"]:
        h, virtual = self.atom(batch.atom), self.virtual.expand(batch.size, -1)
        for layer, (mix, bond) in enumerate(zip(self.mix, self.bond, strict=True)):
            h = h + virtual[batch.of]
            new = mix(h, batch.bond, bond(batch.kind))
            last = layer == len(self.mix) - 1
            if not last:
                virtual = virtual + self.whole[layer](virtual + self._pool(h, batch))
                new = torch.relu(new)
            h = h + self.dropout(new)
        return self._pool(h, batch)

    @staticmethod
    def _pool(h: Tensor, batch: Batch) -> Tensor:
        return h.new_zeros(batch.size, h.shape[1]).index_add(0, batch.of, h)
