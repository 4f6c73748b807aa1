"""Four times chosen before anything is measured, put to the test on experiments that the choice did not see."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmlm_lib.evaluation import design, reconstruct, registry, score
from hmlm_lib.evaluation.seeds import experiments
from hmlm_lib.evaluation.tasks import NOISE_SD, SCORED

CANDIDATES = np.round(np.geomspace(0.5, 60, 12), 1)  # hours
UNIFORM = (15.0, 30.0, 45.0, 60.0)
DENSE, COUNT = 16, 4  # points a training experiment is seen at; points to choose


class Plan(NamedTuple):
    """Length and amplitude of the kernel, and every choice of candidates with the variance it leaves, best first."""

    length: float
    amplitude: float
    ranking: pd.DataFrame


@lru_cache(maxsize=8)
def plan(seed: int) -> Plan:
    """From the training experiments of a seed alone."""
    train = experiments(DENSE, seed).train
    residual = train.activity - train.activity.mean(0)
    kernel = design.estimate_kernel(residual, train.times_h, NOISE_SD)
    return Plan(*kernel, design.best_times(CANDIDATES, COUNT, SCORED, *kernel, NOISE_SD))


def choices(ranking: pd.DataFrame, seed: int) -> dict[str, tuple[float, ...]]:
    """Times in hours: the best and the worst of a ranking, uniform ones, and those of the benchmark."""
    log = tuple(map(float, experiments(COUNT, seed).train.times_h))
    return {"best": ranking["times_h"].iloc[0], "uniform": UNIFORM, "log": log, "worst": ranking["times_h"].iloc[-1]}


def tested(times_h: Sequence[float], seed: int) -> float:
    """MSE of unseen experiments, reconstructed on the training mean from noisy points at these times."""
    b, times = experiments(DENSE, seed), np.array(times_h)
    test = b.combine
    truth = b.world.simulate(test.stimulus, test.factor, test.y0, times)
    noise = NOISE_SD * np.random.default_rng(seed).standard_normal(truth.shape)
    shown = replace(test, times_h=times, activity=truth + noise)
    mean = registry.make("mean", b, seed).fit(b.train)
    value = reconstruct.correct(shown, mean.predict(shown), mean.predict(test), SCORED, NOISE_SD)
    return score.mse(value, test.activity)


def outcomes(seeds: Iterable[int]) -> pd.DataFrame:
    """Every choice on every seed, each planned on its own training experiments: columns choice, seed, times_h, mse."""
    rows = [
        {"choice": name, "seed": seed, "times_h": times, "mse": tested(times, seed)}
        for seed in seeds
        for name, times in choices(plan(seed).ranking, seed).items()
    ]
    return pd.DataFrame(rows)
