"""Treatments that are asked about and of which nothing was learned: misspelt ones, and new ones."""

import numpy as np
from jaxtyping import Bool

from hmlm_lib.errors import did_you_mean
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.drugs import drugs_of


def strangers(courses: Courses, asked: Bool[np.ndarray, " condition"]) -> list[str]:
    """A line for every stimulus and drug of a condition asked about that no other condition has."""
    lines = []
    for what, names in _given(courses).items():
        wanted, seen = _names(names, asked), _names(names, ~asked)
        lines += [
            f"{what} {name!r} was measured at every time in no condition{did_you_mean(name, seen)}; its intervals are "
            "those of known ones, and too narrow"
            for name in wanted
            if name not in seen
        ]
    return lines


def notes(courses: Courses, asked: Bool[np.ndarray, " condition"]) -> list[str]:
    """For every condition what its intervals leave out: that it has such a stimulus or drug; "" for known ones."""
    new: list[list[str]] = [[] for _ in courses.stimulus]
    for names in _given(courses).values():
        seen = _names(names, ~asked)
        for found, many in zip(new, names, strict=True):
            found += [name for name in many if name not in seen]
    return [f"interval of known treatments: too narrow for {', '.join(names)}" if names else "" for names in new]


def _given(courses: Courses) -> dict[str, list[tuple[str, ...]]]:
    """Stimuli and drugs of every condition."""
    return {"stimulus": [(name,) for name in courses.stimulus], "drug": drugs_of(courses.inhibitor)}


def _names(names: list[tuple[str, ...]], of: Bool[np.ndarray, " condition"]) -> dict[str, None]:
    """Those of some conditions, each once."""
    return dict.fromkeys(one for many, flag in zip(names, of, strict=True) if flag for one in many)
