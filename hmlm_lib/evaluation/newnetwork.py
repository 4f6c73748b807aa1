"""Task E: a network never seen. Models may learn on others; then they get 0, 1, 4 or 16 experiments on this one.

The one asked is the published fibroblast network, with the worlds and the test experiments of tasks B and C; the others
are drawn (`networks.py`). Whoever learned on no other network starts anew. A model that can say nothing without
experiments has no score there.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from hmlm_lib.baselines import Model, gnn, mechanistic, networks, regression, trivial, wired
from hmlm_lib.device import current, one_thread, side_by_side
from hmlm_lib.errors import ExperimentError, pick
from hmlm_lib.evaluation.networks import Others, others
from hmlm_lib.evaluation.registry import BASELINE_CODE, HMLM_CODE
from hmlm_lib.evaluation.rows import make_row
from hmlm_lib.evaluation.scarce import CHANGES, ENOUGH
from hmlm_lib.evaluation.score import correlation, mse
from hmlm_lib.evaluation.shots import SHOTS, K, shown, typical
from hmlm_lib.evaluation.tasks import HORIZON_H, Benchmark, benchmark
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, TRAINING, HMLMConfig
from hmlm_lib.hmlm.transfer import LEARNING, PRETRAINING, SHARED, begun, moved, pretrain
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Training

SETTINGS: dict[str, dict] = {
    "newnetwork_k8": {"mechanism": "hill"},
    "newnetwork_massaction_k8": {"mechanism": "mass_action"},
    "newnetwork_additive_k8": {"mechanism": "additive"},
}
Fit = Callable[[SignalingNetwork, Experiments | None], Model | None]
FLAT = HMLMConfig(hierarchy=False, proposals=False)
SHOT_HMLM = (*HMLM_CODE, "hmlm.transfer", "evaluation.shots")
FROM_NOTHING = (*SHOT_HMLM, "evaluation.scarce")
FITTED = (*FROM_NOTHING, "baselines.protocol", "baselines.mechanistic")
SHOT_BASELINE = (*BASELINE_CODE, "evaluation.shots")


@lru_cache(maxsize=2)
def asked(name: str, seed: int) -> Benchmark:
    """The world and the test experiments of a setting."""
    return benchmark(seed, K, pick(SETTINGS, name, "setting", ExperimentError)["mechanism"])


@dataclass(frozen=True)
class Entry:
    """prepare(mechanism, seed, size) -> Fit, which is None where the model can say nothing.

    knows: `nothing`, `wiring` or `equations`; modules: code its rows depend on.
    """

    prepare: Callable[[str, int, Others], Fit]
    knows: str
    modules: tuple[str, ...]


def continued(shared: HMLM, training: Training) -> Fit:
    """A model that was trained on other networks, as it is and then trained further."""

    def fit(network: SignalingNetwork, seen: Experiments | None) -> Model:
        if seen is None:
            return moved(shared, network)
        return begun(shared, network).to(current()).fit(seen, training).cpu()

    return fit


def anew(training: Training) -> Fit:
    """HMLM as it is drawn, and trained from there; for fewer than ENOUGH experiments as long as LEARNING."""

    def fit(network: SignalingNetwork, seen: Experiments | None) -> Model:
        if seen is None:
            return HMLM.from_network(network, SHARED, training.seed)
        schedule = _shorter(training, seen)
        return HMLM.from_network(network, FLAT, training.seed).to(current()).fit(seen, schedule).cpu()

    return fit


def equations(training: Training) -> Fit:
    """The published equations with typical kinetics, and fitted from there; schedule as in `anew`."""

    def fit(network: SignalingNetwork, seen: Experiments | None) -> Model:
        start = typical(network)
        if seen is None:
            return mechanistic.HillGiven(start.arrays)
        return mechanistic.HillFitted(_shorter(training, seen)).fit(replace(seen, network=start))

    return fit


def _shorter(training: Training, seen: Experiments) -> Training:
    """What few experiments allow; where there are enough, the schedule itself."""
    if len(seen) >= ENOUGH:
        return training
    return replace(training, steps=min(training.steps, LEARNING.steps), learning_rate=LEARNING.learning_rate)


def still(network: SignalingNetwork, seen: Experiments | None) -> Model:
    """Nothing ever changes."""
    return trivial.Persistence()


def _pretrained(mechanism: str, seed: int, size: Others) -> Fit:
    shared = pretrain(others(seed, mechanism, size), training=replace(PRETRAINING, seed=seed))
    return continued(shared, replace(LEARNING, seed=seed))


def _blank(build: Callable[[int], Model], knows: str, module: str, *needs: str) -> Entry:
    """A model that needs experiments."""

    def prepare(_: str, seed: int, __: Others) -> Fit:
        return lambda _, seen: None if seen is None else build(seed).fit(seen)

    return Entry(prepare, knows, (*SHOT_BASELINE, f"baselines.{module}", *needs))


def _trained(name: str, model: type, knows: str, module: str) -> Entry:
    def build(seed: int) -> Model:
        return model(replace(model.training_defaults, seed=seed, **CHANGES.get(name, {})))

    needs = ("hmlm.attention", "hmlm.transducer", "hmlm.tokens") if knows != "nothing" else ()
    scarce = ("evaluation.scarce",) if name in CHANGES else ()
    return _blank(build, knows, module, "training", *scarce, *needs)


MODELS: dict[str, Entry] = {
    "hmlm": Entry(lambda _, seed, __: anew(replace(TRAINING, seed=seed)), "wiring", FROM_NOTHING),
    "hmlm_pretrained": Entry(_pretrained, "wiring", (*SHOT_HMLM, "many", "evaluation.networks")),
    "hill_typical": Entry(
        lambda _, seed, __: equations(replace(mechanistic.HillFitted.training_defaults, seed=seed)), "equations", FITTED
    ),
    # Better where these equations are the truth and experiments are few, which nobody knows before.
    "hill_typical_short": Entry(lambda _, seed, __: equations(replace(LEARNING, seed=seed)), "equations", FITTED),
    "persistence": Entry(lambda *_: still, "nothing", (*SHOT_BASELINE, "baselines.trivial")),
    "mean": _blank(lambda _: trivial.Mean(), "nothing", "trivial"),
    "ridge": _blank(regression.ridge, "nothing", "regression"),
    "gp": _blank(regression.gaussian_process, "nothing", "regression"),
    "gru": _trained("gru", networks.GRU, "nothing", "networks"),
    "gnn": _trained("gnn", gnn.GNN, "wiring", "gnn"),
    "cellbox": _trained("cellbox", wired.CellBox, "wiring", "wired"),
    "lembas": _trained("lembas", wired.Lembas, "wiring", "wired"),
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="of new networks")


def score(model: Model, b: Benchmark) -> dict[str, float]:
    """Errors on unseen combinations and on the effects of unseen knock-outs."""
    combine, knockout, wild = (model.predict(e.without()) for e in (b.combine, b.knockout, b.wild))
    effect, true = knockout - wild, b.knockout.activity - b.wild.activity
    return {"mse": mse(combine, b.combine.activity), "effect_r": correlation(effect, true)}


def _after(fit: Fit, b: Benchmark, count: int) -> dict[str, float]:
    """Scores after so many experiments, and parameters; empty where the model can say nothing."""
    with one_thread():
        fitted = fit(b.train.network, shown(b, count))
        return {} if fitted is None else score(fitted, b) | {"parameters": fitted.n_parameters}


def compared(fits: Mapping[str, Fit], b: Benchmark, counts: Iterable[int] = SHOTS) -> pd.DataFrame:
    """Every model after every number of experiments, side by side: columns model, count, mse, effect_r, parameters."""
    jobs = [(name, count) for name in fits for count in counts]
    found = side_by_side(_after, [(fits[name], b, count) for name, count in jobs])
    return pd.DataFrame([{"model": n, "count": c} | one for (n, c), one in zip(jobs, found, strict=True) if one])


def response(
    model: Model, network: SignalingNetwork, source: str, target: str, held: Mapping[str, float], levels: np.ndarray
) -> np.ndarray:
    """Activity of the target after 60 h at every level of one input; held: levels of the others."""
    stimulus = np.zeros((len(levels), len(network.species_names)))
    for name, level in held.items():
        stimulus[:, network.position(name)] = level
    stimulus[:, network.position(source)] = levels
    names, rest = tuple(f"{source} {level:.2f}" for level in levels), np.zeros_like(stimulus)
    unseen = np.full((len(levels), 1, stimulus.shape[1]), np.nan)
    asked = Experiments(network, names, stimulus, np.ones_like(stimulus), rest, np.array([HORIZON_H]), unseen)
    return model.predict(asked)[:, 0, network.position(target)]


def run_one(name: str, model: str, seed: int, size: Others | None = None) -> dict:
    """Learn on the others, then with every number of shots on the one asked; the row."""
    b, values, started = asked(name, seed), {}, time.perf_counter()
    with one_thread():
        fit = entry(model).prepare(b.world.mechanism, seed, size or Others())
    for count in SHOTS:
        found = _after(fit, b, count)
        values |= {key if key == "parameters" else f"N/{key}_{count}": value for key, value in found.items()}
    values["seconds"] = time.perf_counter() - started
    return make_row(name, model, seed, values)
