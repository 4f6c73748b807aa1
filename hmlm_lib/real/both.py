"""The mean of two processes: `gp.py` shares data between cell lines, `alike.py` knows the treatments of one."""

from hmlm_lib.real import alike, gp
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.protocols import Values


def predict(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """log2 of the shown conditions at all times."""
    return (gp.all_lines(train, shown, elsewhere) + alike.predict(train, shown, elsewhere)) / 2
