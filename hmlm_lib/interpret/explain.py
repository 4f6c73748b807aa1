"""Explanations of a model: for every pair, how much the source is said to matter to the target.

All are arrays [context, target, source], signed where the method has a sign: positive means that the source raises
the target.

- `attention`: openness of the edge's gate at the end, times its sign; 0 where there is no edge.
- `rollout`: attention followed along paths, (I/2 + A/2)^L with rows of A summing to one, Eq. (1). No sign.
- `gradient_input`: d y_v / d factor_j, at factor 1, Eq. (2): a knock-out, made straight.
- `integrated`: integrated gradients from a cell in which everything is knocked out, Eq. (3).
- `knockout`: minus the effect of the knock-out in the model, `contexts.effects`.

    R = (I/2 + A/2)^L                                                                                       Eq. (1)
    g_vj = factor_j dy_v(T)/dfactor_j                                                                       Eq. (2)
    i_vj = int_0^1 dy_v(T)/dfactor_j (a factor) da                                                          Eq. (3)

Source: Abnar and Zuidema, arXiv 2005.00928 (rollout); Sundararajan et al., arXiv 1703.01365 (integrated gradients,
computed by captum). Ours: the factor on ymax as the input that is explained.
"""

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr
from captum.attr import InputXGradient, IntegratedGradients
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.baselines import Model
from hmlm_lib.device import one_thread
from hmlm_lib.errors import ModelError, check_whole
from hmlm_lib.experiments import Experiments
from hmlm_lib.features import lagged_correlation, refined_prior, resample, topology_prior
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.interpret.contexts import effects, pairs
from hmlm_lib.interpret.subject import grid_until, hmlm_only

Pairs = Float[np.ndarray, "context target source"]
LAYERS = 6  # steps of attention rollout; the longest of the shortest paths from an input is about as long
IG_STEPS = 32  # leaves a mean error of .002 on trained models of the published network


def attention(model: HMLM, experiments: Experiments, time_h: float, head: int | None = None) -> Pairs:
    """Mean over heads, or one of them; several edges between two species: the largest. ModelError for no such head.
    Of several layers of softmax the first.

    Here and below, ModelError for a model that is no HMLM where one is asked for, and for experiments on other species.
    """
    hmlm_only(model, "attention", experiments)
    found_maps = model.attention(experiments, [time_h])
    if "molecular" not in found_maps:
        raise ModelError("the model has no layer of attention among species; allowed: layers of 1 or more")
    maps = found_maps["molecular"].isel(time=0)
    maps = maps.isel(layer=0, drop=True) if "layer" in maps.dims else maps
    if head is not None and head not in maps["head"].values:
        raise ModelError(f"no head {head}; allowed: 0 to {model.config.heads - 1}")
    weight = (maps.mean("head") if head is None else maps.sel(head=head)).values
    size = len(experiments.network.species_names)
    source, target = model._source.cpu().numpy(), model._target.cpu().numpy()
    signed = np.where(model._inhibits.cpu().numpy(), -weight, weight)
    found = np.zeros((len(experiments), size, size))
    for edges in np.argsort(weight, axis=1).T:  # the largest is written last
        every = np.arange(len(experiments))
        found[every, target[edges], source[edges]] = signed[every, edges]
    return found


def rollout(attended: Pairs, layers: int = LAYERS) -> Pairs:
    """Eq. (1) on |attention|; species that attend to nothing keep to themselves."""
    weight = np.abs(attended)
    total = weight.sum(-1, keepdims=True)
    own = np.eye(weight.shape[-1])
    row = np.where(total > 0, weight / np.where(total > 0, total, 1), own)
    return np.linalg.matrix_power((own + row) / 2, layers)


def _outcome(model: HMLM, experiments: Experiments, time_h: float) -> Callable[[Tensor, Tensor], Tensor]:
    """factor [batch, species], context [batch] -> activity at time_h [batch, species]."""
    grid = grid_until(model, time_h)
    stimulus, _, y0, _ = model._tensors(experiments)

    def outcome(factor: Tensor, which: Tensor) -> Tensor:
        states, _ = model.rollout(stimulus[which], factor, y0[which], grid)
        return states[-1].T

    return outcome


def _every_pair(model: HMLM, experiments: Experiments) -> tuple[Tensor, Tensor, Tensor]:
    """factor, context and target: one row a context and target, so that one call explains them all."""
    size = len(experiments.network.species_names)
    device = model._tau_h.device
    which = torch.arange(len(experiments), device=device).repeat_interleave(size)
    target = torch.arange(size, device=device).repeat(len(experiments))
    return torch.ones(len(which), size, device=device), which, target


def gradient_input(model: HMLM, experiments: Experiments, time_h: float) -> Pairs:
    """Eq. (2) of all pairs in one backward pass."""
    hmlm_only(model, "gradient_input", experiments)
    factor, which, target = _every_pair(model, experiments)
    with one_thread():
        method = InputXGradient(_outcome(model, experiments, time_h))
        found = method.attribute(factor.requires_grad_(), target=target, additional_forward_args=(which,))
    return found.detach().cpu().numpy().astype(float).reshape(len(experiments), factor.shape[1], -1)


def integrated(model: HMLM, experiments: Experiments, time_h: float, steps: int = IG_STEPS) -> Pairs:
    """Eq. (3) by Gauss-Legendre quadrature with `steps` points; ModelError for none."""
    check_whole(steps, "steps", 1, ModelError)
    hmlm_only(model, "integrated", experiments)
    factor, which, target = _every_pair(model, experiments)
    with one_thread():
        method = IntegratedGradients(_outcome(model, experiments, time_h))
        found = method.attribute(
            factor, baselines=0.0, target=target, additional_forward_args=(which,), n_steps=steps,
            internal_batch_size=4 * len(factor),
        )  # fmt: skip
    return found.detach().cpu().numpy().astype(float).reshape(len(experiments), factor.shape[1], -1)


def knockout(model: Model, experiments: Experiments, time_h: float) -> Pairs:
    """Minus the effect of every knock-out in the model, which need not be an HMLM."""
    return -pairs(effects(model.predict, experiments, np.array([time_h])))


def published(experiments: Experiments, courses: xr.DataArray, step_h: float = 1.0) -> dict[str, Pairs]:
    """What needs no model: the topology prior, lag correlation of the given courses, and their product (the paper's).

    courses: (condition, time, species); the same map stands for every context, because no context enters it.
    """
    values, grid = resample(courses.values, courses.time.values, step_h)
    correlation = lagged_correlation(values, grid, max_lag=2)
    prior = topology_prior(experiments.network)
    strongest = np.take_along_axis(correlation, np.abs(correlation).argmax(0)[None], 0)[0]
    found = {"prior": prior, "lag correlation": strongest, "published": refined_prior(prior, correlation)}
    return {name: np.repeat(one[None], len(experiments), 0) for name, one in found.items()}
