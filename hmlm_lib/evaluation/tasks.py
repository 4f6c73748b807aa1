"""The experiments of the benchmark: what is shown, what is asked. Splits are by experiment, never by time point.

| task | given | asked |
|---|---|---|
| A reconstruct | k noisy points of one trajectory | the whole trajectory |
| B combine | many experiments, each seen at k points | combinations of stimuli never seen |
| C perturb | as B | knock-outs of species never knocked out |
| D new cell | many cells, each seen at k points | the trajectory of a new one from its k points |

One world and one draw of experiments belong to one seed; models see noisy points and the true state at rest.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from hmlm_lib.dynamics.experiment import observation_times
from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation.worlds import World, draw_world, incomplete
from hmlm_lib.experiments import Experiments
from hmlm_lib.network import load_network
from hmlm_lib.network.network import SignalingNetwork

HORIZON_H = 60.0
SCORED = np.linspace(0.0, HORIZON_H, 50)
NOISE_SD = 0.03
LEVELS = (0.3, 0.9)


@dataclass(frozen=True, eq=False)
class Benchmark:
    """One world: training experiments and three sets of test experiments, all true at the scored times.

    train: noisy, at the k observed times. combine: task B. knockout and its companion wild: task C, the same stimuli
    with and without the knock-out.
    """

    world: World
    train: Experiments
    combine: Experiments
    knockout: Experiments
    wild: Experiments


@dataclass(frozen=True)
class Size:
    """How many experiments of each kind."""

    singles: int = 10
    pairs: int = 25
    triples: int = 25
    knockouts: int = 30
    test: int = 40
    test_knockouts: int = 25


def draw_stimuli(
    world: World, how_many: Int[np.ndarray, " condition"], rng: np.random.Generator
) -> Float[np.ndarray, "condition species"]:
    """Baseline inputs, of which how_many[i] step to a level in U(.3, .9)."""
    inputs = np.flatnonzero(world.arrays.has_input)
    levels = np.tile(world.baseline, (len(how_many), 1))
    for row, count in enumerate(how_many):
        chosen = rng.choice(inputs, count, replace=False)
        levels[row, chosen] = rng.uniform(*LEVELS, count)
    return levels


def single_stimuli(world: World, count: int, rng: np.random.Generator) -> Float[np.ndarray, "condition species"]:
    """Each input once (and again from the first on, if count exceeds their number)."""
    inputs = np.resize(np.flatnonzero(world.arrays.has_input), count)
    levels = np.tile(world.baseline, (count, 1))
    levels[np.arange(count), inputs] = rng.uniform(*LEVELS, count)
    return levels


def _truth(
    world: World,
    network: SignalingNetwork,
    kind: str,
    stimulus: Float[np.ndarray, "condition species"],
    knocked_out: Int[np.ndarray, " condition"] | None,
    times_h: Float[np.ndarray, " time"],
) -> Experiments:
    """Noise-free experiments from rest; knocked_out holds one species a condition."""
    factor = np.ones_like(stimulus)
    if knocked_out is not None:
        factor[np.arange(len(stimulus)), knocked_out] = 0.0
    y0 = np.tile(world.rest, (len(stimulus), 1))
    names = [f"{kind} {i}" for i in range(len(stimulus))]
    if knocked_out is not None:
        names = [f"{name}, {world.arrays.species_names[k]} knocked out" for name, k in zip(names, knocked_out, strict=True)]
    activity = world.simulate(stimulus, factor, y0, times_h)
    return Experiments(network, tuple(names), stimulus, factor, y0, times_h, activity)


def join(parts: list[Experiments]) -> Experiments:
    """Experiments on one network at one set of times, one after the other."""
    fields = {name: np.concatenate([getattr(p, name) for p in parts]) for name in ("stimulus", "factor", "y0", "activity")}
    return replace(parts[0], names=tuple(name for p in parts for name in p.names), **fields)


def with_noise(experiments: Experiments, sd: float, seed: int) -> Experiments:
    """Gaussian noise on every point; not clipped, as in `observe`."""
    noise = np.random.default_rng((seed, 4)).normal(0.0, sd, experiments.activity.shape)
    return replace(experiments, activity=experiments.activity + noise)


def benchmark(
    seed: int,
    k: int,
    mechanism: str = "hill",
    missing: float = 0.0,
    size: Size | None = None,
    noise_sd: float = NOISE_SD,
    network: SignalingNetwork | None = None,
) -> Benchmark:
    """Tasks A, B and C of one seed: the same world and experiments whatever k, mechanism and missing are.

    k: observed points after t = 0, dense early, the last at 60 h. missing: fraction of reactions that the models'
    network lacks. Raises ExperimentError for k < 1 or a fraction outside [0, 1).
    """
    if k < 1 or not 0 <= missing < 1:
        raise ExperimentError(f"k = {k}, missing = {missing}; allowed: k >= 1 and missing in [0, 1)")
    size = size or Size()
    network = network or load_network("fibroblast-core")
    world = draw_world(network, seed, mechanism)
    prior = incomplete(network, missing, seed) if missing else network
    rng = np.random.default_rng((seed, 5))
    inner = np.flatnonzero(~world.arrays.has_input)
    chosen = rng.choice(inner, size.knockouts + size.test_knockouts, replace=False)
    drawn = {
        "single": single_stimuli(world, size.singles, rng),
        "pair": draw_stimuli(world, np.full(size.pairs, 2), rng),
        "triple": draw_stimuli(world, np.full(size.triples, 3), rng),
        "knock-out": draw_stimuli(world, rng.integers(1, 4, size.knockouts), rng),
        "test": draw_stimuli(world, rng.integers(2, 4, size.test), rng),
        "test knock-out": draw_stimuli(world, rng.integers(1, 4, size.test_knockouts), rng),
    }
    seen = observation_times(k + 1, HORIZON_H)[1:]
    out = {"knock-out": chosen[: size.knockouts], "test knock-out": chosen[size.knockouts :]}
    kinds = [("control", world.baseline[None])] + [(kind, drawn[kind]) for kind in list(drawn)[:4]]
    train = join([_truth(world, prior, kind, levels, out.get(kind), seen) for kind, levels in kinds])
    test = {kind: _truth(world, prior, kind, drawn[kind], out.get(kind), SCORED) for kind in ("test", "test knock-out")}
    wild = _truth(world, prior, "companion", drawn["test knock-out"], None, SCORED)
    return Benchmark(world, with_noise(train, noise_sd, seed), test["test"], test["test knock-out"], wild)
