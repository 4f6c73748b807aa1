"""Attention that adds: what regulators send is summed, then saturates; not every cell computes with AND and OR.

    x_v = sum_{e -> v} a_e sign_e p_e(y),    a_e > 0                                                          Eq. (1)
    h_v = (S(x_v) - S(0)) / (1 - S(0)),    S(x) = sigmoid(b_v (x - theta_v))                                  Eq. (2)
    f_v = (1 - mu_v) f_v^logic + mu_v (1 - (1 - u_v) (1 - h_v)),    mu_v = sigmoid(m + m_v)                   Eq. (3)

p_e: the same gates as in `attention.py`; f^logic: its noisy OR. m, one number, moves the whole network from one way of
combining to the other, m_v a single species. Below 0, x is held back to a hundredth, and D stays at 0. Ours.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hmlm_lib.hmlm.attention import GroupSum

LOGIC_FIRST = -2.0  # m at the start: 12 % of every drive is a sum


class SumAttention(nn.Module):
    """Eq. (1) to (3); shared=True keeps one number each for all edges and species, so that it fits any network."""

    FREE = ("strength", "slope", "threshold", "mix", "own_mix")

    def __init__(self, target: Int[Tensor, " edge"], n_species: int, dense: bool, shared: bool):
        super().__init__()
        self.gather = GroupSum(target, n_species, dense)
        edges, species = (1, 1) if shared else (len(target), n_species)
        self.strength = nn.Parameter(torch.full((edges, 1), 0.5))
        self.slope = nn.Parameter(torch.full((species, 1), 3.0))
        self.threshold = nn.Parameter(torch.full((species, 1), 0.5))
        self.mix = nn.Parameter(torch.full((1,), LOGIC_FIRST))
        self.own_mix = nn.Parameter(torch.zeros(species, 1))

    def share(self) -> Float[Tensor, "species 1"]:
        """mu of every species."""
        return torch.sigmoid(self.mix + self.own_mix)

    def forward(
        self, gate: Float[Tensor, "edge batch"], sign: Float[Tensor, "edge 1"]
    ) -> Float[Tensor, "species batch"]:
        """1 - h: how far the sum leaves a species alone."""
        sent = nn.functional.softplus(self.strength) * (gate - (1 - sign) / 2)
        x = nn.functional.leaky_relu(self.gather(sent), 0.01)
        slope, threshold = nn.functional.softplus(self.slope) + 0.05, self.threshold.clamp(min=0.0)
        low = torch.sigmoid(-slope * threshold)  # at most a half, so that Eq. (2) divides by at least a half
        return 1 - (torch.sigmoid(slope * (x - threshold)) - low) / (1 - low)
