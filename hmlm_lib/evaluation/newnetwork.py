"""Task E: a network never seen. Models may learn on other networks; then they get 0, 1, 4 or 16 experiments on this one.

The other networks are drawn (`networks.py`), each with kinetics of its own under the same mechanism; the one asked is
the published fibroblast network with the worlds and test experiments of tasks B and C. Whoever learned on no other
network starts anew. A model that can say nothing without experiments has no score there.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from hmlm_lib.baselines import Model, gnn, mechanistic, networks, regression, trivial, wired
from hmlm_lib.device import current, one_thread
from hmlm_lib.dynamics.experiment import observation_times
from hmlm_lib.errors import ExperimentError, pick
from hmlm_lib.evaluation.networks import drawn_network
from hmlm_lib.evaluation.registry import BASELINE_CODE, CORE_CODE, HMLM_CODE
from hmlm_lib.evaluation.rows import make_row
from hmlm_lib.evaluation.score import correlation, mse
from hmlm_lib.evaluation.tasks import HORIZON_H, NOISE_SD, Benchmark, benchmark, draw_stimuli, with_noise
from hmlm_lib.evaluation.worlds import draw_world
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.transfer import PRETRAINING, SHARED, begun, moved, pretrain
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Training

K = 8
SHOTS = (0, 1, 4, 16)
SETTINGS: dict[str, dict] = {
    "newnetwork_k8": {"mechanism": "hill"},
    "newnetwork_massaction_k8": {"mechanism": "mass_action"},
    "newnetwork_additive_k8": {"mechanism": "additive"},
}
LEARNING = Training(steps=200, learning_rate=0.02)  # on the new network
TYPICAL = {"n": 1.75, "ec50": 0.49}  # means of what worlds draw
TYPICAL_W = 0.925


@dataclass(frozen=True)
class Others:
    """How many networks there are to learn on, of how many species, and how many experiments on each."""

    networks: int = 24
    species: int = 50
    conditions: int = 20


def member(network: SignalingNetwork, seed: int, mechanism: str, conditions: int) -> Experiments:
    """Experiments on one network: one to three stimuli a condition, half of them with a knock-out; K noisy points."""
    world, rng = draw_world(network, seed, mechanism), np.random.default_rng((seed, 10))
    most = min(3, int(world.arrays.has_input.sum()))
    stimulus = draw_stimuli(world, rng.integers(1, most + 1, conditions), rng)
    factor = np.ones_like(stimulus)
    gone = rng.choice(np.flatnonzero(~world.arrays.has_input), conditions)
    factor[np.arange(conditions // 2), gone[: conditions // 2]] = 0.0
    times, y0 = observation_times(K + 1, HORIZON_H)[1:], np.tile(world.rest, (conditions, 1))
    names = tuple(f"condition {i}" for i in range(conditions))
    activity = world.simulate(stimulus, factor, y0, times)
    return with_noise(Experiments(network, names, stimulus, factor, y0, times, activity), NOISE_SD, seed)


def others(seed: int, mechanism: str, size: Others | None = None) -> list[Experiments]:
    """Experiments on networks that are not the one asked; no seed shares a network or a world with another."""
    size = size or Others()
    numbers = [1000 * (seed + 1) + i for i in range(size.networks)]
    return [member(drawn_network(size.species, n), n, mechanism, size.conditions) for n in numbers]


@lru_cache(maxsize=2)
def asked(name: str, seed: int) -> Benchmark:
    """The world and the test experiments of a setting."""
    return benchmark(seed, K, pick(SETTINGS, name, "setting", ExperimentError)["mechanism"])


def shown(b: Benchmark, count: int) -> Experiments | None:
    """The first `count` training experiments of a world in random order, the same for every model; None for 0."""
    order = np.random.default_rng((b.world.seed, 11)).permutation(len(b.train))
    return b.train.take(order[:count]) if count else None


Fit = Callable[[SignalingNetwork, Experiments | None], Model | None]


@dataclass(frozen=True)
class Entry:
    """prepare(mechanism, seed, size) -> fit(network, experiments or None) -> model, None where it can say nothing."""

    prepare: Callable[[str, int, Others], Fit]
    knows: str
    modules: tuple[str, ...]


def _pretrained(training: Training) -> Callable[[str, int, Others], Fit]:
    def prepare(mechanism: str, seed: int, size: Others) -> Fit:
        shared = pretrain(others(seed, mechanism, size), training=replace(PRETRAINING, seed=seed))

        def fit(network: SignalingNetwork, seen: Experiments | None) -> Model:
            if seen is None:
                return moved(shared, network)
            return begun(shared, network).to(current()).fit(seen, replace(training, seed=seed)).cpu()

        return fit

    return prepare


def _anew(training: Training, config: HMLMConfig) -> Callable[[str, int, Others], Fit]:
    def prepare(_: str, seed: int, __: Others) -> Fit:
        def fit(network: SignalingNetwork, seen: Experiments | None) -> Model:
            if seen is None:
                return HMLM.from_network(network, SHARED, seed)
            return HMLM.from_network(network, config, seed).to(current()).fit(seen, replace(training, seed=seed)).cpu()

        return fit

    return prepare


def typical(network: SignalingNetwork) -> SignalingNetwork:
    """The network with the kinetics that worlds draw on average."""
    reactions = network.reactions.assign(**TYPICAL)
    acting = [bool(rule.reactants) for rule in network.rules]
    reactions["w"] = reactions["w"].where(~np.array(acting), reactions["w"] * TYPICAL_W)
    return SignalingNetwork(f"{network.name}, typical kinetics", network.species, reactions)


def _equations(training: Training) -> Callable[[str, int, Others], Fit]:
    def prepare(_: str, seed: int, __: Others) -> Fit:
        def fit(network: SignalingNetwork, seen: Experiments | None) -> Model:
            start = typical(network)
            if seen is None:
                return mechanistic.HillGiven(start.arrays)
            return mechanistic.HillFitted(replace(training, seed=seed)).fit(replace(seen, network=start))

        return fit

    return prepare


def _blank(build: Callable[[int], Model], knows: str, module: str, *needs: str) -> Entry:
    """A model that needs experiments."""

    def prepare(_: str, seed: int, __: Others) -> Fit:
        return lambda _, seen: None if seen is None else build(seed).fit(seen)

    return Entry(prepare, knows, (*BASELINE_CODE, f"baselines.{module}", *needs))


def _trained(model: type, knows: str, module: str) -> Entry:
    needs = ("hmlm.transducer", "hmlm.tokens") if knows != "nothing" else ()
    return _blank(lambda seed: model(replace(model.training_defaults, seed=seed)), knows, module, "training", *needs)


def _still(_: str, __: int, ___: Others) -> Fit:
    return lambda _, __: trivial.Persistence()


OWN_CODE = ("evaluation.newnetwork", "evaluation.networks")
FLAT = HMLMConfig(hierarchy=False, proposals=False)
MODELS: dict[str, Entry] = {
    "hmlm_pretrained": Entry(_pretrained(LEARNING), "wiring", (*HMLM_CODE, "hmlm.transfer", "many")),
    "hmlm": Entry(_anew(LEARNING, FLAT), "wiring", HMLM_CODE),
    "hill_typical": Entry(_equations(LEARNING), "equations", (*BASELINE_CODE, "baselines.mechanistic", *CORE_CODE)),
    "persistence": Entry(_still, "nothing", (*BASELINE_CODE, "baselines.trivial")),
    "mean": _blank(lambda _: trivial.Mean(), "nothing", "trivial"),
    "ridge": _blank(regression.ridge, "nothing", "regression"),
    "gp": _blank(regression.gaussian_process, "nothing", "regression"),
    "gru": _trained(networks.GRU, "nothing", "networks"),
    "neural_ode": _trained(networks.NeuralODE, "nothing", "networks"),
    "gnn": _trained(gnn.GNN, "wiring", "gnn"),
    "cellbox": _trained(wired.CellBox, "wiring", "wired"),
    "lembas": _trained(wired.Lembas, "wiring", "wired"),
}


@cache
def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    found = pick(MODELS, name, "model", where="of new networks")
    return replace(found, modules=(*found.modules, *OWN_CODE))


def score(model: Model, b: Benchmark) -> dict[str, float]:
    """Errors on unseen combinations and on the effects of unseen knock-outs."""
    combine, knockout, wild = (model.predict(e.without()) for e in (b.combine, b.knockout, b.wild))
    effect, true = knockout - wild, b.knockout.activity - b.wild.activity
    return {"mse": mse(combine, b.combine.activity), "effect_r": correlation(effect, true)}


def run_one(name: str, model: str, seed: int, size: Others | None = None) -> dict:
    """Learn on the others, then with every number of shots on the one asked; the row."""
    b, values, started = asked(name, seed), {}, time.perf_counter()
    with one_thread():
        fit = entry(model).prepare(b.world.mechanism, seed, size or Others())
        for count in SHOTS:
            fitted = fit(b.train.network, shown(b, count))
            if fitted is None:
                continue
            values |= {f"N/{measure}_{count}": value for measure, value in score(fitted, b).items()}
            values["parameters"] = getattr(fitted, "n_parameters", 0)
    values["seconds"] = time.perf_counter() - started
    return make_row(name, model, seed, entry(model).modules, values)
