"""The mean of two processes: `gp.py` shares data between cell lines, `alike.py` knows the treatments of one."""

from collections.abc import Sequence

import numpy as np

from hmlm_lib.real import alike, gp
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.protocols import Values


def posterior(train: Courses, shown: Courses, elsewhere: Sequence[Courses] = ()) -> tuple[Values, Values]:
    """Mean and standard deviation of the shown conditions' change at all times, in log2 units.

    The two means are taken as an even mixture of Gaussians as wide as `alike.posterior` says, so that where they
    disagree the mixture is wider: its variance has a quarter of their squared distance more.
    """
    one, spread = alike.posterior(train, shown, elsewhere)
    other = gp.all_lines(train, shown, tuple(elsewhere)) - shown.log2[:, :1]
    return (one + other) / 2, np.sqrt(np.square(spread) + np.square(one - other) / 4)


def predict(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """log2 of the shown conditions at all times."""
    return shown.log2[:, :1] + posterior(train, shown, elsewhere)[0]
