"""What a token is before anything is learned: role, module, position in the graph, known parameters. No identity.

Two networks that share no species share these features, so that one model can read a network it never saw.
"""

from dataclasses import dataclass

import networkx as nx
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hmlm_lib.network.network import NetworkArrays

SPECIES_FEATURES = (
    "is_input", "is_sink", "log10_tau", "log_in_degree", "log_out_degree", "inhibited_fraction", "inhibiting_fraction",
    "depth", "in_feedback", "module_share",
)  # fmt: skip
EDGE_FEATURES = ("inhibits", "and_partners", "alternatives", "log10_tau_ratio")
UNREACHED = 12.0  # depth of a species that no input reaches; real networks are shallower


@dataclass(frozen=True, eq=False)
class Tokens:
    """Features of a network's tokens and the index of its edges.

    source, reaction [edge]: regulator and AND group of every reactant; product [reaction]: what a group drives.
    module [species]: number of the pathway token of every species.
    """

    species: Float[Tensor, "species feature"]
    edge: Float[Tensor, "edge edge_feature"]
    source: Int[Tensor, " edge"]
    reaction: Int[Tensor, " edge"]
    target: Int[Tensor, " edge"]
    product: Int[Tensor, " reaction"]
    module: Int[Tensor, " species"]
    tau_h: Float[Tensor, " species"]
    inhibits: Bool[Tensor, " edge"]

    @property
    def n_species(self) -> int:
        return len(self.species)

    @property
    def n_modules(self) -> int:
        return int(self.module.max()) + 1


def tokens(arrays: NetworkArrays) -> Tokens:
    """Tokens of a network; features lie roughly in [-1, 2]."""
    target = arrays.product[arrays.reaction]
    size = len(arrays.tau)
    into, out = np.bincount(target, minlength=size), np.bincount(arrays.source, minlength=size)
    inhibited = np.bincount(target, arrays.inhibits, size) / np.maximum(into, 1)
    inhibiting = np.bincount(arrays.source, arrays.inhibits, size) / np.maximum(out, 1)
    depth, feedback = _position(arrays, target)
    share = np.bincount(arrays.module)[arrays.module] / size
    log_tau = np.log10(arrays.tau)
    species = [arrays.has_input, out == 0, log_tau, np.log1p(into), np.log1p(out), inhibited, inhibiting]
    partners = np.bincount(arrays.reaction, minlength=len(arrays.product))[arrays.reaction] - 1
    alternatives = np.log1p(np.bincount(arrays.product, minlength=size)[target])
    ratio = log_tau[target] - log_tau[arrays.source]
    index = {
        "source": arrays.source, "reaction": arrays.reaction, "target": target,
        "product": arrays.product, "module": arrays.module,
    }  # fmt: skip
    return Tokens(
        species=_columns([*species, depth / UNREACHED, feedback, share], size),
        edge=_columns([arrays.inhibits, partners, alternatives, ratio], len(target)),
        tau_h=torch.as_tensor(arrays.tau, dtype=torch.float32),
        inhibits=torch.as_tensor(arrays.inhibits.copy()),
        **{name: torch.as_tensor(np.array(value), dtype=torch.long) for name, value in index.items()},
    )


def _columns(columns: list[np.ndarray], rows: int) -> Float[Tensor, "row column"]:
    table = np.stack([np.asarray(c, dtype=float) for c in columns], 1) if rows else np.zeros((0, len(columns)))
    return torch.as_tensor(table, dtype=torch.float32)


def _position(arrays: NetworkArrays, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps from the nearest input (UNREACHED at most), and whether a species lies on a feedback loop."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(arrays.tau)))
    graph.add_edges_from(zip(arrays.source.tolist(), target.tolist(), strict=True))
    depth = np.full(len(arrays.tau), UNREACHED)
    inputs = np.flatnonzero(arrays.has_input).tolist()
    if inputs:
        for species, steps in nx.multi_source_dijkstra_path_length(graph, set(inputs)).items():
            depth[species] = min(steps, UNREACHED)
    feedback = np.zeros(len(arrays.tau))
    for component in nx.strongly_connected_components(graph):
        if len(component) > 1:
            feedback[list(component)] = 1.0
    return depth, feedback
