"""What HMLM is shown of the virtual fibroblast before one plays with it, and how close it came.

Training experiments: inputs alone, in pairs and triples, knock-outs taken out at t = 0, and washed-out cells:
stimulated for some hours, then left to their resting inputs. Test settings have new levels and nearly always new sets
of inputs, half of them with a knock-out that training did not contain, half of them with a stimulus that ends.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from hmlm_lib.dynamics.experiment import observation_times
from hmlm_lib.evaluation.registry import SHORT_WARMUP, shortened
from hmlm_lib.evaluation.tasks import NOISE_SD, draw_stimuli, single_stimuli, with_noise
from hmlm_lib.evaluation.worlds import World
from hmlm_lib.experiments import Experiments
from hmlm_lib.explorer.cell import Simulator
from hmlm_lib.explorer.setting import HORIZON_H, Model, Setting, trajectory
from hmlm_lib.hmlm.model import TRAINING, HMLMConfig
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Training

CONFIG = HMLMConfig(hierarchy=False, proposals=False)  # the wiring is complete: nothing to look for off the graph
WASHED_H = (6.0, 48.0)  # a stimulus that ends, ends between these
POINTS = 8


@dataclass(frozen=True)
class Sizes:
    """How many experiments of each kind; beyond them the control and every input alone."""

    pairs: int = 15
    triples: int = 15
    knockouts: int = 25
    washed: int = 24
    test: int = 24


def schedule(effort: float, seed: int) -> Training:
    """The study's training, at a fraction of its steps."""
    return replace(shortened(TRAINING, effort), warmup=SHORT_WARMUP, seed=seed)


def published_cell(network: SignalingNetwork, seed: int = 0) -> World:
    """The network with its own, published kinetics."""
    return World(network, network.arrays, "hill", seed)


def _split(world: World, sizes: Sizes, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Species knocked out in training, and others for the test."""
    inner = np.flatnonzero(~world.arrays.has_input)
    drawn = np.random.default_rng((seed, 11)).choice(inner, sizes.knockouts + sizes.test, replace=False)
    return drawn[: sizes.knockouts], drawn[sizes.knockouts :]


def training_experiments(world: World, seed: int = 0, sizes: Sizes | None = None) -> Experiments:
    """Noisy measurements (sd .03) of every training experiment at 8 times, dense early, the last at 72 h."""
    sizes, rng = sizes or Sizes(), np.random.default_rng((seed, 12))
    gone, _ = _split(world, sizes, seed)
    inputs = int(world.arrays.has_input.sum())
    held = np.concatenate(
        [
            world.baseline[None],
            single_stimuli(world, inputs, rng),
            draw_stimuli(world, np.full(sizes.pairs, 2), rng),
            draw_stimuli(world, np.full(sizes.triples, 3), rng),
            draw_stimuli(world, rng.integers(1, 4, sizes.knockouts), rng),
        ]
    )
    factor = np.ones_like(held)
    factor[np.arange(len(held) - len(gone), len(held)), gone] = 0.0
    y0 = world.rest * factor
    washed, start = _washed(world, sizes.washed, rng)
    stimulus, y0 = np.concatenate([held, washed]), np.concatenate([y0, start])
    factor = np.concatenate([factor, np.ones_like(washed)])
    times = observation_times(POINTS + 1, HORIZON_H)[1:]
    names = tuple(f"experiment {i}" for i in range(len(stimulus)))
    true = world.simulate(stimulus, factor, y0, times)
    return with_noise(Experiments(world.network, names, stimulus, factor, y0, times, true), NOISE_SD, seed)


def _washed(world: World, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Resting inputs, and the states in which stimuli of 6 to 48 h leave the cell."""
    before = draw_stimuli(world, rng.integers(1, 4, count), rng)
    hours = np.linspace(*WASHED_H, count)
    rest = np.tile(world.rest, (count, 1))
    course = world.simulate(before, np.ones_like(before), rest, hours)
    return np.tile(world.baseline, (count, 1)), course[np.arange(count), np.arange(count)].clip(0.0)


def unseen_settings(world: World, seed: int = 0, sizes: Sizes | None = None) -> list[Setting]:
    """Test settings: two or three inputs each; half without a species never missing before, half that end."""
    sizes, rng = sizes or Sizes(), np.random.default_rng((seed, 13))
    names = world.arrays.species_names
    _, missing = _split(world, sizes, seed)
    levels = draw_stimuli(world, rng.integers(2, 4, sizes.test), rng)
    settings = []
    for i, row in enumerate(levels):
        raised = np.flatnonzero(row != world.baseline)
        stimulus = {names[s]: float(row[s]) for s in raised}
        lasts = float(rng.uniform(*WASHED_H)) if i // 2 % 2 else HORIZON_H
        settings.append(Setting(stimulus, (names[missing[i]],) if i % 2 else (), lasts))
    return settings


def errors(model: Model, world: World, settings: list[Setting], times_h: np.ndarray) -> Float[np.ndarray, " setting"]:
    """Mean squared error of each setting over all species and times, against the simulator: activity squared."""
    truth = Simulator(world.network)
    ask = lambda who, s: trajectory(who, world.network, world.rest, s, times_h).values  # noqa: E731
    return np.array([np.mean((ask(model, s) - ask(truth, s)) ** 2) for s in settings])


def groups(settings: list[Setting]) -> dict[str, Bool[np.ndarray, " setting"]]:
    """Which settings are held or end, with all species or without one."""
    ends = np.array([s.lasts_h < HORIZON_H for s in settings])
    missing = np.array([bool(s.knockout) for s in settings])
    return {
        "held": ~ends & ~missing,
        "held, one knocked out": ~ends & missing,
        "ends": ends & ~missing,
        "ends, one knocked out": ends & missing,
    }
