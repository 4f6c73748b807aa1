"""Three scales and the operators that bridge them: molecules, pathways, the cell.

    aggregate    P_m = sum_{i in m} alpha_i H_i,   alpha = softmax over the members of m of (c_i + k_i y_i)
    translate    pathway and cell tokens speak one width: Z = [P_1 ... P_M, mean P] T
    within       pathways and the cell attend to each other, several layers (pre-norm transformer)
    decompose    s_v = r_v . sum_m softmax_m(Q_v . K Z_m) V Z_m,   a shift of the drive of species v

H_i = E_i + y_i U_i is the state of molecule i. r is zero at the start: a new model is its molecular scale alone.
Source: HMLM paper, aggregation, decomposition and translation operators, within- and cross-scale attention. Ours: their
form, and that a pathway may speak to any species, so that the shift can stand in for a reaction nobody has drawn.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

MEMBERS_DENSE = 1000  # species; above it pathways are summed by index_add, with memory linear in species


def softmax(score: Float[Tensor, "*axis"]) -> Float[Tensor, "*axis"]:
    """Softmax over the last axis by its definition: several times faster than PyTorch's over axes as short as these."""
    weight = torch.exp(score - score.detach().amax(-1, keepdim=True))
    return weight / weight.sum(-1, keepdim=True)


class Aggregate(nn.Module):
    """Molecules to pathways: attention pooling within each module."""

    def __init__(self, width: int, module: Int[Tensor, " species"], n_modules: int):
        super().__init__()
        self.n_modules = n_modules
        self.register_buffer("module", module, persistent=False)
        self.still, self.moving = nn.Linear(width, width), nn.Linear(width, width)
        self.score, self.pull = nn.Linear(width, 1), nn.Linear(width, 1)

    def weights(
        self, token: Float[Tensor, "species width"], y: Float[Tensor, "species batch"]
    ) -> Float[Tensor, "species batch"]:
        """alpha: sums to one over the members of each module."""
        score = 4 * torch.tanh((self.score(token) + self.pull(token) * y) / 4)
        weight = torch.exp(score)
        total = weight.new_zeros(self.n_modules, y.shape[1]).index_add(0, self.module, weight)
        return weight / total.index_select(0, self.module)

    def forward(
        self, token: Float[Tensor, "species width"], y: Float[Tensor, "species batch"]
    ) -> Float[Tensor, "batch module width"]:
        """P, summed as members of a module x weights, so that no tensor of species x batch x width is made."""
        alpha = self.weights(token, y)
        still, moving = self.still(token), self.moving(token)
        parts = torch.cat([alpha, alpha * y], 1).T  # [2 batch, species]
        member = nn.functional.one_hot(self.module, self.n_modules).to(y.dtype)
        if len(token) <= MEMBERS_DENSE:
            spread = torch.cat([torch.einsum("im,id->imd", member, x).flatten(1) for x in (still, moving)])
            both = torch.cat(parts.chunk(2), 1) @ spread
            return both.unflatten(1, (self.n_modules, -1))
        state = parts[: y.shape[1], :, None] * still + parts[y.shape[1] :, :, None] * moving
        return state.new_zeros(y.shape[1], self.n_modules, state.shape[-1]).index_add(1, self.module, state)


class ScaleLayer(nn.Module):
    """One pre-norm transformer layer over the pathway tokens and the cell token."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def attention(
        self, z: Float[Tensor, "batch token width"]
    ) -> tuple[Float[Tensor, "batch head token token"], Float[Tensor, "batch token head part"]]:
        """Weights [.., target, source] (rows sum to one) and values."""
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in self.qkv(self.before(z)).chunk(3, -1))
        score = torch.einsum("bihp,bjhp->bhij", q, k) / math.sqrt(q.shape[-1])
        return softmax(score), v

    def forward(self, z: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        weight, v = self.attention(z)
        z = z + self.out(torch.einsum("bhij,bjhp->bihp", weight, v).flatten(2))
        return z + self.feed(self.between(z))


class Decompose(nn.Module):
    """Pathways and cell to molecules: cross-scale attention, read out as a shift of each species' drive."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.read = nn.Linear(width, width)
        nn.init.zeros_(self.read.weight)
        nn.init.zeros_(self.read.bias)

    def attention(
        self, token: Float[Tensor, "species width"], z: Float[Tensor, "batch scale width"]
    ) -> Float[Tensor, "batch head species scale"]:
        """Weights of every species over pathways and cell; rows sum to one."""
        q = self.query(token).unflatten(-1, (self.heads, -1))
        k = self.key(self.norm(z)).unflatten(-1, (self.heads, -1))
        return softmax(torch.einsum("ihp,bjhp->bhij", q, k) / math.sqrt(q.shape[-1]))

    def forward(
        self,
        token: Float[Tensor, "species width"],
        own: Float[Tensor, "species width"],
        z: Float[Tensor, "batch scale width"],
    ) -> Float[Tensor, "species batch"]:
        """Shift in (-1, 1); own [species, width] is added to the readout and may be learned for each species."""
        weight = self.attention(token, z)
        v = self.value(self.norm(z)).unflatten(-1, (self.heads, -1))
        read = (self.read(token) + own).unflatten(-1, (self.heads, -1))
        said = torch.einsum("bjhp,ihp->bhij", v, read)
        return torch.tanh((weight * said).sum((1, 3))).T


class Hierarchy(nn.Module):
    """Pathway and cellular scale over a network: activities to a shift of drives.

    pathway=False pools all molecules by attention into one module; the cell token, the mean of one pathway, is then its
    equal, and only learned names tell the two apart. cell=False leaves the pathways alone. named=False gives all
    pathways one name, so that no parameter has a size of the network's and all fit any other network.
    """

    def __init__(
        self,
        module: Int[Tensor, " species"],
        n_modules: int,
        width: int,
        heads: int,
        layers: int,
        pathway: bool = True,
        cell: bool = True,
        named: bool = True,
    ):
        super().__init__()
        self.cell = cell
        grouped, count = (module, n_modules) if pathway else (torch.zeros_like(module), 1)
        self.aggregate = Aggregate(width, grouped, count)
        self.translate = nn.Linear(width, width)
        self.pathway_name = nn.Parameter(0.1 * torch.randn((count if named else 1) + 1, width))
        self.layers = nn.ModuleList(ScaleLayer(width, heads) for _ in range(layers))
        self.decompose = Decompose(width, heads)

    def names(self) -> Float[Tensor, "scale width"]:
        """What tells the tokens apart beside their content: the name of every pathway, then the cell's."""
        pathway, cell = self.pathway_name[:-1], self.pathway_name[-1:]
        return torch.cat([pathway.expand(self.aggregate.n_modules, -1), cell])

    def tokens(
        self, token: Float[Tensor, "species width"], y: Float[Tensor, "species batch"]
    ) -> Float[Tensor, "batch scale width"]:
        """Pathway tokens, then (unless cell=False) the cell token, before they attend to each other."""
        p = self.aggregate(token, y)
        z = torch.cat([p, p.mean(1, keepdim=True)], 1) if self.cell else p
        return self.translate(z) + self.names()[: z.shape[1]]

    def forward(
        self,
        token: Float[Tensor, "species width"],
        own: Float[Tensor, "species width"],
        y: Float[Tensor, "species batch"],
    ) -> Float[Tensor, "species batch"]:
        z = self.tokens(token, y)
        for layer in self.layers:
            z = layer(z)
        return self.decompose(token, own, z)
