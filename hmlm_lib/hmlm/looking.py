"""Looking inside a trained HMLM: what attends to what at every scale, in the states that the model predicts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.hmlm.tokens import SPECIES_FEATURES


def attention(
    model: HMLM, experiments: Experiments, times_h: Sequence[float] | np.ndarray | None = None
) -> dict[str, xr.DataArray]:
    """Attention by scale, each with dims (condition, time, head, ...).

    molecular (.., edge): openness of each edge's gate, in [0, 1]; an edge is labelled `source -> target` or
    `source -| target`, and the coordinates edge_source and edge_target name its species. For attention="softmax":
    weights of the first layer, which sum to one over the edges of a target. pathway (.., target, source): weights among
    pathways and cell. decompose (.., species, source): weights of each species over pathways and cell. Rows of the last
    two sum to one; both are absent without a hierarchy.
    """
    times = experiments.times_h if times_h is None else check_times(times_h)
    states = torch.as_tensor(model.predict(experiments, times), dtype=model._tau_h.dtype, device=model._tau_h.device)
    flat = states.flatten(0, 1)
    with torch.no_grad():
        found = {"molecular": gate_openness(model, flat)}
        if model.config.hierarchy:
            found |= scale_weights(model, flat)
    names = scale_names(model)
    axes = {
        "molecular": {"edge": model.edge_labels()},
        "pathway": {"target": names, "source": names},
        "decompose": {"species": list(model.network.species_names), "source": names},
    }
    shared = {"condition": list(experiments.names), "time": times, "head": np.arange(model.config.heads)}
    maps = {
        scale: xr.DataArray(
            value.unflatten(0, (len(experiments), len(times))).cpu().numpy(),
            dims=(*shared, *axes[scale]),
            coords=shared | axes[scale],
            name="attention",
        )
        for scale, value in found.items()
    }
    species = np.array(model.network.species_names)
    ends = {"edge_source": model._source, "edge_target": model._target}
    of_edges = {name: ("edge", species[which.cpu().numpy()]) for name, which in ends.items()}
    return maps | {"molecular": maps["molecular"].assign_coords(of_edges)}


def token_names() -> tuple[str, ...]:
    """Names of a species token's features, in order."""
    return SPECIES_FEATURES


def scale_names(model: HMLM) -> list[str]:
    """Names of the pathway tokens, then `cell`, as far as the model has them."""
    pathways = list(model.network.modules) if model.config.pathway else ["all"]
    return pathways + (["cell"] if model.config.cell else [])


def gate_openness(model: HMLM, y: Float[Tensor, "state species"]) -> Float[Tensor, "state head edge"]:
    """Every head's own gate, before heads are mixed; softmax weights for attention="softmax"."""
    token = model.token()
    if model.config.attention == "softmax":
        state = token + y[..., None] * model.carry(token)
        return model.mix[0].weights(state, model._source, model._target, model.edge_kind()).transpose(1, 2)
    gates = model.gates(token)
    opened = torch.sigmoid(torch.addcmul(gates.shift, gates.slope, y.T.index_select(0, model._source)))
    low, high = torch.sigmoid(gates.shift), torch.sigmoid(gates.slope + gates.shift)
    rise = ((opened - low) / (high - low)).clamp(0, 1)
    return torch.where(model._inhibits[:, None], 1 - rise, rise).permute(2, 0, 1)


def scale_weights(model: HMLM, y: Float[Tensor, "state species"]) -> dict[str, Tensor]:
    """Weights of the first layer among pathways and cell, and of the decomposition."""
    token, hierarchy = model.token(), model.hierarchy
    z = hierarchy.tokens(token, y.T)
    found = {"pathway": hierarchy.layers[0].attention(z)[0]} if len(hierarchy.layers) else {}
    for layer in hierarchy.layers:
        z = layer(z)
    return found | {"decompose": hierarchy.decompose.attention(token, z)}


def gate_curves(model: HMLM, levels: Float[np.ndarray, " level"]) -> Float[np.ndarray, "edge level"]:
    """Openness of every edge's gate, heads mixed, at given activities of its source."""
    with torch.no_grad():
        y = torch.as_tensor(levels, dtype=model._tau_h.dtype, device=model._tau_h.device).expand(len(model._source), -1)
        return model.gates(model.token())(y).clamp(0, 1).cpu().numpy()


def attention_matrix(weights: xr.DataArray, targets: Sequence[str], sources: Sequence[str]) -> pd.DataFrame:
    """Molecular attention [target, source]: the mean of everything but the edge axis; NaN where there is no edge.

    weights: `attention(...)["molecular"]`, whose edges know their ends.
    """
    value = weights.mean([d for d in weights.dims if d != "edge"])
    table = pd.DataFrame(np.nan, index=list(targets), columns=list(sources))
    ends = value.edge_source.values, value.edge_target.values
    for source, target, one in zip(*ends, value.values, strict=True):
        if target in table.index and source in table.columns:
            table.loc[target, source] = np.nanmax([table.loc[target, source], one])
    return table
