"""Looking inside a trained model: what attends to what at every scale and in time, in the states that it predicts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor, nn

from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.cells import CellHMLM
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.hmlm.tokens import SPECIES_FEATURES
from hmlm_lib.hmlm.transducer import time_grid


def attention(
    model: HMLM, experiments: Experiments, times_h: Sequence[float] | np.ndarray | None = None
) -> dict[str, xr.DataArray]:
    """Attention by scale, each with dims (condition, time, head, ...); aggregate has no head.

    molecular (.., edge): openness of each edge's gate, in [0, 1]; an edge is labelled `source -> target` or
    `source -| target`, and the coordinates edge_source and edge_target name its species. For attention="softmax":
    weights, which sum to one over the edges of a target. aggregate (condition, time, target, species): weights of the
    species in each pathway, 0 for those of others; the cell is the mean of the pathways, so its row is the mean of
    theirs. pathway (.., target, source): weights among pathways and cell. decompose (.., species, source): weights of
    each species over pathways and cell. Rows of the last three, over their last axis, sum to one; all three are absent
    without a hierarchy.

    With several layers, pathway (for attention="softmax" also molecular) has the dims (condition, time, layer, head,
    ...), the first layer is 0; without any it is absent.
    """
    times = experiments.times_h if times_h is None else check_times(times_h)
    states = torch.as_tensor(model.predict(experiments, times), dtype=model._tau_h.dtype, device=model._tau_h.device)
    flat = states.flatten(0, 1)
    with torch.no_grad():
        found = {"molecular": molecular_weights(model, flat)}
        if model.config.hierarchy:
            found |= scale_weights(model, flat)
    states = {"condition": list(experiments.names), "time": times}
    return {scale: _labelled(model, scale, layers, states) for scale, layers in found.items() if layers}


def _labelled(
    model: HMLM, scale: str, layers: list[Float[Tensor, "state *axis"]], states: dict[str, Sequence]
) -> xr.DataArray:
    """Weights of every layer, at all conditions and times one after the other, with the names of their axes."""
    names, species = scale_names(model), np.array(model.network.species_names)
    head = {"head": np.arange(model.config.heads)}
    axes = {
        "molecular": head | {"edge": model.edge_labels()},
        "aggregate": {"target": names, "species": species},
        "pathway": head | {"target": names, "source": names},
        "decompose": head | {"species": species, "source": names},
    }[scale]
    several = len(layers) > 1
    coords = states | ({"layer": np.arange(len(layers))} if several else {}) | axes
    value = (torch.stack(layers, 1) if several else layers[0]).cpu().numpy()
    found = xr.DataArray(value.reshape([len(x) for x in coords.values()]), coords, tuple(coords), "attention")
    if scale != "molecular":
        return found
    ends = {"edge_source": model._source, "edge_target": model._target}
    return found.assign_coords({name: ("edge", species[which.cpu().numpy()]) for name, which in ends.items()})


def temporal_attention(model: CellHMLM, cells: Experiments) -> xr.DataArray:
    """What a cell's points tell of each species, Eq. (2) of `encoder.py`: dims (cell, time, head, species).

    Sums to one over the measured times of a species in a cell and is 0 at others; all 0 where nothing was measured.
    time: hours; 0 h is there too where the experiments begin later, because the start of a species that was measured at
    any time is read as a point. With several passes: (cell, time, pass, head, species). ModelError as `reconstruct`.
    """
    model._check_readable(cells)
    grid = time_grid(max(model.horizon_h, float(cells.times_h[-1])), model.config.model.grid)
    held, factor, y0, points, known = model._points(cells)
    with one_thread(), torch.no_grad():
        found, _, _ = model.passes(held, factor, y0, points, known, cells.times_h, grid)
        read = model._reader(y0, points, known, cells.times_h, grid)
        weight = torch.stack([model.encoder.attention(*read(states)) for states in found[:-1]], 2)
    coords = {
        "cell": list(cells.names),
        "time": model._read_times(cells.times_h),
        "pass": np.arange(weight.shape[2]),
        "head": np.arange(model.config.heads),
        "species": list(model.network.species_names),
    }
    named = xr.DataArray(weight.cpu().numpy(), coords, tuple(coords), "attention")
    return named if weight.shape[2] > 1 else named.isel({"pass": 0}, drop=True)


def token_names() -> tuple[str, ...]:
    """Names of a species token's features, in order."""
    return SPECIES_FEATURES


