"""The control of a wiring: the same species, modules, in- and out-degrees, signs and AND groups, other regulators."""

import itertools

import numpy as np

from hmlm_lib.network.network import SignalingNetwork


def shuffled(network: SignalingNetwork, seed: int) -> SignalingNetwork:
    """The network with its regulators permuted among all reactants (redrawn where a reaction would name one twice)."""
    rng = np.random.default_rng((seed, 8))
    names = [r.species for rule in network.rules for r in rule.reactants]
    bounds = np.cumsum([0, *(len(rule.reactants) for rule in network.rules)])
    for _ in range(1000):
        drawn = rng.permutation(names)
        groups = [drawn[a:b] for a, b in itertools.pairwise(bounds)]
        if all(len(set(group)) == len(group) for group in groups):
            break
    rules = [
        " & ".join("!" * r.inhibits + name for r, name in zip(rule.reactants, group, strict=True))
        + f" => {rule.product}"
        for rule, group in zip(network.rules, groups, strict=True)
    ]
    name = f"{network.name}, regulators shuffled"
    return SignalingNetwork(name, network.species, network.reactions.assign(rule=rules), network.citation)
