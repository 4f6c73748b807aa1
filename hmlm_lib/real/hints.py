"""What speaks about a treatment before its course is seen: its own start, and what it does in other cell lines.

Three changes foretold for every signal, condition and time after the start, in log2 units, with W = .3 log2:

    f1 = -W tanh(d / W)    d: the start less the median start of the line's inhibitor treatments             Eq. (1)
    f2 =  W tanh(e / W)    e: what the inhibitor treatment changes in other lines, mean over stimuli, lines  Eq. (2)
    f3 =  e - f2

A start that was measured too high is followed by falls; where a drug moved it far, that is no error: hence the tanh.
Small effects in other lines are mostly noise, large ones come back: hence two parts. Ours.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hmlm_lib.real.courses import NONE, Courses, check_times_alike

SMALL = 0.3  # W
HINTS = 3

Hints = Float[np.ndarray, "hint condition time signal"]


def hints(courses: Courses, elsewhere: Sequence[Courses]) -> Hints:
    """f1, f2 and f3 at all times after the start; 0 where nothing is known."""
    effect = effects(courses, elsewhere)
    return np.stack([rebound(courses), _saturated(effect), effect - _saturated(effect)])


def _saturated(values: np.ndarray) -> np.ndarray:
    return SMALL * np.tanh(values / SMALL)


def rebound(courses: Courses) -> Float[np.ndarray, "condition time signal"]:
    """f1: the same at all times after the start."""
    treated = np.array(courses.inhibitor)
    mean = np.stack([courses.log2[treated == name, 0].mean(0) for name in dict.fromkeys(courses.inhibitor)])
    off = courses.log2[:, 0] - np.median(mean, 0)
    return np.repeat(-_saturated(off)[:, None], len(courses.times) - 1, 1)


def effects(courses: Courses, elsewhere: Sequence[Courses]) -> Float[np.ndarray, "condition time signal"]:
    """e of Eq. (2): 0 for a treatment or a signal that no other line has. ExperimentError for a line of other times."""
    check_times_alike([courses, *elsewhere])
    found = np.full((len(elsewhere), *courses.log2[:, 1:].shape), np.nan)
    for mean, other in zip(found, elsewhere, strict=True):
        shared = [name for name in courses.signals if name in other.signals]
        mine, theirs = ([c.signals.index(name) for name in shared] for c in (courses, other))
        for treatment in set(courses.inhibitor) & set(other.inhibitor):
            rows = np.flatnonzero(np.array(courses.inhibitor) == treatment)
            mean[np.ix_(rows, np.arange(mean.shape[1]), mine)] = effect(other, treatment)[:, theirs]
    return _mean(found)


def effect(courses: Courses, treatment: str) -> Float[np.ndarray, "time signal"]:
    """Change under an inhibitor treatment less that without one, mean over the stimuli that were given with both."""
    change = {
        pair: courses.change[k, 1:] for k, pair in enumerate(zip(courses.stimulus, courses.inhibitor, strict=True))
    }
    pairs = [
        change[stimulus, treatment] - change[stimulus, NONE]
        for stimulus in dict.fromkeys(courses.stimulus)
        if {(stimulus, treatment), (stimulus, NONE)} <= set(change)
    ]
    return _mean(np.stack(pairs)) if pairs else np.zeros(courses.log2.shape[1:])[1:]


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the first axis, of what is not NaN; 0 where nothing is."""
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(0) / np.maximum(known.sum(0), 1)
