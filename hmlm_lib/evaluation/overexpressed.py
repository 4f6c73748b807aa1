"""Task C with species made stronger in place of knocked out: nothing that a model was trained on goes that way.

Worlds, training experiments, asked species and their stimuli are those of `tasks.py`; ymax of the asked species is
doubled from t = 0 on. The effect is the course under over-expression minus that of the wild type, same stimuli. 72 to
92 % of it (mean square, worlds 0 to 2) is the species' own doubling, which any model that multiplies by the factor gets
right, so the effect on all other species (`rest`) is scored beside it.
"""

import time
from dataclasses import replace
from functools import lru_cache

import numpy as np

from hmlm_lib.baselines import Model
from hmlm_lib.device import one_thread
from hmlm_lib.errors import ExperimentError, pick
from hmlm_lib.evaluation import registry
from hmlm_lib.evaluation.registry import Entry
from hmlm_lib.evaluation.rows import make_row
from hmlm_lib.evaluation.score import by_condition, effect_scores, mse
from hmlm_lib.evaluation.tasks import Benchmark, benchmark
from hmlm_lib.evaluation.worlds import World
from hmlm_lib.experiments import Experiments

SETTINGS: dict[str, dict] = {"overexpressed_k8": {"k": 8}}
FACTOR = 2.0  # on ymax
MODELS: dict[str, Entry] = {
    name: replace(one, modules=(*one.modules, "evaluation.overexpressed"))
    for name, one in zip(registry.MODELS, map(registry.entry, registry.MODELS), strict=True)
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="of over-expressions")


def overexpressed(world: World, knockout: Experiments) -> Experiments:
    """The same conditions with ymax of every knocked-out species times FACTOR, and what is true then."""
    factor = np.where(knockout.factor == 0, FACTOR, knockout.factor)
    names = tuple(
        name.replace("knock-out", "over-expression").replace("knocked out", f"ymax x {FACTOR:g}")
        for name in knockout.names
    )
    activity = world.simulate(knockout.stimulus, factor, knockout.y0, knockout.times_h)
    return replace(knockout, names=names, factor=factor, activity=activity)


@lru_cache(maxsize=2)
def question(name: str, seed: int) -> tuple[Benchmark, Experiments]:
    """The benchmark of a setting and seed, and its over-expressions."""
    b = benchmark(seed, **pick(SETTINGS, name, "setting", ExperimentError))
    return b, overexpressed(b.world, b.knockout)


def score(model: Model, asked: Experiments, wild: Experiments) -> dict[str, float | list[float]]:
    """Errors of a fitted model on over-expressions and their effects; wild: the companions. Neither is shown its truth.

    by_condition: squared error of the effect, mean over times and species.
    """
    with one_thread():
        said, calm = (model.predict(e.without()) for e in (asked, wild))
    values: dict[str, float | list[float]] = {"O/mse_all": mse(said, asked.activity)}
    values |= {f"O/{measure}": value for measure, value in effect_scores(said, calm, asked, wild).items()}
    return values | {"O/by_condition": by_condition(said - calm, asked.activity - wild.activity)}


def run_one(name: str, model: str, seed: int) -> dict:
    """Fit one model to the training experiments, score the over-expressions; the row."""
    b, asked = question(name, seed)
    started = time.perf_counter()
    with one_thread():
        fitted = entry(model).build(b, seed).fit(b.train)
    seconds = time.perf_counter() - started
    values = score(fitted, asked, b.wild) | {"seconds": seconds, "parameters": fitted.n_parameters}
    return make_row(name, model, seed, values)
