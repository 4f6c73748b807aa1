"""Attention between two sets of tokens, with padding that is masked, not added to.

    A = softmax_j(Q_i . K_j / sqrt(d_head)),    out_i = W_o sum_j A_ij V_j                                      (1)

j runs over tokens that exist: the scores of padding are -inf before the softmax. Source: Vaswani et al., 2017. The
public code of the composition paper adds a mask of zeros and ones to the scores, which hides nothing (`leaky`).
"""

import math

from jaxtyping import Bool, Float
from torch import Tensor, nn

from hmlm_lib.errors import ModelError, check_heads, check_whole

Weights = Float[Tensor, "batch head query key"]


def scores(
    query: Float[Tensor, "batch query width"], key: Float[Tensor, "batch key width"], heads: int
) -> Float[Tensor, "batch head query key"]:
    """Q . K / sqrt(d_head), a head a slice of the width."""
    q, k = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key))
    return q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])


def masked(score: Weights, exists: Bool[Tensor, "batch key"]) -> Weights:
    """Eq. (1): softmax over the tokens that exist; padding gets exactly 0 and rows sum to one."""
    return score.masked_fill(~exists[:, None, None, :], -math.inf).softmax(-1)


def leaky(score: Weights, exists: Bool[Tensor, "batch key"]) -> Weights:
    """The fault, kept to be looked at: 1 is added to real tokens and 0 to padding, which stays visible."""
    return (score + exists[:, None, None, :].float()).softmax(-1)


class Attention(nn.Module):
    """Eq. (1) with its four matrices; query and key may be the same tokens (a layer) or others (a composition).

    guest: width of the tokens attended to, bridged by a linear map where it differs from `width`.
    ModelError for a width that the heads cannot share.
    """

    def __init__(self, width: int, heads: int, guest: int | None = None):
        super().__init__()
        for size, name in ((width, "width"), (heads, "heads")):
            check_whole(size, name, 1, ModelError)
        check_heads(width, heads, ModelError)
        self.heads = heads
        self.bridge = nn.Linear(guest, width) if guest not in (None, width) else nn.Identity()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(
        self,
        to: Float[Tensor, "batch query width"],
        of: Float[Tensor, "batch key guest"],
        exists: Bool[Tensor, "batch key"],
    ) -> tuple[Float[Tensor, "batch query width"], Weights]:
        """What the tokens of `to` take from those of `of`, and how much each looks at each."""
        of = self.bridge(of)
        weight = masked(scores(self.query(to), self.key(of), self.heads), exists)
        value = self.value(of).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        return self.out((weight @ value).transpose(1, 2).flatten(2)), weight
