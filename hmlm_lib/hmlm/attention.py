"""Attention over in-neighbourhoods of the signalling graph, in sparse form: cost linear in edges.

`LogicAttention` respects what edges mean. An edge is a gate, Eq. (1): heads of normalised sigmoids, mixed, rising from
0 at y = 0 to 1 at y = 1 for an activator and falling for an inhibitor. An AND group is a token whose log-attention is
the sum of its gates' logarithms, Eq. (2); a species attends to its groups by noisy OR, Eq. (3):

    p_e(y)  = sum_h m_eh (S_eh(y) - S_eh(0)) / (S_eh(1) - S_eh(0)),    S_eh(y) = sigmoid(a_eh (y - theta_eh))      (1)
    log q_r = sum_{e in r} log g_e,    g_e = p_e for an activator, 1 - p_e for an inhibitor                        (2)
    f_v     = 1 - (1 - u_v) prod_{r -> v} (1 - w_r q_r)                                                            (3)

`GraphAttention` is the paper's softmax over the neighbourhood, Eq. (4), with a bias for each edge type:

    softmax_{j in N(v)} (Q_v . K_j / sqrt(d) + b_type) V_j

`Proposals` lets every species attend to every other by a matrix W that an L1 penalty keeps sparse; what it adds to the
drive stands for reactions that the network lacks. Every source has one gate p_j, of the form of Eq. (1):

    s_v = sum_j W_vj p_j(y_j),    penalty: sum_j |W_vj|                                                            (5)

Source: HMLM paper (Eq. 4; edge types). Ours: Eq. (1)-(3), because a softmax cannot say AND, OR or NOT; Eq. (5).
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

SMALLEST_GATE = 1e-6  # below it a gate counts as closed; its logarithm stays finite


def membership(group: Int[Tensor, " member"], n_groups: int) -> Float[Tensor, "group member"]:
    """Dense matrix with 1 where a member belongs to a group."""
    matrix = torch.zeros(n_groups, len(group), device=group.device)
    matrix[group, torch.arange(len(group), device=group.device)] = 1.0
    return matrix


class GroupSum(nn.Module):
    """Sums of rows by group: sparse (index_add, memory linear in members) or dense (a matrix product; small graphs)."""

    def __init__(self, group: Int[Tensor, " member"], n_groups: int, dense: bool):
        super().__init__()
        self.n_groups, self.dense = n_groups, dense
        self.register_buffer("index", membership(group, n_groups) if dense else group, persistent=False)

    def forward(self, values: Float[Tensor, "member batch"]) -> Float[Tensor, "group batch"]:
        if self.dense:
            return self.index.to(values.dtype) @ values
        zero = values.new_zeros(self.n_groups, values.shape[1])
        return zero.index_add(0, self.index, values)


class Gates:
    """Eq. (1) with all that does not depend on the state worked out: g = base + sum_h mix sig(slope y + shift).

    column: 1, or one a trajectory where each has gates of its own.
    """

    def __init__(
        self,
        slope: Float[Tensor, "head edge column"],
        threshold: Float[Tensor, "head edge column"],
        mix: Float[Tensor, "head edge column"],
        sign: Float[Tensor, "edge 1"],
    ):
        low, high = torch.sigmoid(-slope * threshold), torch.sigmoid(slope * (1 - threshold))
        share = torch.softmax(mix, 0) / (high - low)
        self.slope, self.shift = slope, -slope * threshold
        self.mix = sign * share
        self.base = (1 - sign) / 2 - sign * (share * low).sum(0)

    def __call__(self, y: Float[Tensor, "edge batch"]) -> Float[Tensor, "edge batch"]:
        """Openness of every edge's gate in [0, 1], given the activity of its source."""
        return self.base + (self.mix * torch.sigmoid(torch.addcmul(self.shift, self.slope, y))).sum(0)


class LogicAttention(nn.Module):
    """Eq. (2) and (3): from gates to drives."""

    def __init__(
        self,
        reaction: Int[Tensor, " edge"],
        product: Int[Tensor, " reaction"],
        n_species: int,
        dense: bool,
    ):
        super().__init__()
        self.conjunction = GroupSum(reaction, len(product), dense)
        self.disjunction = GroupSum(product, n_species, dense)

    def forward(
        self, gate: Float[Tensor, "edge batch"], weight: Float[Tensor, "reaction column"]
    ) -> Float[Tensor, "species batch"]:
        """prod_r (1 - w_r q_r): how far a species' reactions leave it alone, in [0, 1]."""
        log_q = self.conjunction(torch.log(gate.clamp(SMALLEST_GATE, 1.0)))
        return torch.exp(self.disjunction(torch.log1p(-weight * torch.exp(log_q))))


