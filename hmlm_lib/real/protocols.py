"""Questions to ask of real time courses. Splits are by condition; the test is scored where nothing was shown.

| protocol | held out | shown of it | asked |
|---|---|---|---|
| inhibitor | all conditions of one inhibitor | the start | 5 to 240 min |
| fivefold | a fifth of the conditions | the start | 5 to 240 min |
| sparse4 | a fifth of the conditions | 0, 15, 60, 240 min | 5, 30, 120 min |
| sparse4_inhibitor | all conditions of one inhibitor | 0, 15, 60, 240 min | 5, 30, 120 min |
| sparse3 | a fifth of the conditions | 0, 30, 240 min | 5, 15, 60, 120 min |

Score: root mean square error in log2 units for every signal, mean over signals, then over cell lines. Ours; the score
of the challenge cannot be computed from public files.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hmlm_lib.errors import ExperimentError, ModelError, did_you_mean
from hmlm_lib.real.courses import NONE, Courses

Values = Float[np.ndarray, "condition time signal"]
# (conditions of the line to learn from, conditions asked about with what is shown, other lines) -> log2 of the second
Model = Callable[[Courses, Courses, tuple[Courses, ...]], Values]
FOLDS = 5


@dataclass(frozen=True)
class Protocol:
    """shown: times, by index, that are seen of a test condition; by_inhibitor: what a fold is."""

    shown: tuple[int, ...]
    by_inhibitor: bool


PROTOCOLS = {
    "inhibitor": Protocol((0,), True),
    "fivefold": Protocol((0,), False),
    "sparse4": Protocol((0, 2, 4, 6), False),
    "sparse4_inhibitor": Protocol((0, 2, 4, 6), True),
    "sparse3": Protocol((0, 3, 6), False),
}


def protocol(name: str) -> Protocol:
    """A protocol by name; ExperimentError with the nearest name otherwise."""
    if name not in PROTOCOLS:
        raise ExperimentError(f"no protocol {name!r}{did_you_mean(name, PROTOCOLS)}; allowed: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def folds(courses: Courses, wanted: Protocol, seed: int) -> Iterator[Bool[np.ndarray, " condition"]]:
    """Masks of the test conditions: one an inhibitor, or five drawn by the seed."""
    if wanted.by_inhibitor:
        inhibitor = np.array(courses.inhibitor)
        for name in sorted(set(inhibitor) - {NONE}):
            yield inhibitor == name
        return
    part = np.random.default_rng((seed, 12)).permutation(len(courses)) % FOLDS
    for fold in range(FOLDS):
        yield part == fold


def predicted(model: Model, courses: Courses, elsewhere: Sequence[Courses], wanted: Protocol, seed: int) -> Values:
    """Every test condition predicted by a model that did not see it; NaN for conditions that are in no test.

    ModelError where a model leaves out what is asked: a gap would not be scored. ExperimentError for a fold that leaves
    no condition to learn from.
    """
    found = np.full_like(courses.log2, np.nan)
    asked = [t for t in range(len(courses.times)) if t not in wanted.shown]
    for test in folds(courses, wanted, seed):
        if test.all():
            raise ExperimentError(
                f"{courses.line}: a fold tests all {len(courses)} conditions, none is left to learn from"
            )
        shown = courses.take(test).shown_at(wanted.shown)
        said = model(courses.take(~test), shown, tuple(elsewhere))
        if not np.isfinite(said[:, asked]).all():
            raise ModelError(f"{courses.line}: a prediction has gaps; allowed: a number for all that is asked")
        found[test] = said
    return found


def squared_errors(said: Values, courses: Courses, wanted: Protocol) -> Float[np.ndarray, "condition signal"]:
    """Mean over the asked times, of tested conditions; NaN where nothing was measured at any of them."""
    asked = [t for t in range(len(courses.times)) if t not in wanted.shown]
    tested = ~np.isnan(said[:, asked]).all((1, 2))
    error = np.square(said - courses.log2)[tested][:, asked]
    count = (~np.isnan(error)).sum(1)
    return np.where(count > 0, np.nansum(error, 1) / np.maximum(count, 1), np.nan)


def rmse(errors: Float[np.ndarray, "condition signal"]) -> float:
    """Root of the mean over conditions, mean over signals; signals that were never measured do not count."""
    measured = ~np.isnan(errors).all(0)
    return float(np.sqrt(np.nanmean(errors[:, measured], 0)).mean())
