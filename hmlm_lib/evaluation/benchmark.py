"""Running the benchmark: settings x models x seeds, one row each, resumable."""

import time
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

from hmlm_lib.baselines import Model
from hmlm_lib.device import one_thread
from hmlm_lib.errors import ExperimentError, did_you_mean
from hmlm_lib.evaluation.reconstruct import correct
from hmlm_lib.evaluation.registry import ABLATIONS, MODELS, entry, make
from hmlm_lib.evaluation.rows import add_row, code_hash, valid_rows
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


@lru_cache(maxsize=4)
def setting(name: str, seed: int) -> Benchmark:
    """The benchmark of a named setting and seed."""
    if name not in SETTINGS:
        raise ExperimentError(f"no setting {name!r}{did_you_mean(name, SETTINGS)}; allowed: {', '.join(SETTINGS)}")
    return benchmark(seed, **SETTINGS[name])


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


def run_one(name: str, model: str, seed: int) -> dict:
    """Fit and score one model; the row."""
    b, e = setting(name, seed), entry(model)
    started = time.perf_counter()
    fitted = fit(model, b, seed)
    seconds = time.perf_counter() - started
    values = score(fitted, b) | {"seconds": seconds, "parameters": fitted.n_parameters}
    rounded = {k: v if isinstance(v, list) else float(f"{v:.6g}") for k, v in values.items()}
    return {"setting": name, "model": model, "seed": seed, "code": code_hash(e.modules), "values": rounded}


def run(
    settings: Iterable[str],
    models: Iterable[str],
    seeds: Iterable[int],
    report: Callable[[str], None] = print,
) -> None:
    """Every run that has no valid row yet; one line each."""
    for name in settings:
        for seed in seeds:
            for model in models:
                wanted = {model: code_hash(entry(model).modules)}
                if any(row["seed"] == seed for row in valid_rows(name, wanted)):
                    continue
                row = run_one(name, model, seed)
                add_row(name, row)
                v = row["values"]
                report(
                    f"{name:14s} {model:18s} seed {seed}  A {v['A/mse_all']:.5f}  B {v['B/mse_all']:.5f}  "
                    f"C effect {v['C/effect_mse']:.5f} r {v['C/effect_r']:.3f}  {v['seconds']:.0f} s"
                )


def rows(name: str) -> list[dict]:
    """Valid rows of a setting, all models and ablations."""
    return valid_rows(name, {model: code_hash(entry(model).modules) for model in MODELS | ABLATIONS})
