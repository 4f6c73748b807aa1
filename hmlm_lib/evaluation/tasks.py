"""The experiments of the benchmark: what is shown, what is asked. Splits are by experiment, never by time point.

| task | given | asked |
|---|---|---|
| A reconstruct | k noisy points of one trajectory | the whole trajectory |
| B combine | many experiments, each seen at k points | combinations of stimuli never seen |
| C perturb | as B | knock-outs of species never knocked out; over-expressions: `overexpressed.py` |
| D new cell | many cells, each seen at k points | the trajectory of a new one from its k points |

One world and one draw of experiments belong to one seed; models see noisy points and the true state at rest.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from hmlm_lib.dynamics.experiment import observation_times
from hmlm_lib.errors import ExperimentError, check_whole
from hmlm_lib.evaluation.worlds import World, draw_world, incomplete, with_flipped_signs
from hmlm_lib.experiments import Experiments
from hmlm_lib.network import load_network
from hmlm_lib.network.network import SignalingNetwork

HORIZON_H = 60.0
SCORED = np.linspace(0.0, HORIZON_H, 50)
NOISE_SD = 0.03
LEVELS = (0.3, 0.9)


@dataclass(frozen=True, eq=False)
class Benchmark:
    """One world: training experiments and test experiments, these true at the scored times.

    train: noisy, at the k observed times. combine: task B; seen: the same conditions as task A shows them, k noisy
    points. knockout and its companion wild: task C, the same stimuli with and without the knock-out.
    """

    world: World
    train: Experiments
    combine: Experiments
    seen: Experiments
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

    def __post_init__(self) -> None:
        for name, count in vars(self).items():
            check_whole(count, name, 0, ExperimentError)


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


Plan = tuple[str, Float[np.ndarray, "condition species"], Int[np.ndarray, " condition"] | None]


def _planned(
    world: World,
    network: SignalingNetwork,
    kind: str,
    stimulus: Float[np.ndarray, "condition species"],
    knocked_out: Int[np.ndarray, " condition"] | None,
) -> Experiments:
    """Experiments from rest that are still to be run; knocked_out holds one species a condition."""
    factor, names = np.ones_like(stimulus), [f"{kind} {i}" for i in range(len(stimulus))]
    if knocked_out is not None:
        factor[np.arange(len(stimulus)), knocked_out] = 0.0
        species = [world.arrays.species_names[k] for k in knocked_out]
        names = [f"{name}, {gone} knocked out" for name, gone in zip(names, species, strict=True)]
    y0 = np.tile(world.rest, (len(stimulus), 1))
    nothing = np.full((len(stimulus), 1, stimulus.shape[1]), np.nan)
    return Experiments(network, tuple(names), stimulus, factor, y0, np.zeros(1), nothing)


def join(parts: list[Experiments]) -> Experiments:
    """Experiments on one network at one set of times, one after the other."""
    names = ("stimulus", "factor", "y0", "activity")
    values = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return replace(parts[0], names=tuple(name for part in parts for name in part.names), **values)


def with_noise(experiments: Experiments, sd: float, seed: int) -> Experiments:
    """Gaussian noise on every point; not clipped, as in `observe`."""
    noise = np.random.default_rng((seed, 4)).normal(0.0, sd, experiments.activity.shape)
    return replace(experiments, activity=experiments.activity + noise)


def _run(world: World, parts: list[Experiments], times: list[np.ndarray]) -> list[Experiments]:
    """Every part simulated at its own times, all in one batch."""
    union = np.unique(np.concatenate(times))
    every = join(parts)
    course = world.simulate(every.stimulus, every.factor, every.y0, union)
    ends = np.cumsum([len(part) for part in parts])
    found = []
    for part, when, end in zip(parts, times, ends, strict=True):
        rows = course[end - len(part) : end, np.searchsorted(union, when)]
        found.append(replace(part, times_h=when, activity=rows))
    return found


def plans(world: World, seed: int, size: Size) -> list[Plan]:
    """Kind, stimuli and knocked-out species of every part of the benchmark: five for training, three for tests.

    Test combinations have levels of their own; which inputs they combine may have been seen (`novel.py`).
    ExperimentError for a network on which so many experiments cannot be drawn.
    """
    rng = np.random.default_rng((seed, 5))
    inner = np.flatnonzero(~world.arrays.has_input)
    _enough(world, size, len(inner))
    chosen = rng.choice(inner, size.knockouts + size.test_knockouts, replace=False)
    found: list[Plan] = [
        ("control", world.baseline[None], None),
        ("single", single_stimuli(world, size.singles, rng), None),
        ("pair", draw_stimuli(world, np.full(size.pairs, 2), rng), None),
        ("triple", draw_stimuli(world, np.full(size.triples, 3), rng), None),
        ("knock-out", draw_stimuli(world, rng.integers(1, 4, size.knockouts), rng), chosen[: size.knockouts]),
        ("test", draw_stimuli(world, rng.integers(2, 4, size.test), rng), None),
        ("test knock-out", draw_stimuli(world, rng.integers(1, 4, size.test_knockouts), rng), chosen[size.knockouts :]),
    ]
    return [*found, ("companion", found[-1][1], None)]


def _enough(world: World, size: Size, inner: int) -> None:
    name, inputs = world.network.name, len(world.arrays.species_names) - inner
    if inputs < 3:
        raise ExperimentError(f"network {name!r} has {inputs} inputs; allowed: 3 or more, to be combined")
    if inner < size.knockouts + size.test_knockouts:
        raise ExperimentError(
            f"network {name!r} has {inner} species without an input, but {size.knockouts} and "
            f"{size.test_knockouts} different ones are to be knocked out; allowed: a smaller Size"
        )


def benchmark(
    seed: int,
    k: int,
    mechanism: str = "hill",
    missing: float = 0.0,
    flipped: float = 0.0,
    size: Size | None = None,
    noise_sd: float = NOISE_SD,
    network: SignalingNetwork | None = None,
) -> Benchmark:
    """Tasks A, B and C of one seed: the same world and experiments whatever k, mechanism and the defects are.

    k: observed points after t = 0, dense early, the last at 60 h. missing, flipped: fractions of reactions that the
    models' network lacks, and of signs it has wrong. Raises ExperimentError for k < 1, a fraction outside [0, 1),
    or a network too small for the experiments.
    """
    check_whole(k, "k", 1, ExperimentError)
    if not noise_sd >= 0:
        raise ExperimentError(f"noise_sd is {noise_sd}; allowed: 0 or more")
    if not (0 <= missing < 1 and 0 <= flipped < 1):
        raise ExperimentError(f"missing = {missing}, flipped = {flipped}; allowed: fractions in [0, 1)")
    size = size or Size()
    network = network or load_network("fibroblast-core")
    world = draw_world(network, seed, mechanism)
    prior = with_flipped_signs(incomplete(network, missing, seed), flipped, seed)
    parts = [_planned(world, prior, *plan) for plan in plans(world, seed, size)]
    seen = observation_times(k + 1, HORIZON_H)[1:]
    train, test, knockout, wild, again = _run(
        world, [join(parts[:5]), *parts[5:], parts[5]], [seen, SCORED, SCORED, SCORED, seen]
    )
    noisy = with_noise(train, noise_sd, seed), with_noise(again, noise_sd, seed + 1_000_000)
    return Benchmark(world, noisy[0], test, noisy[1], knockout, wild)
