"""Which seeds the study's generators take."""

from numbers import Integral

from hmlm_lib.errors import HmlmError

LARGEST_SEED = 2**32 - 1  # scikit-learn takes no larger one


def check_seed(seed: object, error: type[HmlmError]) -> None:
    """`error` for a seed that some generator of the study refuses, or that is no integer."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed <= LARGEST_SEED:
        raise error(f"seed {seed!r}; allowed: 0 to {LARGEST_SEED}, an integer")
