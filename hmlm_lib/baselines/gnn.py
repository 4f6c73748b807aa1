"""A graph neural network in PyTorch Geometric: GATv2 layers over the wiring, all observed times read out at once."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.nn import GATv2Conv

from hmlm_lib.baselines.protocol import OnGrid
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.tokens import EDGE_FEATURES, SPECIES_FEATURES, tokens
from hmlm_lib.training import Training


class GNN(OnGrid):
    """Species features, stimulus, knock-out and rest state in; `layers` rounds of attention over regulators; out: y."""

    training_defaults = Training(steps=300, learning_rate=5e-3)

    def __init__(self, training: Training | None = None, width: int = 32, layers: int = 9, heads: int = 2):
        super().__init__(training)
        self.width, self.n_layers, self.heads = width, layers, heads

    def build(self, experiments: Experiments) -> None:
        t = tokens(experiments.network.arrays)
        self.t, seen = t, len(experiments.times_h)
        self.name = nn.Parameter(0.1 * torch.randn(t.n_species, self.width))
        self.enter = nn.Linear(len(SPECIES_FEATURES) + 3, self.width)
        self.layers = nn.ModuleList(
            GATv2Conv(self.width, self.width // self.heads, self.heads, edge_dim=len(EDGE_FEATURES))
            for _ in range(self.n_layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(self.width) for _ in range(self.n_layers))
        self.readout = nn.Parameter(torch.zeros(t.n_species, self.width, seen))
        self.level = nn.Parameter(torch.zeros(t.n_species, seen))

    def at_seen(self, stimulus: Tensor, factor: Tensor, y0: Tensor) -> Float[Tensor, "condition seen species"]:
        batch, size = stimulus.shape
        given = torch.stack([4 * stimulus, 1 - factor, y0], 2)
        state = self.enter(torch.cat([self.t.species.expand(batch, -1, -1), given], 2)) + self.name
        shift = torch.arange(batch)[:, None] * size
        edges = torch.stack([(self.t.source + shift).flatten(), (self.t.target + shift).flatten()])
        about = self.t.edge.repeat(batch, 1)
        state = state.flatten(0, 1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            state = state + torch.nn.functional.gelu(layer(norm(state), edges, about))
        out = torch.einsum("csw,swt->cts", state.unflatten(0, (batch, size)), self.readout)
        return torch.sigmoid(out + self.level.T)
