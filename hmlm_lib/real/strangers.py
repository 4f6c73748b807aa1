"""Treatments that are asked about and of which nothing was learned: misspelt ones, and new ones."""

import numpy as np
from jaxtyping import Bool

from hmlm_lib.errors import did_you_mean
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.drugs import drugs_of


def strangers(courses: Courses, asked: Bool[np.ndarray, " condition"]) -> list[str]:
    """A line for every stimulus and drug of a condition asked about that no other condition has."""
    kinds = {"stimulus": [(name,) for name in courses.stimulus], "drug": drugs_of(courses.inhibitor)}
    lines = []
    for what, names in kinds.items():
        wanted, seen = (
            dict.fromkeys(one for many, flag in zip(names, asked, strict=True) if flag == side for one in many)
            for side in (True, False)
        )
        lines += [
            f"{what} {name!r} was measured at every time in no condition{did_you_mean(name, seen)}; its intervals are "
            "those of known ones, and too narrow"
            for name in wanted
            if name not in seen
        ]
    return lines
