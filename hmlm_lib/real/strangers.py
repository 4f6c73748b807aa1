"""Treatments that are asked about and of which nothing was learned: misspelt ones, and new ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from hmlm_lib.errors import did_you_mean
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.drugs import drugs_of


@dataclass(frozen=True, eq=False)
class Asked:
    """Conditions that are asked about together, and those that their model learns from, by position."""

    conditions: Int[np.ndarray, " asked"]
    learned: Int[np.ndarray, " learned"]


def strangers(courses: Courses, parts: Iterable[Asked]) -> list[str]:
    """A line for every stimulus and drug asked about that no condition its model learns from has."""
    lines = (
        f"{what} {name!r} is in no condition that is learned from{did_you_mean(name, seen)}; its intervals are those "
        "of known ones, and too narrow"
        for _, what, name, seen in _unseen(courses, parts)
    )
    return list(dict.fromkeys(lines))


def notes(courses: Courses, parts: Iterable[Asked]) -> list[str]:
    """For every condition what its intervals leave out: that it has such a stimulus or drug; "" for known ones."""
    new: list[list[str]] = [[] for _ in courses.stimulus]
    for condition, _, name, _ in _unseen(courses, parts):
        new[condition].append(name)
    return [f"interval of known treatments: too narrow for {', '.join(names)}" if names else "" for names in new]


def _unseen(courses: Courses, parts: Iterable[Asked]) -> Iterator[tuple[int, str, str, dict[str, None]]]:
    """Condition, `stimulus` or `drug`, its name, and the names that are learned from, of which it is none."""
    given = {"stimulus": [(name,) for name in courses.stimulus], "drug": drugs_of(courses.inhibitor)}
    for part in parts:
        for what, names in given.items():
            seen = dict.fromkeys(name for condition in part.learned for name in names[condition])
            for condition in part.conditions:
                yield from ((condition, what, name, seen) for name in names[condition] if name not in seen)
