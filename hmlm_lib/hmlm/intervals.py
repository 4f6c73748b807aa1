"""Uncertainty by an ensemble: models that differ in their seed and in which experiments they drew, and its coverage.

    half width^2 = (t_90 sd)^2 + (z_90 b_v)^2,   b_v^2 = mean over out-of-bag points of r^2 - noise^2 - sd^2   Eq. (1)

Members share the form of the model, so where the form is wrong they agree on a wrong value; b_v is that part, measured
a species on the experiments that a member did not draw. Source: bagging (Breiman 1996); Eq. (1) is ours.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import norm
from scipy.stats import t as student_t

from hmlm_lib.device import side_by_side
from hmlm_lib.errors import ModelError, check_whole
from hmlm_lib.experiments import Experiments

HELD = 0.9  # of the true values that a band is meant to hold

Values = Float[np.ndarray, "condition time species"]


class Spread(NamedTuple):
    """Mean of the members and their sd for the test conditions, b_v of Eq. (1), and how many members there were."""

    mean: Values
    sd: Values
    shared: Float[np.ndarray, " species"]
    members: int

    def half_width(self) -> Values:
        """Of the band that is meant to hold HELD of the true values, Eq. (1)."""
        return np.hypot(band(self.members) * self.sd, norm.ppf((1 + HELD) / 2) * self.shared)


def drawn(count: int, seed: int) -> Int[np.ndarray, " condition"]:
    """Positions of as many conditions, drawn with replacement."""
    return np.sort(np.random.default_rng((seed, 12)).integers(0, count, count))


def ensemble(
    fit: Callable[[Experiments, int], Callable[[Experiments], Values]],
    train: Experiments,
    test: Experiments,
    members: int,
    seed: int,
    noise_sd: float,
) -> Spread:
    """fit(experiments, seed) returns a predictor; each member sees another bootstrap. noise_sd: of training points.

    Members are fitted side by side, one process a core; predictors see no measurement. ModelError for fewer than two.
    """
    check_whole(members, "members", 2, ModelError)
    rows = [drawn(len(train), seed + i) for i in range(members)]
    models = side_by_side(fit, [(train.take(chosen), seed + i) for i, chosen in enumerate(rows)])
    found = np.stack([predict(test.without()) for predict in models])
    own = np.stack([predict(train.without()) for predict in models])
    for i, chosen in enumerate(rows):
        own[i, chosen] = np.nan
    sd = found.std(0, ddof=1)
    shared = shared_error(own, train.activity, noise_sd, np.square(sd).mean((0, 1)))
    return Spread(found.mean(0), sd, shared, members)


def shared_error(
    predicted: Float[np.ndarray, "member condition time species"],
    measured: Values,
    noise_sd: float,
    variance: Float[np.ndarray, " species"],
) -> Float[np.ndarray, " species"]:
    """b_v of Eq. (1); predicted is NaN where a member had drawn the condition. variance: of members."""
    out_of_bag = np.square(predicted - measured)
    known = np.isfinite(out_of_bag)
    mean = np.where(known, out_of_bag, 0.0).sum((0, 1, 2)) / known.sum((0, 1, 2)).clip(1)
    return np.sqrt((mean - noise_sd**2 - variance).clip(0.0))


def band(members: int) -> float:
    """Sd either side of the mean that hold 90 % of what one more member would say: Student's t, few members, wide."""
    return float(student_t.ppf((1 + HELD) / 2, members - 1) * np.sqrt(1 + 1 / members))


def coverage(true: Values, mean: Values, half_width: Values) -> float:
    """Fraction of true values no farther from the mean than half_width; 0.9 if the intervals are honest."""
    return float((np.abs(true - mean) <= half_width).mean())
