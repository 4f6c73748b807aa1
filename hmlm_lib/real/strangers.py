"""Treatments that are asked about and of which nothing was learned: misspelt ones, and new ones."""

from collections.abc import Iterable
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
    lines: dict[str, None] = {}
    for part in parts:
        for what, names in _given(courses).items():
            wanted, seen = _names(names, part.conditions), _names(names, part.learned)
            lines |= {
                f"{what} {name!r} is in no condition that is learned from{did_you_mean(name, seen)}; its intervals are "
                "those of known ones, and too narrow": None
                for name in wanted
                if name not in seen
            }
    return list(lines)


def notes(courses: Courses, parts: Iterable[Asked]) -> list[str]:
    """For every condition what its intervals leave out: that it has such a stimulus or drug; "" for known ones."""
    new: list[list[str]] = [[] for _ in courses.stimulus]
    for part in parts:
        for names in _given(courses).values():
            seen = _names(names, part.learned)
            for condition in part.conditions:
                new[condition] += [name for name in names[condition] if name not in seen]
    return [f"interval of known treatments: too narrow for {', '.join(names)}" if names else "" for names in new]


def _given(courses: Courses) -> dict[str, list[tuple[str, ...]]]:
    """Stimuli and drugs of every condition."""
    return {"stimulus": [(name,) for name in courses.stimulus], "drug": drugs_of(courses.inhibitor)}


def _names(names: list[tuple[str, ...]], of: Int[np.ndarray, " some"]) -> dict[str, None]:
    """Those of some conditions, each once."""
    return dict.fromkeys(name for condition in of for name in names[condition])
