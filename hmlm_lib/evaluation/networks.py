"""Other networks to learn from, and experiments on them.

They are drawn to look like signalling: every species is reached from an input, some reach back. Each has kinetics of
its own under the mechanism that is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hmlm_lib.dynamics.experiment import observation_times
from hmlm_lib.errors import NetworkError
from hmlm_lib.evaluation.shots import K
from hmlm_lib.evaluation.tasks import HORIZON_H, NOISE_SD, draw_stimuli, with_noise
from hmlm_lib.evaluation.worlds import World, draw_world
from hmlm_lib.experiments import Experiments
from hmlm_lib.many import apart, union
from hmlm_lib.network.network import SignalingNetwork

AT_ONCE = 16  # networks simulated side by side; a mechanism may need all pairs of their species
MODULES = 8
FEWEST = 10
SECOND = 0.55  # further reactions a species has on average, beside its first
AND_FRACTION = 0.28  # that of the published fibroblast network
INHIBITED = 0.3  # of all regulators but first ones, about 15 % of all as there
TAU_H = (0.1, 1.0, 10.0)
TAU_SHARE = (0.7, 0.1, 0.2)


def drawn_network(n_species: int, seed: int) -> SignalingNetwork:
    """A network of n_species, the first tenth of them inputs (two at least).

    The first regulator of every other species activates it and comes before it, so that inputs reach all; others are
    drawn from all species and may close loops. Species are regulators in proportion to 1 / rank^0.5, ranks at random.
    Raises NetworkError for fewer than 10 species.
    """
    if n_species < FEWEST:
        raise NetworkError(f"a network of {n_species} species; allowed: {FEWEST} or more")
    rng = np.random.default_rng((seed, 9))
    inputs = max(2, n_species // 10)
    pull = 1 / np.sqrt(1 + rng.permutation(n_species))
    rules = [f"=> s{i}" for i in range(inputs)]
    for target in range(inputs, n_species):
        for number in range(1 + rng.poisson(SECOND)):
            arity = 1 + (rng.random() < AND_FRACTION)
            before = pull[:target] / pull[:target].sum()
            first = rng.choice(target, p=before) if number == 0 else rng.choice(n_species, p=pull / pull.sum())
            others = np.delete(np.arange(n_species), first)
            second = rng.choice(others, arity - 1, p=pull[others] / pull[others].sum())
            signs = rng.random(arity) < INHIBITED
            signs[0] &= number > 0
            left = [f"{'!' * int(sign)}s{i}" for sign, i in zip(signs, (first, *second), strict=True)]
            rules.append(f"{' & '.join(left)} => s{target}")
    rules = list(dict.fromkeys(rules))
    names = [f"s{i}" for i in range(n_species)]
    module = [f"module {i * MODULES // n_species}" for i in range(n_species)]
    species = pd.DataFrame({"tau": rng.choice(TAU_H, n_species, p=TAU_SHARE), "module": module}, index=names)
    w = [0.1 if rule.startswith("=>") else 1.0 for rule in rules]
    reactions = pd.DataFrame({"rule": rules, "w": w}, index=[f"r{i + 1}" for i in range(len(rules))])
    return SignalingNetwork(f"drawn {seed}", species, reactions)


@dataclass(frozen=True)
class Others:
    """How many networks there are to learn on, of how many species, and how many experiments on each."""

    networks: int = 64
    species: int = 50
    conditions: int = 8


def experiments_on(
    networks: Sequence[SignalingNetwork], seed: int, mechanism: str, conditions: int
) -> list[Experiments]:
    """Experiments on every network, simulated side by side: one to three stimuli a condition, half of them with a
    knock-out, K noisy points.
    """
    world, rng = draw_world(union(networks), seed, mechanism), np.random.default_rng((seed, 10))
    planned = [_plan(World(network, network.arrays, mechanism, seed), conditions, rng) for network in networks]
    stimulus, factor = (np.concatenate(part, axis=1) for part in zip(*planned, strict=True))
    times, y0 = observation_times(K + 1, HORIZON_H)[1:], np.tile(world.rest.clip(min=0.0), (conditions, 1))
    names = tuple(f"condition {i}" for i in range(conditions))
    activity = world.simulate(stimulus, factor, y0, times)
    whole = Experiments(world.network, names, stimulus, factor, y0, times, activity)
    return apart(with_noise(whole, NOISE_SD, seed), networks)


def _plan(world: World, conditions: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Stimuli and factors on ymax of one network, [condition, species] each."""
    inputs = world.arrays.has_input
    stimulus = draw_stimuli(world, rng.integers(1, min(3, int(inputs.sum())) + 1, conditions), rng)
    factor, gone = np.ones_like(stimulus), rng.choice(np.flatnonzero(~inputs), conditions // 2)
    factor[np.arange(conditions // 2), gone] = 0.0
    return stimulus, factor


def others(seed: int, mechanism: str, size: Others | None = None) -> list[Experiments]:
    """Experiments on networks that are not the one asked; no seed shares a network with another."""
    size = size or Others()
    first = 1000 * (seed + 1)
    networks = [drawn_network(size.species, first + i) for i in range(size.networks)]
    groups = [networks[at : at + AT_ONCE] for at in range(0, len(networks), AT_ONCE)]
    found = [experiments_on(group, first + i, mechanism, size.conditions) for i, group in enumerate(groups)]
    return [one for group in found for one in group]
