"""One edge cut at a time: its target reads the source as silent. In the model, and in the true cell.

    cut[c, e, v] = y_v(T | context c, target of e reads 0 from its source) - y_v(T | context c)             Eq. (1)

An activator that is cut never opens its reaction, an inhibitor never closes it. Every row of the batch has another
edge cut, so all edges of all contexts are one roll-out. Ours.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.dynamics.hill import HillDrive, HillParameters, take
from hmlm_lib.dynamics.integrate import Relaxation, integrate
from hmlm_lib.dynamics.simulate import TOLERANCE, resolve
from hmlm_lib.dynamics.stimulus import Stimulus
from hmlm_lib.errors import ModelError
from hmlm_lib.evaluation.worlds import World
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.kinetics import Kinetics
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.hmlm.transducer import between
from hmlm_lib.interpret.subject import grid_over, grid_until, hmlm_only

Cuts = Float[np.ndarray, "context edge target"]
WHAT = "a cut edge"  # in messages


def _keep(n_contexts: int, n_edges: int) -> Float[Tensor, "edge batch"]:
    """0 where the row's edge is cut; the last row of every context is whole."""
    one = torch.ones(n_edges, n_edges + 1)
    one[torch.arange(n_edges), torch.arange(n_edges)] = 0.0
    return one.repeat(1, n_contexts)


def _change(end: Float[Tensor, "batch species"], n_contexts: int) -> Cuts:
    end = end.unflatten(0, (n_contexts, -1))
    return (end[:, :-1] - end[:, -1:]).cpu().double().numpy()


def blinded(model: HMLM, keep: Float[Tensor, "edge batch"]) -> HMLM:
    """The same parameters, but edge e of trajectory b reads keep[e, b] times the activity of its source.

    ModelError for attention="softmax", which has no gates, and, here and below, for a model that is no HMLM and for
    experiments on other species than the model's, or in another order.
    """
    hmlm_only(model, WHAT)
    if model.config.attention != "logic":
        raise ModelError(f"edges are cut at their gates; attention is {model.config.attention!r}; allowed: logic")
    blind = copy.copy(model)

    def gates(token: Tensor, cell: Kinetics | None = None) -> Callable[[Tensor], Tensor]:
        whole = model.gates(token, cell)
        return lambda y: whole(y * keep)

    blind.gates = gates
    return blind


def in_model(model: HMLM, experiments: Experiments, time_h: float) -> Cuts:
    """Eq. (1) in a model, edges in its order (`edge_labels`)."""
    hmlm_only(model, WHAT, experiments)
    edges = len(model._source)
    blind = blinded(model, _keep(len(experiments), edges).to(model._tau_h.device))
    stimulus, factor, y0, _ = (t.repeat_interleave(edges + 1, 0) for t in model._tensors(experiments))
    with one_thread(), torch.no_grad():
        grid = grid_until(model, time_h)
        states, _ = blind.rollout(stimulus, factor, y0, grid)
    return _change(states[-1].T, len(experiments))


def _without_each(model: HMLM, experiments: Experiments, at_once: int) -> Iterator[Tensor]:
    """Predictions [cut, condition, time, species] at the measured times: the whole model's, then edge by edge."""
    grid = grid_over(model, experiments)
    tensors, count, edges = model._tensors(experiments)[:3], len(experiments), len(model._source)
    with one_thread(), torch.no_grad():
        for which in torch.arange(-1, edges).split(at_once):
            keep = torch.ones(edges, len(which), count)
            cut = which >= 0
            keep[which[cut], torch.arange(len(which))[cut]] = 0.0
            states, _ = blinded(model, keep.flatten(1).to(model._tau_h.device)).rollout(
                *(t.repeat(len(which), 1) for t in tensors), grid
            )
            found = between(states, grid, experiments.times_h).permute(2, 0, 1)
            yield found.unflatten(0, (len(which), count))


def loss_without(model: HMLM, experiments: Experiments, at_once: int = 16) -> Float[np.ndarray, " edge"]:
    """How much worse a model fits the measured points when an edge is cut, mean squared error; at_once: edges."""
    hmlm_only(model, WHAT, experiments)
    target = model._tensors(experiments)[3]
    mask = torch.isfinite(target)
    target = torch.where(mask, target, 0.0)
    found = [
        ((said - target).square() * mask).sum((1, 2, 3)) / mask.sum()
        for said in _without_each(model, experiments, at_once)
    ]
    loss = torch.cat(found).cpu().double().numpy()
    return loss[1:] - loss[0]


def response_without(model: HMLM, experiments: Experiments, at_once: int = 16) -> Float[np.ndarray, " edge"]:
    """How far predictions move when an edge is cut, root mean square over experiments, times and species."""
    hmlm_only(model, WHAT, experiments)
    found, whole = [], None
    for said in _without_each(model, experiments, at_once):
        whole = said[0] if whole is None else whole
        found.append((said - whole).square().mean((1, 2, 3)).sqrt())
    return torch.cat(found)[1:].cpu().double().numpy()


class _CutDrive(HillDrive):
    """The drive of `hill.py` whose reactants each read a state of their own, 0 where they are cut."""

    def __init__(self, drive: HillDrive, source: Tensor, keep: Tensor):  # wraps a drive instead of building one
        self.drive, self.source, self.keep = drive, source, keep
        self.parameters = drive.parameters

    def batch(self, rows: Tensor) -> "_CutDrive":
        return _CutDrive(self.drive.batch(rows), self.source, take(self.keep, rows))

    def __call__(self, y: Float[Tensor, "species batch"], untouched: Float[Tensor, "species batch"]) -> Tensor:
        return self.drive(y.index_select(0, self.source) * self.keep, untouched)


def in_world(world: World, experiments: Experiments, time_h: float) -> Cuts:
    """Eq. (1) in a `hill` world, edges in the order of `network.arrays.source`.

    ModelError for another mechanism, ExperimentError for a time that is none.
    """
    time_h = float(check_times([time_h])[0])
    if world.mechanism != "hill":
        raise ModelError(f"edges are cut in the equations of `hill` worlds; this one is {world.mechanism!r}")
    arrays = world.arrays
    edges = len(arrays.source)
    value = resolve(arrays, None, torch.float64, "cpu")
    value.pop("y0")
    own = replace(arrays, source=np.arange(edges))
    cut = _CutDrive(
        HillDrive(own, HillParameters(**value)),
        torch.as_tensor(np.array(arrays.source)),
        _keep(len(experiments), edges).double(),
    )
    rows = lambda x: torch.as_tensor(np.repeat(x, edges + 1, 0).T.copy())  # noqa: E731
    times = torch.tensor([0.0, time_h])
    with one_thread(), torch.no_grad():
        system = Relaxation(cut, Stimulus.hold(rows(experiments.stimulus)))
        course = integrate(system, rows(experiments.y0), times, TOLERANCE)
    return _change(course[:, -1], len(experiments))
