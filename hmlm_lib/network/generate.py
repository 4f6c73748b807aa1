"""Networks of any size with the degrees, signs and AND gates of real signalling networks, for tests and scaling."""

import numpy as np

from hmlm_lib.network.network import NetworkArrays


def random_arrays(
    n_species: int,
    seed: int,
    reactions_per_species: float = 1.5,
    and_fraction: float = 0.28,
    inhibited_fraction: float = 0.15,
) -> NetworkArrays:
    """Arrays of a random network; the first tenth of the species are inputs at level 0.1.

    Defaults are those of the published fibroblast network: 1.5 reactions a species, 28 % of them AND gates of two,
    15 % inhibiting reactants, time constants 0.1, 1 and 10 h. Regulators are drawn in proportion to 1 / rank^0.5,
    which gives hubs; a product is any species that is not an input. Feedback arises by chance.
    """
    rng = np.random.default_rng(seed)
    n_inputs = max(1, n_species // 10)
    n_reactions = max(1, round(reactions_per_species * (n_species - n_inputs)))
    weight = 1 / np.sqrt(np.arange(1, n_species + 1))
    rank = rng.permutation(n_species)
    arity = 1 + (rng.random(n_reactions) < and_fraction)
    reaction = np.repeat(np.arange(n_reactions), arity)
    source = rank[rng.choice(n_species, len(reaction), p=weight / weight.sum())]
    first = np.cumsum(arity) - arity
    pair = np.flatnonzero(arity == 2)
    clash = source[first[pair]] == source[first[pair] + 1]
    source[first[pair[clash]] + 1] = (source[first[pair[clash]]] + 1) % n_species
    has_input = np.arange(n_species) < n_inputs
    return NetworkArrays(
        species_names=tuple(f"s{i}" for i in range(n_species)),
        tau=rng.choice([0.1, 1.0, 10.0], n_species, p=[0.7, 0.1, 0.2]),
        ymax=np.ones(n_species),
        y0=np.zeros(n_species),
        input_level=np.where(has_input, 0.1, 0.0),
        has_input=has_input,
        w=rng.uniform(0.8, 1.0, n_reactions),
        n=rng.uniform(1.2, 2.2, n_reactions),
        ec50=rng.uniform(0.4, 0.6, n_reactions),
        product=rng.integers(n_inputs, n_species, n_reactions),
        reaction_ids=tuple(f"r{i}" for i in range(n_reactions)),
        source=source,
        reaction=reaction,
        inhibits=rng.random(len(reaction)) < inhibited_fraction,
        module=rng.integers(0, 11, n_species),
    )