def scale_names(model: HMLM) -> list[str]:
    """Names of the pathway tokens, then `cell`, as far as the model has them."""
    pathways = list(model.network.modules) if model.config.pathway else ["all"]
    return pathways + (["cell"] if model.config.cell else [])


def molecular_weights(model: HMLM, y: Float[Tensor, "state species"]) -> list[Float[Tensor, "state head edge"]]:
    """Every head's own gate, before heads are mixed; for attention="softmax" the weights of every layer."""
    token = model.token()
    if model.config.attention == "softmax":
        return _softmax_weights(model, token + y[..., None] * model.carry(token))
    gates = model.gates(token)
    opened = torch.sigmoid(torch.addcmul(gates.shift, gates.slope, y.T.index_select(0, model._source)))
    low, high = torch.sigmoid(gates.shift), torch.sigmoid(gates.slope + gates.shift)
    rise = ((opened - low) / (high - low)).clamp(0, 1)
    return [torch.where(model._inhibits[:, None], 1 - rise, rise).permute(2, 0, 1)]


def _softmax_weights(
    model: HMLM, state: Float[Tensor, "state species width"]
) -> list[Float[Tensor, "state head edge"]]:
    kind, found = model.edge_kind(), []
    for mix, feed in zip(model.mix, model.feed, strict=True):
        found.append(mix.weights(state, model._source, model._target, kind).transpose(1, 2))
        state = state + mix(state, model._source, model._target, kind)
        state = state + feed(state)
    return found


def scale_weights(model: HMLM, y: Float[Tensor, "state species"]) -> dict[str, list[Tensor]]:
    """Weights of the aggregation, of every layer among pathways and cell, and of the decomposition."""
    token, hierarchy = model.token(), model.hierarchy
    z, pathway = hierarchy.tokens(token, y.T), []
    for layer in hierarchy.layers:
        pathway.append(layer.attention(z)[0])
        z = layer(z)
    pooled = aggregate_weights(model, y)
    return {"aggregate": [pooled], "pathway": pathway, "decompose": [hierarchy.decompose.attention(token, z)]}


def aggregate_weights(model: HMLM, y: Float[Tensor, "state species"]) -> Float[Tensor, "state scale species"]:
    """alpha of `scales.py` as a row for every pathway; then, where there is a cell, the mean of these rows."""
    pooling = model.hierarchy.aggregate
    member = nn.functional.one_hot(pooling.module, pooling.n_modules).to(y.dtype)
    rows = torch.einsum("im,is->smi", member, pooling.weights(model.token(), y.T))
    return torch.cat([rows, rows.mean(1, keepdim=True)], 1) if model.hierarchy.cell else rows


def gate_curves(model: HMLM, levels: Float[np.ndarray, " level"]) -> Float[np.ndarray, "edge level"]:
    """Openness of every edge's gate, heads mixed, at given activities of its source.

    ModelError for a model without gates, or levels that are no list of numbers.
    """
    if model.config.attention != "logic":
        raise ModelError(f"attention is {model.config.attention!r}, which has no gates; allowed: logic")
    try:
        levels = np.asarray(levels, dtype=float)
    except (TypeError, ValueError):
        raise ModelError(f"levels are {levels!r}; allowed: a list of numbers") from None
    if levels.ndim != 1:
        raise ModelError(f"levels have shape {levels.shape}; allowed: a list of numbers")
    with torch.no_grad():
        y = torch.as_tensor(levels, dtype=model._tau_h.dtype, device=model._tau_h.device).expand(len(model._source), -1)
        return model.gates(model.token())(y).clamp(0, 1).cpu().numpy()


def attention_matrix(weights: xr.DataArray, targets: Sequence[str], sources: Sequence[str]) -> pd.DataFrame:
    """Molecular attention [target, source]: the mean of everything but the edge axis; NaN where there is no edge.

    weights: `attention(...)["molecular"]`, whose edges know their ends; ModelError for another scale's.
    """
    if "edge" not in weights.dims:
        raise ModelError(f"attention has the axes {', '.join(map(str, weights.dims))}; allowed: those of molecular")
    value = weights.mean([d for d in weights.dims if d != "edge"])
    table = pd.DataFrame(np.nan, index=list(targets), columns=list(sources))
    ends = value.edge_source.values, value.edge_target.values
    for source, target, one in zip(*ends, value.values, strict=True):
        if target in table.index and source in table.columns:
            table.loc[target, source] = np.nanmax([table.loc[target, source], one])
    return table
