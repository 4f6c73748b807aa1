"""Treatments of real courses taken apart: which drugs an inhibitor treatment holds, and conditions side by side."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hmlm_lib.errors import ExperimentError
from hmlm_lib.real.courses import Courses, parts


def drugs_of(treatments: Sequence[str]) -> list[tuple[str, ...]]:
    """The drugs of every treatment, of `none` nothing.

    `Ai + Bi` holds A and B; so does `A_Bi` where A or B is given alone somewhere in `treatments`.
    """
    whole = {part.removesuffix("i") for name in treatments for part in parts(name)}

    def apart(name: str) -> list[str]:
        single = name.split("_")
        return single if len(single) > 1 and whole & set(single) else [name]

    drugs = [[drug for part in parts(name) for drug in apart(part.removesuffix("i"))] for name in treatments]
    return [tuple(dict.fromkeys(names)) for names in drugs]


def joined(*some: Courses) -> Courses:
    """Conditions of the same signals and times one after the other; ExperimentError where these differ."""
    first = some[0]
    for other in some[1:]:
        if other.signals != first.signals or not np.array_equal(other.times, first.times):
            raise ExperimentError(
                f"courses of {first.line} and {other.line}: signals or times differ; allowed: the same, in one order"
            )
    names = {n: tuple(x for c in some for x in getattr(c, n)) for n in ("stimulus", "inhibitor")}
    return replace(first, log2=np.concatenate([c.log2 for c in some]), **names)
