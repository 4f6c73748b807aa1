"""The network as a PyTorch Geometric graph of three scales: species, pathways (modules), one cell."""

import numpy as np
import torch
from torch_geometric.data import HeteroData

from hmlm_lib.network.network import SignalingNetwork


def to_hetero(network: SignalingNetwork) -> HeteroData:
    """Node types species, pathway, cell; `edge_index[0]` is the source (regulator).

    (species, activates | inhibits, species) carry `reaction` (reactants of one AND gate share it) and
    `in_and_group`; (species, belongs_to, pathway), (pathway, part_of, cell) and their reverses tie the scales.
    species.x = [tau (h), ymax, y0].
    """
    arrays = network.arrays
    data = HeteroData()
    data["species"].x = torch.tensor(np.stack([arrays.tau, arrays.ymax, arrays.y0], 1), dtype=torch.float32)
    data["species"].names, data["pathway"].names = list(network.species_names), list(network.modules)
    data["pathway"].num_nodes, data["cell"].num_nodes = len(network.modules), 1
    size = np.bincount(arrays.reaction, minlength=len(arrays.product))[arrays.reaction]
    target = arrays.product[arrays.reaction] if len(arrays.reaction) else arrays.reaction
    for relation, chosen in (("activates", ~arrays.inhibits), ("inhibits", arrays.inhibits)):
        store = data["species", relation, "species"]
        store.edge_index = torch.tensor(np.stack([arrays.source[chosen], target[chosen]]))
        store.reaction = torch.tensor(arrays.reaction[chosen])
        store.in_and_group = torch.tensor(size[chosen] > 1)
    up = torch.tensor(np.stack([np.arange(len(arrays.tau)), arrays.module]))
    data["species", "belongs_to", "pathway"].edge_index = up
    data["pathway", "contains", "species"].edge_index = up.flip(0)
    whole = torch.stack([torch.arange(len(network.modules)), torch.zeros(len(network.modules), dtype=torch.long)])
    data["pathway", "part_of", "cell"].edge_index = whole
    data["cell", "consists_of", "pathway"].edge_index = whole.flip(0)
    return data
