"""Simple predictions of real time courses; all are `protocols.Model`s and read what is shown of the test."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV

from hmlm_lib.real.courses import NONE, Courses
from hmlm_lib.real.protocols import Values

PENALTIES = np.logspace(-2, 3, 16)


def shown_times(shown: Courses) -> list[int]:
    """Times, by index, at which anything is shown."""
    return np.flatnonzero(~np.isnan(shown.log2).all((0, 2))).tolist()


def known_mean(values: Values) -> Float[np.ndarray, "time signal"]:
    """Mean over conditions of what was measured; a time at which nothing was: the mean of the signal's other times."""
    count = (~np.isnan(values)).sum(0)
    total = np.nansum(values, 0)
    found = total / np.maximum(count, 1)
    whole = total.sum(0) / np.maximum(count.sum(0), 1)
    return np.where(count > 0, found, whole)


def persistence(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """The value at the start."""
    return np.repeat(shown.log2[:, :1], len(shown.times), 1)


def mean_change(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """The start plus the mean change of the training conditions."""
    return shown.log2[:, :1] + known_mean(train.change)


def copy_uninhibited(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """The start plus the change that the same stimulus makes without inhibitor; else under any, else of all."""
    stimulus, inhibitor = np.array(train.stimulus), np.array(train.inhibitor)
    found, change = [], train.change
    for start, name in zip(shown.log2[:, :1], shown.stimulus, strict=True):
        same = stimulus == name
        plain = same & (inhibitor == NONE)
        rows = plain if plain.any() else same if same.any() else np.ones(len(train), bool)
        own = np.where(np.isnan(change[rows]).all(0), known_mean(change), known_mean(change[rows]))
        found.append(start + own)
    return np.stack(found)


def treatment(courses: Courses, stimuli: Sequence[str], inhibitors: Sequence[str]) -> Float[np.ndarray, "condition k"]:
    """One column a stimulus and an inhibitor."""
    columns = [np.array(courses.stimulus)[:, None] == np.array(stimuli)]
    columns.append(np.array(courses.inhibitor)[:, None] == np.array(inhibitors))
    return np.concatenate(columns, 1).astype(float)


def _treatments(train: Courses, shown: Courses) -> tuple[np.ndarray, np.ndarray]:
    names = [sorted({*getattr(train, n), *getattr(shown, n)}) for n in ("stimulus", "inhibitor")]
    return treatment(train, *names), treatment(shown, *names)


def _complete(values: Values) -> Values:
    """Unmeasured training values at the mean of the other conditions."""
    return np.where(np.isnan(values), known_mean(values), values)


def ridge(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """Change from the start by ridge on stimulus and inhibitor; the penalty by leave-one-out."""
    known, new = _treatments(train, shown)
    change = _complete(train.change).reshape(len(train), -1)
    said = RidgeCV(PENALTIES).fit(known, change).predict(new)
    return shown.log2[:, :1] + said.reshape(len(shown), *train.log2.shape[1:])


def forest(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """Change from the start by randomised trees on stimulus, inhibitor and the start itself."""
    known, new = (np.c_[t, c.log2[:, 0]] for t, c in zip(_treatments(train, shown), (train, shown), strict=True))
    change = _complete(train.change).reshape(len(train), -1)
    said = ExtraTreesRegressor(200, max_features=0.5, min_samples_leaf=2, random_state=0).fit(known, change)
    return shown.log2[:, :1] + said.predict(new).reshape(len(shown), *train.log2.shape[1:])


def _between(courses: Courses, values: Values, times: list[int], clock: Float[np.ndarray, " time"]) -> Values:
    """Straight lines through the given times; a signal that lacks one of them keeps to the others."""
    found = np.empty_like(values)
    for c, s in np.ndindex(values.shape[0], values.shape[2]):
        own = [t for t in times if not np.isnan(values[c, t, s])]
        found[c, :, s] = np.interp(clock, clock[own], values[c, own, s])
    return found


def linear(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """Straight lines in time through what is shown."""
    return _between(shown, shown.log2, shown_times(shown), shown.times)


def log_linear(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """Straight lines in log(1 + t) through what is shown."""
    return _between(shown, shown.log2, shown_times(shown), np.log1p(shown.times))


def log_linear_ridge(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """`log_linear` plus its error, learned for each signal by ridge on treatment and the shown changes."""
    times, clock = shown_times(shown), np.log1p(shown.times)
    known, new = _treatments(train, shown)
    whole = _complete(train.log2)
    miss = whole - _between(train, whole, times, clock)
    found = _between(shown, shown.log2, times, clock)
    seen, asked = _complete(train.change)[:, times[1:]], shown.change[:, times[1:]]
    asked = np.where(np.isnan(asked), known_mean(seen), asked)
    for s in range(len(shown.signals)):
        scale = seen[:, :, s].std(0) + 0.05 if len(times) > 1 else 1.0
        x, z = np.c_[known, seen[:, :, s] / scale], np.c_[new, asked[:, :, s] / scale]
        found[:, :, s] += RidgeCV(PENALTIES).fit(x, miss[:, :, s]).predict(z)
    return found
