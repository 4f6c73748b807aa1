"""Literature observations as rows: who, trained on simulated cells alone, says what papers found.

A model of the benchmark is trained on one world (kinetics drawn at random on the published wiring, k = 8 noisy points),
then asked for the change of a species from the end of a course without to one with the stimulus, under the levels of
the published protocol. No observation is seen in training, and the threshold is the authors'.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hmlm_lib.baselines import Model
from hmlm_lib.device import one_thread
from hmlm_lib.errors import pick
from hmlm_lib.evaluation import registry
from hmlm_lib.evaluation.rows import COMMON, make_row
from hmlm_lib.evaluation.tasks import Benchmark, benchmark
from hmlm_lib.experiments import Experiments
from hmlm_lib.network import load_network
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.real import literature
from hmlm_lib.real.literature import BASELINE, CLASSES, STIMULUS, TENSION

SETTINGS: dict[str, dict] = {"literature": {}}
K = 8
LEARNED = ("hmlm", "gru", "cellbox", "lembas", "graph_ode")
CODE = (*COMMON, "real.literature", "real.sheets", "experiments")
Change = Callable[[SignalingNetwork, list[str], int], pd.DataFrame]  # network, stimuli, seed -> [stimulus, species]


@dataclass(frozen=True)
class Entry:
    """change: what predicts; modules: code its rows depend on."""

    change: Change
    modules: tuple[str, ...]


def asked(network: SignalingNetwork, stimuli: list[str], rest: np.ndarray, horizon_h: float) -> Experiments:
    """The published levels without a stimulus (first row) and with each; from rest, nothing measured."""
    level = np.where(network.arrays.has_input, BASELINE, 0.0)
    if "tension" in network.index:
        level[network.index["tension"]] = TENSION
    levels = np.tile(level, (len(stimuli) + 1, 1))
    for row, name in enumerate(stimuli, start=1):
        levels[row, network.index[name]] = STIMULUS
    nothing = np.full((len(levels), 1, levels.shape[1]), np.nan)
    start = np.tile(rest, (len(levels), 1))
    names = ("rest", *stimuli)
    return Experiments(network, names, levels, np.ones_like(levels), start, np.array([horizon_h]), nothing)


def change_of(predict: Callable[[Experiments], np.ndarray], b: Benchmark, stimuli: list[str]) -> pd.DataFrame:
    """Change from the unstimulated to the stimulated end of the course."""
    question = asked(b.train.network, stimuli, b.train.y0[0], float(b.train.times_h[-1]))
    end = predict(question)[:, -1]
    return pd.DataFrame(end[1:] - end[0], stimuli, list(b.train.network.species_names))


def trained(name: str) -> Change:
    """A model of the registry on the world of the seed."""

    def change(network: SignalingNetwork, stimuli: list[str], seed: int) -> pd.DataFrame:
        b = benchmark(seed, K, network=network)
        model: Model = registry.make(name, b, seed).fit(b.train)
        return change_of(model.predict, b, stimuli)

    return change


def world(network: SignalingNetwork, stimuli: list[str], seed: int) -> pd.DataFrame:
    """The simulated cell itself: what a perfect model of it would say."""
    b = benchmark(seed, K, network=network)
    return change_of(lambda e: b.world.simulate(e.stimulus, e.factor, e.y0, e.times_h), b, stimuli)


def always(network: SignalingNetwork, stimuli: list[str], seed: int) -> pd.DataFrame:
    """Increase, whatever is asked."""
    return pd.DataFrame(1.0, stimuli, list(network.species_names))


def by_paths(network: SignalingNetwork, stimuli: list[str], seed: int) -> pd.DataFrame:
    """Signs of the shortest paths."""
    return literature.by_paths(network, stimuli)


def published(network: SignalingNetwork, stimuli: list[str], seed: int) -> pd.DataFrame:
    """The published network with its published numbers, which were tuned on these observations."""
    with one_thread():
        return literature.simulated(network, stimuli)


MODELS: dict[str, Entry] = {
    "always_increase": Entry(always, CODE),
    "paths": Entry(by_paths, CODE),
    "published": Entry(published, CODE),
    "world": Entry(world, CODE),
    **{name: Entry(trained(name), (*CODE, *registry.entry(name).modules)) for name in LEARNED},
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model of literature observations")


def run_one(setting: str, model: str, seed: int) -> dict:
    """One model asked all observations; the row. L/said: class of every observation, by its place in `CLASSES`."""
    network = load_network("fibroblast-core")
    observations, _ = literature.load(network)
    stimuli = list(dict.fromkeys(observations["stimulus"]))
    started = time.perf_counter()
    change = entry(model).change(network, stimuli, seed)
    said = literature.classes(change, observations)
    found = literature.scores(said, observations["measured"]) | literature.ranking(change, observations)
    values = {f"L/{name}": value for name, value in found.items()}
    values["L/said"] = [float(CLASSES.index(name)) for name in said]
    values["seconds"] = time.perf_counter() - started
    return make_row(setting, model, seed, values)
