"""What courses must hold, beside a start each, before models can learn from them and be judged."""

from collections.abc import Sequence

import numpy as np

from hmlm_lib.errors import TableError
from hmlm_lib.real.courses import Courses, parts


def check_signals(courses: Courses, where: str) -> None:
    """TableError, naming the table, for a signal without any later value, or one that is a stimulus too."""
    _check_later(courses, where)
    _check_names(courses, where)


def _check_later(courses: Courses, where: str) -> None:
    """Starts alone say nothing of what a signal does, and leave no error for its interval."""
    never = np.isnan(courses.log2[:, 1:]).all((0, 1))
    if never.any():
        raise TableError(
            f"{where}: signal {courses.signals[never.argmax()]!r} has no value after the first time, so nothing of it "
            "can be learned; allowed: a later value at least, or a table without this signal"
        )


def _check_names(courses: Courses, where: str) -> None:
    """HMLM has one species for one name, whatever its case: a stimulus is set, and what is set cannot be foretold."""
    given = {part.casefold(): part for name in courses.stimulus for part in parts(name)}
    for signal in courses.signals:
        if signal.casefold() in given:
            raise TableError(
                f"{where}: signal {signal!r} has the name of stimulus {given[signal.casefold()]!r}; allowed: "
                f"a name for each, such as '{signal} measured' for the signal"
            )


def check_judged(known: Courses, later: Sequence[int]) -> None:
    """TableError for a signal that no known condition has at the later times, by index: no error, so no interval."""
    never = np.isnan(known.log2[:, list(later)]).all((0, 1))
    if never.any():
        signal, times = known.signals[never.argmax()], ", ".join(f"{known.times[t]:g}" for t in later)
        raise TableError(
            f"{known.line}: signal {signal!r} has no value at {times} min in a condition measured at every time, so no "
            "error can be counted; allowed: one at least, or a table without this signal"
        )
