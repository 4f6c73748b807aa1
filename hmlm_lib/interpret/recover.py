"""Edges that a wiring lacks, and edges that it has too many: which explanation finds them?

`hidden`: pairs that the true wiring joins and the given one does not; every other unjoined pair is a wrong answer.
`planted`: edges of the given wiring that the true one lacks.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from hmlm_lib.device import one_thread
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.hmlm.tokens import tokens
from hmlm_lib.hmlm.transducer import between
from hmlm_lib.interpret.infer import Samples, measured, samples
from hmlm_lib.interpret.subject import grid_over, hmlm_only
from hmlm_lib.network.network import SignalingNetwork

Pairs = Float[np.ndarray, "target source"]


class Question(NamedTuple):
    """asked: the pairs that are scored; yes: which of them are the answer."""

    asked: Bool[np.ndarray, "target source"]
    yes: Bool[np.ndarray, "target source"]


def joined(network: SignalingNetwork) -> Bool[np.ndarray, "target source"]:
    """Pairs with an edge, of any sign."""
    arrays, size = network.arrays, len(network.species_names)
    found = np.zeros((size, size), bool)
    found[arrays.product[arrays.reaction], arrays.source] = True
    return found


def hidden(given: SignalingNetwork, true: SignalingNetwork) -> Question:
    """Pairs that `given` does not join; the answer: those that `true` does."""
    asked = ~joined(given) & ~np.eye(len(given.species_names), dtype=bool)
    return Question(asked, asked & joined(true))


def planted(given: SignalingNetwork, true: SignalingNetwork) -> Question:
    """Edges of `given`; the answer: those that `true` lacks, which an explanation should find weak."""
    asked = joined(given)
    return Question(asked, asked & ~joined(true))


def with_planted(network: SignalingNetwork, fraction: float, seed: int) -> SignalingNetwork:
    """The network with false edges, as many as this fraction of its own: reactions of one reactant, half inhibit.

    ModelError for more than there are pairs without an edge.
    """
    if not 0 <= fraction <= 1:
        raise ModelError(f"fraction is {fraction}; allowed: a number in [0, 1]")
    rng, names = np.random.default_rng((seed, 9)), network.species_names
    inner = ~network.arrays.has_input
    free = ~joined(network) & ~np.eye(len(names), dtype=bool) & inner[:, None]
    pairs = np.argwhere(free)
    count = round(fraction * joined(network).sum())
    if count > len(pairs):
        raise ModelError(f"{count} edges to plant among {len(pairs)} pairs without one; allowed: at most as many")
    chosen = pairs[rng.choice(len(pairs), count, replace=False)]
    signs = np.where(np.arange(len(chosen)) % 2, "!", "")
    rules = [f"{sign}{names[s]} => {names[t]}" for sign, (t, s) in zip(signs, chosen, strict=True)]
    ids = [f"planted {i + 1}" for i in range(len(rules))]
    reactions = network.reactions.reindex([*network.reactions.index, *ids])
    reactions.loc[ids, "rule"] = rules
    reactions = reactions.fillna({"w": 1.0, "n": 1.4, "ec50": 0.5, "evidence": ""})
    return SignalingNetwork(
        f"{network.name} with {len(rules)} planted edges", network.species, reactions, network.citation
    )


def score(said: Pairs, question: Question) -> dict[str, float]:
    """auroc and auprc; chance is .5 and the fraction of answers. ModelError where there is nothing to tell apart."""
    yes = question.yes[question.asked]
    if yes.all() or not yes.any():
        raise ModelError("the two wirings do not differ; allowed: at least one pair to find and one that is not")
    values = said[question.asked]
    return {"auroc": float(roc_auc_score(yes, values)), "auprc": float(average_precision_score(yes, values))}


# What a model says of pairs without an edge


def proposals(model: HMLM) -> Pairs:
    """|W| of the edges off the graph; ModelError for a model without them, and for one that is no HMLM."""
    hmlm_only(model, "proposals")
    if model.off_graph is None:
        raise ModelError("the model has no proposals; allowed: HMLMConfig(proposals=True)")
    return model.off_graph.strength().detach().abs().cpu().double().numpy()


def wanted(model: HMLM, experiments: Experiments) -> Pairs:
    """How much the data ask for an edge: |dL/dW| of the error on the measured points, at the trained model.

    One backward pass for all pairs (a score test): where the wiring explains everything the gradient is noise, where
    an edge is missing it is not. ModelError for a model without proposals or that is no HMLM, and for other species.
    """
    hmlm_only(model, "wanted", experiments)
    if model.off_graph is None:
        raise ModelError("the model has no proposals; allowed: HMLMConfig(proposals=True)")
    grid = grid_over(model, experiments)
    held, factor, y0, target = model._tensors(experiments)
    mask = torch.isfinite(target)
    target = torch.where(mask, target, 0.0)
    matrix = model.off_graph.matrix
    with one_thread():
        states, _ = model.rollout(held, factor, y0, grid)
        predicted = between(states, grid, experiments.times_h).permute(2, 0, 1)
        loss = ((predicted - target).square() * mask).sum() / mask.sum()
        (gradient,) = torch.autograd.grad(loss, matrix)
    return gradient.abs().cpu().double().numpy()


def residual(model: HMLM, experiments: Experiments) -> Samples:
    """What the wiring leaves unexplained: the drive that the measurements ask for, minus the model's.

    The model's drive is evaluated at the measured states and averaged over each interval (Simpson's rule on its two
    ends and their mean), its time constants are the learned ones. Any method of `infer.py` can read the result.
    ModelError for a model that is no HMLM.
    """
    hmlm_only(model, "residual", experiments)
    values, _ = measured(experiments)
    ends = values[:, :-1], (values[:, :-1] + values[:, 1:]) / 2, values[:, 1:]
    count = ends[0].shape[1]
    stimulus, factor = (t.repeat_interleave(count, 0).T.contiguous() for t in model._tensors(experiments)[:2])
    with one_thread(), torch.no_grad():
        drive, _ = model._drive(stimulus, factor, None)

        def at(y: np.ndarray) -> Tensor:
            state = torch.as_tensor(y.reshape(-1, y.shape[-1]).T, dtype=stimulus.dtype, device=stimulus.device)
            return drive(state.clamp(0, 1), 0)

        said = (at(ends[0]) + 4 * at(ends[1]) + at(ends[2])) / 6
        tau = model.tau() if model.pace is None else model.tau() * torch.exp(-model.pace * said)
    wanted_drive = samples(experiments, tau.expand_as(said).T.cpu().double().numpy().reshape(ends[0].shape))
    return wanted_drive._replace(drive=wanted_drive.drive - said.T.cpu().double().numpy())


def edge_weights(model: HMLM) -> Float[np.ndarray, " edge"]:
    """Learned weight of every edge's reaction, in [0, 1]; ModelError for attention="softmax", which has none.

    ModelError, too, for a model that is no HMLM.
    """
    hmlm_only(model, "edge_weights")
    if model.config.attention != "logic":
        raise ModelError(f"reactions have weights with attention='logic'; this model has {model.config.attention!r}")
    weight = torch.sigmoid(model.weight.detach()).expand(len(model._product), 1)[:, 0]
    group = tokens(model.network.arrays).reaction if model.config.and_groups else torch.arange(len(weight))
    return weight[group].cpu().double().numpy()


def by_pair(of_edge: Float[np.ndarray, " edge"], model: HMLM) -> Pairs:
    """A number an edge, of any sign, as a matrix; several edges between two species: the largest.

    Pairs without an edge: 0; `planted` does not ask for them.
    """
    size = len(model.network.species_names)
    found = np.full((size, size), -np.inf)
    np.maximum.at(found, (model._target.cpu().numpy(), model._source.cpu().numpy()), of_edge)
    return np.where(np.isneginf(found), 0.0, found)
