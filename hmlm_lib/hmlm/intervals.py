"""Uncertainty by an ensemble: models that differ in their seed and in which experiments they drew, and its coverage."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from hmlm_lib.experiments import Experiments

BAND = 1.645  # sd either side of the mean that would hold 90 % of a normal distribution

Values = Float[np.ndarray, "condition time species"]


def bootstrap(experiments: Experiments, seed: int) -> Experiments:
    """As many conditions, drawn with replacement."""
    rng = np.random.default_rng((seed, 12))
    return experiments.take(np.sort(rng.integers(0, len(experiments), len(experiments))))


def ensemble(
    fit: Callable[[Experiments, int], Callable[[Experiments], Values]],
    train: Experiments,
    test: Experiments,
    members: int,
    seed: int,
) -> tuple[Values, Values]:
    """Mean and sd over members; fit(experiments, seed) returns a predictor. Each member sees another bootstrap."""
    found = np.stack([fit(bootstrap(train, seed + i), seed + i)(test) for i in range(members)])
    return found.mean(0), found.std(0, ddof=1)


def coverage(true: Values, mean: Values, sd: Values, floor: float = 0.0) -> float:
    """Fraction of true values within BAND sd of the mean; 0.9 if the intervals are honest. floor is added to sd."""
    return float((np.abs(true - mean) <= BAND * np.hypot(sd, floor)).mean())
