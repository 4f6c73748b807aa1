"""One model for many networks: learned on some, read off on one that it never saw, or learned further there.

Without identity a token is its role, position and parameters, and all numbers belong to shared layers. These are
trained on the union of many networks (`many.py`), put on another one as they are (`moved`, zero-shot), or give every
species and edge the numbers from which its own start (`begun`, few-shot):

    gate_e = hyper(token_s, token_t, type_e) + own_e,    own_e = 0 at the start                               Eq. (1)

Ours: the paper trains and tests on one network.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hmlm_lib.device import current
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.tokens import tokens
from hmlm_lib.many import side_by_side
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Progress, Training

# The hierarchy reads every module at once, which a union of networks does not allow; learned on one network, it moves.
SHARED = HMLMConfig(identity=False, hierarchy=False)
PRETRAINING = Training(steps=400, learning_rate=0.05, shared_rate=0.2)
LEARNING = Training(steps=200, learning_rate=0.02)  # on the new network
BATCH = 4  # conditions a step, each of every network


def pretrain(
    members: Sequence[Experiments],
    config: HMLMConfig = SHARED,
    training: Training = PRETRAINING,
    report: Callable[[Progress], None] | None = None,
    batch: int = BATCH,
) -> HMLM:
    """A model without identity, trained on experiments on many networks at once; on the CPU in the end.

    Raises ModelError for a config with identity or hierarchy, and what `side_by_side` and `HMLM.fit` raise.
    """
    if config.identity or config.hierarchy:
        raise ModelError(
            f"identity is {config.identity}, hierarchy {config.hierarchy}; allowed for many networks: False, False"
        )
    whole = side_by_side(members)
    model = HMLM.from_network(whole.network, config, training.seed)
    # Features of a species tell its place in its own network, not in the union.
    model._species.copy_(torch.cat([tokens(member.network.arrays).species for member in members]))
    return model.to(current()).fit(whole, training, report, min(batch, len(whole))).cpu()


def moved(model: HMLM, network: SignalingNetwork) -> HMLM:
    """The same model on another network: what was learned, and that network's wiring and modules.

    Any form with identity=False moves, whole, with attention="softmax", or less. ModelError with identity.
    """
    if model.config.identity:
        raise ModelError("the model has numbers of its own for every species and edge; allowed: identity=False")
    found = HMLM.from_network(network, model.config)
    found.load_state_dict(model.state_dict())
    found.horizon_h = model.horizon_h
    return found


def begun(model: HMLM, network: SignalingNetwork, proposals: bool = False) -> HMLM:
    """A model with identity on another network, which says what `moved` says until it is trained, Eq. (1)."""
    shared = _unshared(moved(model, network))
    found = HMLM.from_network(network, replace(model.config, identity=True, proposals=proposals))
    with torch.no_grad():
        for name, own in found.named_parameters():
            known = shared.get(name)
            if known is not None and known.numel():
                own.copy_(known.expand_as(own))
            elif not name.startswith("off_graph"):
                own.zero_()
    found.horizon_h = model.horizon_h
    return found


def _unshared(model: HMLM) -> dict[str, Tensor]:
    """Parameters by name, with a row for every pathway's name where all share one."""
    names = {"hierarchy.pathway_name": model.hierarchy.names()} if model.config.hierarchy else {}
    return model.state_dict() | names