class Proposals(nn.Module):
    """Edges off the graph, Eq. (5): W [target, source] starts at zero, and a species never proposes itself."""

    def __init__(self, n_species: int):
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(n_species, n_species))
        self.slope = nn.Parameter(torch.full((n_species, 1), 5.0))
        self.threshold = nn.Parameter(torch.zeros(n_species, 1))

    def strength(self) -> Float[Tensor, "species species"]:
        """W with its diagonal at zero: how much an open gate of the source adds to the drive of the target."""
        return self.matrix - torch.diag(torch.diagonal(self.matrix))

    def size(self) -> Float[Tensor, ""]:
        """sum_j |W_vj|, mean over v."""
        return self.strength().abs().sum() / len(self.matrix)

    def drive(self) -> Callable[[Float[Tensor, "species batch"]], Float[Tensor, "species batch"]]:
        """Activities to what is added to every drive; all that does not depend on the state is worked out once."""
        gates = Gates(
            nn.functional.softplus(self.slope)[None] + 0.05,
            torch.sigmoid(self.threshold)[None],
            torch.zeros_like(self.slope)[None],
            torch.ones_like(self.slope),
        )
        strength = self.strength()
        return lambda y: strength @ gates(y)


def edge_softmax(
    score: Float[Tensor, "head edge batch"], target: Int[Tensor, " edge"], n_species: int
) -> Float[Tensor, "head edge batch"]:
    """Softmax over the edges that share a target; rows sum to one for every target with an edge."""
    heads, _, batch = score.shape
    index = target[None, :, None].expand_as(score)
    top = score.new_full((heads, n_species, batch), -math.inf).scatter_reduce(1, index, score.detach(), "amax")
    weight = torch.exp(score - top.index_select(1, target))
    total = weight.new_zeros(heads, n_species, batch).index_add(1, target, weight)
    return weight / total.index_select(1, target)


class GraphAttention(nn.Module):
    """Eq. (4) over in-neighbourhoods; tokens [batch, species, width] to the same shape.

    edge_type [edge] chooses a bias a head. dense=True computes all pairs and masks them: for small graphs, and to check
    the sparse form; at most one edge may join two species there.
    """

    def __init__(self, width: int, heads: int, n_types: int, dense: bool = False):
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of heads {heads}")
        self.heads, self.dense = heads, dense
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(heads, n_types))

    def forward(
        self,
        token: Float[Tensor, "batch species width"],
        source: Int[Tensor, " edge"],
        target: Int[Tensor, " edge"],
        edge_type: Int[Tensor, " edge"],
    ) -> Float[Tensor, "batch species width"]:
        """New tokens; a species without regulators receives the bias of `out` alone."""
        q, k, v = (self._heads(layer(token)) for layer in (self.query, self.key, self.value))
        mix = self._dense if self.dense else self._sparse
        return self.out(mix(q, k, v, source, target, edge_type).flatten(2))

    def _heads(self, x: Float[Tensor, "batch species width"]) -> Float[Tensor, "batch species head part"]:
        return x.unflatten(-1, (self.heads, -1))

    def weights(
        self, token: Float[Tensor, "batch species width"], source: Tensor, target: Tensor, edge_type: Tensor
    ) -> Float[Tensor, "batch edge head"]:
        """Attention of every target over its edges; sums to one over them."""
        q, k = self._heads(self.query(token)), self._heads(self.key(token))
        return self._edge_weights(q, k, source, target, edge_type)

    def _edge_weights(self, q: Tensor, k: Tensor, source: Tensor, target: Tensor, kind: Tensor) -> Tensor:
        score = (q[:, target] * k[:, source]).sum(-1) / math.sqrt(q.shape[-1]) + self.bias.T[kind]
        return edge_softmax(score.permute(2, 1, 0), target, q.shape[1]).permute(2, 1, 0)

    def _sparse(self, q: Tensor, k: Tensor, v: Tensor, source: Tensor, target: Tensor, kind: Tensor) -> Tensor:
        weight = self._edge_weights(q, k, source, target, kind)
        return torch.zeros_like(q).index_add(1, target, (weight[..., None] * v[:, source]).to(q.dtype))

    def _dense(self, q: Tensor, k: Tensor, v: Tensor, source: Tensor, target: Tensor, kind: Tensor) -> Tensor:
        mask, bias = self._mask(q, source, target, kind)
        score = torch.einsum("bihp,bjhp->bhij", q, k) / math.sqrt(q.shape[-1]) + bias
        weight = torch.softmax(score.masked_fill(~mask, -math.inf), -1)
        return torch.einsum("bhij,bjhp->bihp", torch.where(mask.any(-1)[:, None], weight, 0.0), v)

    def _mask(
        self, q: Tensor, source: Tensor, target: Tensor, kind: Tensor
    ) -> tuple[Bool[Tensor, "species species"], Float[Tensor, "head species species"]]:
        size = q.shape[1]
        mask = torch.zeros(size, size, dtype=torch.bool, device=q.device)
        mask[target, source] = True
        bias = q.new_zeros(self.heads, size, size)
        bias[:, target, source] = self.bias[:, kind]
        return mask, bias
