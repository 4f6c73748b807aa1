"""Crosstalk: what a module does to another, when it arrives, and what becomes of the paper's findings.

    X[c, m, t, n] = - mean over v in n of (y_v(t | c without m) - y_v(t | c))                               Eq. (1)

Positive: the module m raises the module n. A whole module is knocked out at once, so that Eq. (1) is an effect and not
a sum of effects. Ours; the paper reads crosstalk off attention weights.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from hmlm_lib.errors import ModelError, did_you_mean
from hmlm_lib.experiments import Experiments
from hmlm_lib.interpret.contexts import Predict, check_context, each_module, effects
from hmlm_lib.interpret.faithful import NOTHING
from hmlm_lib.memory import parted
from hmlm_lib.network.network import SignalingNetwork

ARRIVED = 0.02  # mean change of a module that counts as its having been reached


class Link(NamedTuple):
    """A link that the paper names, and the weight its attention map gives it (None: a claim in words)."""

    source: str
    target: str
    published: float | None
    what: str


# Source: HMLM paper, figure 5B and its text; the weights are prior times correlation, see notebook 02.
PAPER = (
    Link("TGFB1R", "smad3", 0.600, "named link"),
    Link("smad3", "proCI", 0.780, "named link"),
    Link("YAP", "aSMA", 0.779, "named link"),
    Link("NPRA", "smad3", 0.614, "no edge, yet as strong"),
    Link("mechanotransduction", "mapk", None, "crosstalk claim"),
    Link("TGFB", "ERK", None, "crosstalk claim"),
)


def by_module(effect: xr.DataArray, network: SignalingNetwork) -> xr.DataArray:
    """Eq. (1) from effects on species: targets averaged within modules, the sign turned round."""
    module = xr.DataArray(network.species["module"].to_numpy(), dims="target", name="module")
    found = -effect.assign_coords(module=module).groupby("module").mean("target")
    return found.sel(module=list(network.modules)).rename(module="target")


def modules(predict: Predict, experiments: Experiments, times_h: np.ndarray) -> xr.DataArray:
    """Eq. (1) of all modules, dims (context, source, time, target)."""
    return by_module(effects(predict, experiments, times_h, each_module(experiments.network)), experiments.network)


def arrival(crosstalk: xr.DataArray, threshold: float = ARRIVED) -> xr.DataArray:
    """First time, in hours, at which the size of an effect exceeds the threshold; NaN where it never does."""
    over = np.abs(crosstalk) > threshold
    first = crosstalk.time.values[over.argmax("time").values]
    dims = [d for d in crosstalk.dims if d != "time"]
    return xr.DataArray(
        np.where(over.any("time").transpose(*dims).values, first, np.nan),
        dims=dims, coords={d: crosstalk[d] for d in dims}, name="hours",
    )  # fmt: skip


def strength(single: xr.DataArray, whole: xr.DataArray, network: SignalingNetwork, link: Link) -> xr.DataArray:
    """Effect of a link's source on its target at the last time, by context; ModelError for a name that is neither.

    single: effects of species on species, `effects`; whole: of modules on modules, Eq. (1). A module is a target as a
    mean of its species.
    """
    for name in (link.source, link.target):
        if name not in network.index and name not in network.modules:
            known = (*network.species_names, *network.modules)
            raise ModelError(f"no species or module {name!r} in {network.name!r}{did_you_mean(name, known)}")
    if link.source in network.modules:
        return whole.isel(time=-1).sel(source=link.source, target=link.target)
    if link.target in network.modules:
        return by_module(single, network).isel(time=-1).sel(source=link.source, target=link.target)
    return -single.isel(time=-1).sel(source=link.source, target=link.target)


class Seen(NamedTuple):
    """What a cell or a model says: effects of species on species, and of modules on modules over time."""

    single: xr.DataArray
    whole: xr.DataArray


def see(predict: Predict, experiments: Experiments, times_h: np.ndarray) -> Seen:
    """Both, the first at the last time alone; where all knock-outs do not fit into memory at once, in parts."""
    predict = parted(predict)
    return Seen(effects(predict, experiments, times_h[-1:]), modules(predict, experiments, times_h))


def paper_findings(true: Seen, said: Seen, network: SignalingNetwork, context: str) -> pd.DataFrame:
    """The paper's links with what is true of them in every context, and what a model says in one; index link.

    ModelError for another context than those of `said`.
    """
    check_context(said.single.context.values.tolist(), context)
    edges = set(zip(network.signed_edges["source"], network.signed_edges["target"], strict=True))
    rows = []
    for link in PAPER:
        truth = strength(true.single, true.whole, network, link).to_series()
        own = float(strength(said.single, said.whole, network, link).sel(context=context))
        about = {"paper": link.what, "published": link.published, "edge": (link.source, link.target) in edges}
        by_context = {f"true, {name}": value for name, value in truth.items()}
        rows.append({"link": f"{link.source} to {link.target}"} | about | by_context | {f"model, {context}": own})
    return pd.DataFrame(rows).set_index("link")


def strongest(
    said: np.ndarray, true: np.ndarray, joined: np.ndarray, network: SignalingNetwork, k: int = 8
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The k strongest of a map [target, source] that are no edges, and the k strongest edges that do nothing.

    Both with columns source, target, said, true. The first are findings if `true` agrees; the second are what a reader
    of an attention map would report in vain: |true| below `NOTHING`.
    """
    off = ~np.eye(len(said), dtype=bool)
    return (
        _top(np.where(off & ~joined, np.abs(said), -1), said, true, network.species_names, k),
        _top(np.where(off & joined & (np.abs(true) < NOTHING), np.abs(said), -1), said, true, network.species_names, k),
    )


def _top(score: np.ndarray, said: np.ndarray, true: np.ndarray, names: Sequence[str], k: int) -> pd.DataFrame:
    order = np.argsort(-score, axis=None, kind="stable")[:k]
    rows = [np.unravel_index(i, score.shape) for i in order if score.flat[i] > 0]
    return pd.DataFrame(
        [{"source": names[s], "target": names[t], "said": said[t, s], "true": true[t, s]} for t, s in rows],
        columns=["source", "target", "said", "true"],
    )
