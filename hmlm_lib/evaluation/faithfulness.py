"""Faithfulness of explanations as rows: which explanation of which model ranks pairs as the true knock-outs do.

A model of the table is an explanation and what is explained, `knockout_hmlm_flat`: HMLM whole, without hierarchy and
proposals (`hmlm_flat`), with the paper's softmax, baselines, and three controls: untrained, trained on a shuffled
wiring, trained on data whose species labels were shuffled. `prior`, `lag_correlation` and `published` need no model.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hmlm_lib.baselines import Model
from hmlm_lib.device import one_thread
from hmlm_lib.errors import pick
from hmlm_lib.evaluation.registry import BASELINE_CODE, HMLM_CODE, HMLMEntry, make, shortened
from hmlm_lib.evaluation.registry import entry as registered
from hmlm_lib.evaluation.rows import COMMON, make_row
from hmlm_lib.evaluation.shuffle import shuffled
from hmlm_lib.evaluation.tasks import HORIZON_H, Benchmark, benchmark
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, TRAINING, HMLMConfig
from hmlm_lib.interpret import contexts, explain, faithful
from hmlm_lib.interpret.subject import hmlm_only

SETTINGS: dict[str, dict] = {"faithful_k8": {"k": 8}}
INTERPRET_CODE = ("interpret.contexts", "interpret.explain", "interpret.faithful", "features")
FLAT = HMLMConfig(hierarchy=False, proposals=False)
EXPLANATIONS: dict[str, Callable[[HMLM, Experiments, float], explain.Pairs]] = {
    "attention": explain.attention,
    "rollout": lambda model, asked, hours: explain.rollout(explain.attention(model, asked, hours)),
    "gradient_input": explain.gradient_input,
    "integrated": explain.integrated,
    "knockout": explain.knockout,
}
IN_ACTIVITIES = ("gradient_input", "integrated", "knockout")
WITHOUT_MODEL = ("prior", "lag_correlation", "published")
CONTROLS = ("untrained", "shuffled_wiring", "shuffled_labels")
BASELINES = ("cellbox", "gru", "lembas", "graph_ode")


def relabelled(experiments: Experiments, seed: int) -> Experiments:
    """The same experiments with measured species (inputs apart) under each other's names."""
    inner = np.flatnonzero(~experiments.network.arrays.has_input)
    order = np.arange(len(experiments.network.species_names))
    order[inner] = np.random.default_rng((seed, 10)).permutation(inner)
    return replace(experiments, activity=experiments.activity[:, :, order], y0=experiments.y0[:, order])


def _flat(b: Benchmark, seed: int, effort: float, kind: str) -> Model:
    """HMLM without hierarchy and proposals under a control."""
    if kind == "untrained":
        return HMLM.from_network(b.train.network, FLAT, seed)
    training = shortened(replace(TRAINING, seed=seed), effort)
    model = HMLMEntry(FLAT, training, shuffled if kind == "shuffled_wiring" else None)
    return model.fit(relabelled(b.train, seed) if kind == "shuffled_labels" else b.train).model


def fitted(name: str, b: Benchmark, seed: int, effort: float = 1.0) -> Model:
    """What is explained, trained on the benchmark's experiments; effort: fraction of its training steps."""
    with one_thread():
        if name in CONTROLS:
            return _flat(b, seed, effort, name)
        model = make(name, b, seed, effort).fit(b.train)
    return model.model if isinstance(model, HMLMEntry) else model


@dataclass(frozen=True)
class Entry:
    """kind: of explanation; of: what is explained (empty: no model); modules: code its rows depend on."""

    kind: str
    of: str
    modules: tuple[str, ...]


def _entries() -> dict[str, Entry]:
    found = {name: Entry(name, "", (*COMMON, "baselines.protocol", *INTERPRET_CODE)) for name in WITHOUT_MODEL}
    explained = {
        "hmlm": tuple(EXPLANATIONS),
        "hmlm_flat": tuple(EXPLANATIONS),
        "hmlm_softmax": ("attention", "rollout", "knockout"),
        **dict.fromkeys(CONTROLS, ("attention", "integrated", "knockout")),
        **dict.fromkeys(BASELINES, ("knockout",)),
    }
    for name, kinds in explained.items():
        own = registered("hmlm_flat" if name in CONTROLS else name).modules
        own = own if set(HMLM_CODE) <= set(own) else (*BASELINE_CODE, *own)
        own = (*own, *(("evaluation.shuffle",) if name == "shuffled_wiring" else ()))
        found |= {f"{kind}_{name}": Entry(kind, name, (*own, *INTERPRET_CODE)) for kind in kinds}
    return found


MODELS = _entries()


def entry(name: str) -> Entry:
    """The entry of an explanation; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "explanation")


@dataclass(frozen=True, eq=False)
class Question:
    """A benchmark, the contexts that are asked about, and what is true: positive where the source raises the target."""

    benchmark: Benchmark
    asked: Experiments
    true: explain.Pairs


@lru_cache(maxsize=2)
def question(setting: str, seed: int) -> Question:
    """The question of a setting and seed."""
    b = benchmark(seed, **SETTINGS[setting])
    asked = contexts.contexts(b.world, b.train.network)
    true = -contexts.pairs(contexts.effects(contexts.simulator(b.world), asked, np.array([HORIZON_H])))
    return Question(b, asked, true)


@lru_cache(maxsize=4)
def _fitted(setting: str, name: str, seed: int) -> Model:
    return fitted(name, question(setting, seed).benchmark, seed)


def explanation(kind: str, model: Model | None, q: Question) -> explain.Pairs:
    """One explanation at the end of the horizon; model: None for those that need none."""
    explains = pick(EXPLANATIONS | dict.fromkeys(WITHOUT_MODEL), kind, "explanation")
    if explains is None:
        every = explain.published(q.asked, q.benchmark.train.to_data_array())
        return every[kind.replace("_", " ")]
    if kind != "knockout":
        hmlm_only(model, kind)
    return explains(model, q.asked, HORIZON_H)


def label(kind: str, model: Model | None = None) -> str:
    """Name of an explanation in a figure; says so where the model has not been trained."""
    plain = kind.replace("_", " ")
    return f"{plain} (untrained model)" if isinstance(model, HMLM) and not model.horizon_h else plain


def scores(kind: str, said: explain.Pairs, q: Question) -> dict[str, float]:
    """spearman, signed and precision, mean over contexts."""
    each = [faithful.scores(a, b, kind in IN_ACTIVITIES) for a, b in zip(said, q.true, strict=True)]
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def run_one(setting: str, model: str, seed: int) -> dict:
    """One explanation; the row."""
    wanted, q = entry(model), question(setting, seed)
    started = time.perf_counter()
    explained = _fitted(setting, wanted.of, seed) if wanted.of else None
    said = explanation(wanted.kind, explained, q)
    values = {f"F/{name}": value for name, value in scores(wanted.kind, said, q).items()}
    values["seconds"] = time.perf_counter() - started
    return make_row(setting, model, seed, values)
