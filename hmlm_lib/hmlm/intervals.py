"""Uncertainty by an ensemble: models that differ in their seed and in which experiments they drew, and its coverage."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student_t

from hmlm_lib.experiments import Experiments

HELD = 0.9  # of the true values that a band is meant to hold

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


def band(members: int) -> float:
    """Sd either side of the mean that hold 90 % of what one more member would say: Student's t, few members, wide."""
    return float(student_t.ppf((1 + HELD) / 2, members - 1) * np.sqrt(1 + 1 / members))


def coverage(true: Values, mean: Values, sd: Values, members: int) -> float:
    """Fraction of true values inside the band; 0.9 if the intervals are honest."""
    return float((np.abs(true - mean) <= band(members) * sd).mean())
