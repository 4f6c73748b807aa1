"""Running the benchmark: settings x models x seeds, one row each, resumable."""

import re
import time
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

from hmlm_lib.baselines import Model
from hmlm_lib.chmr import record as molecules
from hmlm_lib.composition import record as composition
from hmlm_lib.device import one_thread, side_by_side
from hmlm_lib.errors import ExperimentError, pick
from hmlm_lib.evaluation import edges, faithfulness, newcell, observations, onecourse, realcells
from hmlm_lib.evaluation.reconstruct import correct
from hmlm_lib.evaluation.registry import ABLATIONS, MODELS, entry, make
from hmlm_lib.evaluation.rows import add_row, code_hash, make_row, valid_rows
from hmlm_lib.evaluation.score import effect_scores, mse, trajectory_scores
from hmlm_lib.evaluation.tasks import NOISE_SD, Benchmark, benchmark

SETTINGS: dict[str, dict] = {
    "k8": {"k": 8},
    "k4": {"k": 4},
    "k16": {"k": 16},
    "missing15_k8": {"k": 8, "missing": 0.15},
    "massaction_k8": {"k": 8, "mechanism": "mass_action"},
    "additive_k8": {"k": 8, "mechanism": "additive"},
    "delays_k8": {"k": 8, "mechanism": "delays"},
    "flipped10_k8": {"k": 8, "flipped": 0.10},
}
# Settings with models and measures of their own.
OTHERS = {
    name: family
    for family in (newcell, onecourse, faithfulness, *edges.FAMILIES, realcells, observations, molecules, composition)
    for name in family.SETTINGS
}


@lru_cache(maxsize=4)
def setting(name: str, seed: int) -> Benchmark:
    """The benchmark of a named setting and seed."""
    return benchmark(seed, **pick(SETTINGS, name, "setting", ExperimentError))


def score(model: Model, b: Benchmark) -> dict[str, float | list[float]]:
    """Tasks A, B and C of a fitted model; A is its forecast of the test conditions, corrected by their k points."""
    with one_thread():
        combine, knockout, wild, seen = (model.predict(e) for e in (b.combine, b.knockout, b.wild, b.seen))
        corrected = correct(b.seen, seen, combine, b.combine.times_h, NOISE_SD)
    values: dict[str, float | list[float]] = {"A/mse_all": mse(corrected, b.combine.activity)}
    values |= {f"B/{k}": v for k, v in trajectory_scores(combine, b.combine).items()}
    values |= {f"C/{k}": v for k, v in trajectory_scores(knockout, b.knockout).items()}
    values |= {f"C/{k}": v for k, v in effect_scores(knockout, wild, b.knockout, b.wild).items()}
    by_condition = np.square(combine - b.combine.activity).mean((1, 2))
    return values | {"B/by_condition": [float(f"{v:.4g}") for v in by_condition]}


def fit(name: str, b: Benchmark, seed: int, effort: float = 1.0) -> Model:
    """A model of the registry, fitted to the training experiments; effort: fraction of its training steps."""
    with one_thread():
        return make(name, b, seed, effort).fit(b.train)


def fit_all(names: Iterable[str], b: Benchmark, seed: int, effort: float = 1.0) -> dict[str, Model]:
    """Models fitted side by side, one process a core; the same numbers as one after the other."""
    names = list(names)
    found = side_by_side(fit, [(name, b, seed, effort) for name in names])
    return dict(zip(names, found, strict=True))


def run_one(name: str, model: str, seed: int) -> dict:
    """Fit and score one model; the row."""
    if name in OTHERS:
        return OTHERS[name].run_one(name, model, seed)
    b = setting(name, seed)
    started = time.perf_counter()
    fitted = fit(model, b, seed)
    seconds = time.perf_counter() - started
    values = score(fitted, b) | {"seconds": seconds, "parameters": fitted.n_parameters}
    return make_row(name, model, seed, entry(model).modules, values)


def settings() -> list[str]:
    """Names of all settings: tasks A to D, published protocol, explanations, edges, cells, molecules, compositions."""
    return [*SETTINGS, *OTHERS]


def models(name: str, wanted: Iterable[str] = ("all",)) -> list[str]:
    """Models of a setting; wanted: names, `all` (without ablations), `ablations`. ModelError for an unknown name."""
    other = pick(dict.fromkeys(SETTINGS) | OTHERS, name, "setting", ExperimentError)  # None: models of the registry
    groups = {"all": list(other.MODELS if other else MODELS), "ablations": [] if other else list(ABLATIONS)}
    found = [model for given in wanted for model in groups.get(given, [given])]
    for model in found:
        _modules(name, model)
    return found


def _modules(name: str, model: str) -> tuple[str, ...]:
    return (OTHERS[name].entry if name in OTHERS else entry)(model).modules


def run(
    wanted: Iterable[str],
    chosen: Iterable[str],
    seeds: Iterable[int],
    report: Callable[[str], None] = print,
) -> None:
    """Every run of these settings and models that has no valid row yet; one line each."""
    plan = [(name, models(name, tuple(chosen))) for name in wanted]
    for name, those in plan:
        for seed in seeds:
            for model in those:
                known = valid_rows(name, {model: code_hash(_modules(name, model))})
                if any(row["seed"] == seed for row in known):
                    continue
                row = run_one(name, model, seed)
                add_row(name, row)
                report(f"{name:14s} {model:18s} seed {seed}  {_short(row['values'])}")


SHORT = re.compile(
    "[ABDP]/mse_(all|unseen|k.*)|C/effect_.*|[EF]/.*|R/rmse|L/(balanced.*|random|unseen)|M/(test|clean|random|valid)"
)


def _short(values: dict) -> str:
    shown = "  ".join(f"{measure} {value:.5g}" for measure, value in values.items() if SHORT.fullmatch(measure))
    return f"{shown}  {values['seconds']:.0f} s"


def rows(name: str) -> list[dict]:
    """Valid rows of a setting, all models and ablations."""
    return valid_rows(name, {m: code_hash(_modules(name, m)) for m in models(name, ("all", "ablations"))})
