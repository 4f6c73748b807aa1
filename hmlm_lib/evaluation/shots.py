"""What is shown of a network never seen: few experiments, or only its wiring and what kinetics are like elsewhere."""

import numpy as np

from hmlm_lib.evaluation.tasks import Benchmark
from hmlm_lib.experiments import Experiments
from hmlm_lib.network.network import SignalingNetwork

K = 8
SHOTS = (0, 1, 4, 16)
TYPICAL = {"n": 1.75, "ec50": 0.49}  # means of what worlds draw
TYPICAL_W = 0.925


def shown(b: Benchmark, count: int) -> Experiments | None:
    """The first `count` training experiments of a world in random order, the same for every model; None for 0."""
    order = np.random.default_rng((b.world.seed, 11)).permutation(len(b.train))
    return b.train.take(order[:count]) if count else None


def typical(network: SignalingNetwork) -> SignalingNetwork:
    """The network with the kinetics that worlds draw on average."""
    reactions = network.reactions.assign(**TYPICAL)
    acting = [bool(rule.reactants) for rule in network.rules]
    reactions["w"] = reactions["w"].where(~np.array(acting), reactions["w"] * TYPICAL_W)
    return SignalingNetwork(f"{network.name}, typical kinetics", network.species, reactions)
