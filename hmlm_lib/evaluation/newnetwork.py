"""Task E: a network never seen. Models may learn on others; then they get 0, 1, 4 or 16 experiments on this one.

The one asked is the published fibroblast network, with the worlds and the test experiments of tasks B and C; the others
are drawn (`networks.py`). Whoever learned on no other network starts anew. A model that can say nothing without
experiments has no score there.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from hmlm_lib.baselines import Model, gnn, mechanistic, networks, regression, trivial, wired
from hmlm_lib.device import current, one_thread
from hmlm_lib.errors import ExperimentError, pick
from hmlm_lib.evaluation.networks import Others, others
from hmlm_lib.evaluation.registry import BASELINE_CODE, HMLM_CODE
from hmlm_lib.evaluation.rows import make_row
from hmlm_lib.evaluation.score import correlation, mse
from hmlm_lib.evaluation.shots import SHOTS, K, shown, typical
from hmlm_lib.evaluation.tasks import Benchmark, benchmark
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.transfer import LEARNING, PRETRAINING, SHARED, begun, moved, pretrain
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Training

SETTINGS: dict[str, dict] = {
    "newnetwork_k8": {"mechanism": "hill"},
    "newnetwork_massaction_k8": {"mechanism": "mass_action"},
    "newnetwork_additive_k8": {"mechanism": "additive"},
}
Fit = Callable[[SignalingNetwork, Experiments | None], Model | None]


SHOT_HMLM = (*HMLM_CODE, "hmlm.transfer", "evaluation.shots")
SHOT_BASELINE = (*BASELINE_CODE, "evaluation.shots")


@lru_cache(maxsize=2)
def asked(name: str, seed: int) -> Benchmark:
    """The world and the test experiments of a setting."""
    return benchmark(seed, K, pick(SETTINGS, name, "setting", ExperimentError)["mechanism"])


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

    return Entry(prepare, knows, (*SHOT_BASELINE, f"baselines.{module}", *needs))


def _trained(model: type, knows: str, module: str) -> Entry:
    needs = ("hmlm.transducer", "hmlm.tokens") if knows != "nothing" else ()
    return _blank(lambda seed: model(replace(model.training_defaults, seed=seed)), knows, module, "training", *needs)


def _still(_: str, __: int, ___: Others) -> Fit:
    return lambda _, __: trivial.Persistence()


FLAT = HMLMConfig(hierarchy=False, proposals=False)
MODELS: dict[str, Entry] = {
    "hmlm": Entry(_anew(LEARNING, FLAT), "wiring", SHOT_HMLM),
    "hmlm_pretrained": Entry(_pretrained(LEARNING), "wiring", (*SHOT_HMLM, "many", "evaluation.networks")),
    "hill_typical": Entry(
        _equations(LEARNING), "equations", (*SHOT_HMLM, "baselines.protocol", "baselines.mechanistic")
    ),
    "persistence": Entry(_still, "nothing", (*SHOT_BASELINE, "baselines.trivial")),
    "mean": _blank(lambda _: trivial.Mean(), "nothing", "trivial"),
    "ridge": _blank(regression.ridge, "nothing", "regression"),
    "gp": _blank(regression.gaussian_process, "nothing", "regression"),
    "gru": _trained(networks.GRU, "nothing", "networks"),
    "neural_ode": _trained(networks.NeuralODE, "nothing", "networks"),
    "gnn": _trained(gnn.GNN, "wiring", "gnn"),
    "cellbox": _trained(wired.CellBox, "wiring", "wired"),
    "lembas": _trained(wired.Lembas, "wiring", "wired"),
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="of new networks")


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
