"""Reading measurements: temporal attention over whatever points there are, then graph attention over the network.

    point      x_vi = MLP(10 r_vi, forecast_vi, y0 or not, clock(t_i)),   r_vi = measured - forecast       Eq. (1)
    time       m_v  = softmax_i(Q e_v . K x_vi) V x_vi   over the measured points i of species v           Eq. (2)
    network    z    = e + m, then layers of attention to regulators and targets, and to the mean of all    Eq. (3)

Points may lie at any times, be missing for some species, or for all but a few: a species without points keeps its
token, and hears from its neighbours. Source: HMLM paper, temporal embedding tau(t), temporal and graph attention with
edge types. Ours: that points are residuals from a forecast, and Eq. (3) in both directions of an edge.
"""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hmlm_lib.hmlm.attention import GraphAttention

CLOCK = 8  # numbers of the temporal embedding
EDGE_TYPES = 4  # inhibits + 2 x shares an AND group; as many again for the way back
FAR = -1e9  # score of a point that was not measured


def clock(times_h: Float[np.ndarray, " time"], horizon_h: float) -> Float[Tensor, "time clock"]:
    """Temporal embedding: sine and cosine of pi, 2 pi ... CLOCK / 2 pi times log(1 + t) / log(1 + horizon)."""
    phase = np.log1p(times_h)[:, None] / np.log1p(horizon_h) * np.pi * np.arange(1, CLOCK // 2 + 1)
    return torch.as_tensor(np.concatenate([np.sin(phase), np.cos(phase)], 1), dtype=torch.float32)


def shown_species(
    count: int, n_species: int, hidden: float, generator: torch.Generator
) -> Bool[Tensor, "cell species"]:
    """Which species training cells show: a fraction `hidden` of the cells 15 to 65 % of theirs, the other cells all."""
    hides = torch.rand(count, 1, generator=generator) < hidden
    share = 0.15 + 0.5 * torch.rand(count, 1, generator=generator)
    return (torch.rand(count, n_species, generator=generator) < share) | ~hides


class TemporalAttention(nn.Module):
    """Eq. (1) and (2): the points of every species to one vector; 0 for a species without any."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.point = nn.Sequential(nn.Linear(CLOCK + 3, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.key, self.query = nn.Linear(CLOCK + 3, width), nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def weights(
        self,
        token: Float[Tensor, "species width"],
        points: Float[Tensor, "cell time species feature"],
        measured: Bool[Tensor, "cell time species"],
    ) -> Float[Tensor, "cell time head species"]:
        """Sum to one over the measured points of a species; 0 elsewhere."""
        key, query = (x.unflatten(-1, (self.heads, -1)) for x in (self.key(points), self.query(token)))
        score = torch.einsum("ctshp,shp->cths", key, query) / math.sqrt(query.shape[-1])
        known = measured[:, :, None]
        return torch.softmax(score.masked_fill(~known, FAR), 1) * known

    def forward(
        self,
        token: Float[Tensor, "species width"],
        points: Float[Tensor, "cell time species feature"],
        measured: Bool[Tensor, "cell time species"],
    ) -> Float[Tensor, "cell species width"]:
        value = self.point(points).unflatten(-1, (self.heads, -1))
        said = torch.einsum("cths,ctshp->cshp", self.weights(token, points, measured), value)
        return self.out(said.flatten(2)) * measured.any(1)[..., None]


class EncoderLayer(nn.Module):
    """Eq. (3), one layer, pre-norm: neighbours both ways, the cell's mean, feed-forward."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.mix, self.cell = GraphAttention(width, heads, 2 * EDGE_TYPES), nn.Linear(width, width)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(
        self, z: Float[Tensor, "cell species width"], source: Tensor, target: Tensor, kind: Tensor
    ) -> Float[Tensor, "cell species width"]:
        state = self.before(z)
        z = z + self.mix(state, source, target, kind) + self.cell(state.mean(1, keepdim=True))
        return z + self.feed(z)


class Encoder(nn.Module):
    """Measurements to `latent` numbers a species of every cell."""

    def __init__(
        self,
        source: Int[Tensor, " edge"],
        target: Int[Tensor, " edge"],
        kind: Int[Tensor, " edge"],
        n_species: int,
        width: int,
        heads: int,
        layers: int,
        latent: int,
        untrained: float = 0.0,
    ):
        """untrained: scale of the readout's weights before training; 0 gives latent numbers that are all 0."""
        super().__init__()
        for name, there, back in (("source", source, target), ("target", target, source), ("kind", kind, kind + 4)):
            self.register_buffer(name, torch.cat([there, back]), persistent=False)
        self.own = nn.Parameter(0.3 * torch.randn(n_species, width))
        self.seen = nn.Parameter(0.1 * torch.randn(width))
        self.time = TemporalAttention(width, heads)
        self.layers = nn.ModuleList(EncoderLayer(width, heads) for _ in range(layers))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, latent))
        nn.init.normal_(self.out[1].weight, std=untrained)
        nn.init.zeros_(self.out[1].bias)

    def points(
        self,
        residual: Float[Tensor, "cell time species"],
        forecast: Float[Tensor, "cell time species"],
        measured: Bool[Tensor, "cell time species"],
        hour: Float[Tensor, "time clock"],
    ) -> Float[Tensor, "cell time species feature"]:
        """What Eq. (1) reads of every point; residual: measured - forecast, 0 where nothing was measured."""
        stamp = hour[None, :, None].expand(*residual.shape, -1)
        return torch.cat([torch.stack([10 * residual, forecast, measured.to(forecast.dtype)], -1), stamp], -1)

    def attention(
        self,
        residual: Float[Tensor, "cell time species"],
        forecast: Float[Tensor, "cell time species"],
        measured: Bool[Tensor, "cell time species"],
        hour: Float[Tensor, "time clock"],
    ) -> Float[Tensor, "cell time head species"]:
        """Weights of Eq. (2): sum to one over the measured points of a species, 0 elsewhere."""
        return self.time.weights(self.own, self.points(residual, forecast, measured, hour), measured)

    def forward(
        self,
        residual: Float[Tensor, "cell time species"],
        forecast: Float[Tensor, "cell time species"],
        measured: Bool[Tensor, "cell time species"],
        hour: Float[Tensor, "time clock"],
    ) -> Float[Tensor, "cell species latent"]:
        """residual: measured - forecast, 0 where nothing was measured."""
        points = self.points(residual, forecast, measured, hour)
        z = self.own + self.seen * measured.any(1)[..., None] + self.time(self.own, points, measured)
        for layer in self.layers:
            z = layer(z, self.source, self.target, self.kind)
        return self.out(z)
