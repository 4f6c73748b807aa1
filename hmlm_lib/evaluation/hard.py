"""The same model with dirtier measurements, and with few species measured."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from hmlm_lib.baselines import Model
from hmlm_lib.device import side_by_side
from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation import benchmark, score
from hmlm_lib.evaluation.seeds import experiments
from hmlm_lib.evaluation.tasks import Benchmark
from hmlm_lib.evaluation.tasks import benchmark as draw

MODEL, POINTS = "hmlm_flat", 8


class Few(NamedTuple):
    """A benchmark whose training experiments measure some species only; of the others y0 is known, and no point."""

    benchmark: Benchmark
    measured: Int[np.ndarray, " measured"]
    hidden: Int[np.ndarray, " hidden"]


def few(b: Benchmark, count: int, seed: int) -> Few:
    """`count` species measured, drawn by seed; ExperimentError where there are not as many, or none is left."""
    total = b.train.activity.shape[2]
    if not 0 < count < total:
        raise ExperimentError(f"{count} species measured; allowed: 1 to {total - 1}")
    measured = np.sort(np.random.default_rng(seed).choice(total, count, replace=False))
    hidden = np.setdiff1d(np.arange(total), measured)
    partial = b.train.activity.copy()
    partial[:, :, hidden] = np.nan
    return Few(replace(b, train=replace(b.train, activity=partial)), measured, hidden)


def errors(seeds: Iterable[int], effort: float = 1.0, noise_sd: float = 0.1, count: int = 30) -> pd.DataFrame:
    """MSE of unseen combinations, columns what, seed, mse; noise_sd: of the dirtier points; count: species measured.

    The state at rest, y0, is given to the model for every species, measured or not, in training and in the test.
    """
    seeds = list(seeds)
    rough = {seed: draw(seed, POINTS, noise_sd=noise_sd) for seed in seeds}
    part = {seed: few(experiments(POINTS, seed), count, seed) for seed in seeds}
    jobs = [(MODEL, b, seed, effort) for seed in seeds for b in (rough[seed], part[seed].benchmark)]
    fitted = iter(side_by_side(benchmark.fit, jobs))
    rows = []
    for seed in seeds:
        noisy = rough[seed].combine
        found = {f"noise {noise_sd:g}": score.mse(next(fitted).predict(noisy), noisy.activity)}
        found |= _by_species(next(fitted), part[seed])
        rows += [{"what": what, "seed": seed, "mse": value} for what, value in found.items()]
    return pd.DataFrame(rows)


def _by_species(model: Model, part: Few) -> dict[str, float]:
    test, count, others = part.benchmark.combine, len(part.measured), len(part.hidden)
    error = np.square(model.predict(test) - test.activity).mean((0, 1))
    persistence = np.square(test.y0[:, None] - test.activity).mean((0, 1))
    return {
        f"{count} measured: these": error[part.measured].mean(),
        f"{count} measured: the other {others}": error[part.hidden].mean(),
        f"the other {others}, persistence": persistence[part.hidden].mean(),
    }
