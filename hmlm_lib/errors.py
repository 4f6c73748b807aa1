"""Every error the library raises on purpose, and the sentence that helps a typo.

One base class, so that `except HmlmError` catches what a user can mend; the message always names the
file, row, species or parameter at fault and what is allowed.
"""

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from numbers import Integral, Real
from typing import TypeVar

Value = TypeVar("Value")


class HmlmError(Exception):
    """Something the caller can mend: bad input, missing data, a run that cannot start."""


class RuleError(HmlmError, ValueError):
    """A reaction rule that cannot be read."""


class TableError(HmlmError, ValueError):
    """A file whose sheets, columns, rows or values are not what its format asks for."""


class NetworkError(HmlmError, ValueError):
    """A network that contradicts itself: unknown or duplicate species, parameters out of range."""


class ExperimentError(HmlmError, ValueError):
    """A stimulus, knock-out, time grid or parameter that the simulator cannot run."""


class FeatureError(HmlmError, ValueError):
    """Times or trajectories from which no feature can be computed."""


class ModelError(HmlmError, ValueError):
    """A model configuration, checkpoint or experiment that a model cannot use."""


class TrainingError(HmlmError, RuntimeError):
    """Training that diverged; the last good state is kept."""


class MoleculeError(HmlmError, ValueError):
    """Molecules, fingerprints or modalities that cannot be used as asked."""


class SequenceError(HmlmError, ValueError):
    """Sequences, tokens or pairs of molecules that a language model or a split cannot use."""


class DataUnavailable(HmlmError, OSError):
    """A data set that is neither in HMLM_DATA_DIR, nor cached, nor downloadable now."""


class OutOfMemory(HmlmError, MemoryError):
    """The smallest piece of work that can be done does not fit into memory."""


class RunError(HmlmError, RuntimeError):
    """A notebook run that cannot start or did not finish."""


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """The nearest allowed name as a phrase: `" (did you mean 'smad3'?)"`, or "" if none is near."""
    names = [str(candidate) for candidate in allowed]
    folded = {candidate.casefold(): candidate for candidate in names}
    near = get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def pick(
    table: Mapping[str, Value], name: str, what: str, error: type[HmlmError] = ModelError, where: str = ""
) -> Value:
    """table[name]; an error with the nearest and all names otherwise. what, where: words around the name in it."""
    if name not in table:
        place = f" {where}" if where else ""
        raise error(f"no {what} {name!r}{place}{did_you_mean(name, table)}; allowed: {', '.join(table)}")
    return table[name]


def interval(low: float, high: float, closed: bool = True) -> str:
    """What is allowed, written `[0, 1]`, or `(0, 1)` where the ends are not; infinity is never in it."""
    left, right = "[" if closed else "(", "]" if closed and high < math.inf else ")"
    return f"{left}{low:g}, {high:g}{right}"


def check_whole(value: object, name: str, least: int, error: type[HmlmError]) -> None:
    """error unless value is a whole number, `least` or more."""
    if not isinstance(value, Integral) or value < least:
        raise error(f"{name} is {value!r}; allowed: a whole number, {least} or more")


def check_finite(value: object, name: str, error: type[HmlmError], above: bool = False) -> None:
    """error unless value is a finite number, 0 or more; above: more than 0."""
    if not isinstance(value, Real) or not 0 <= value < math.inf or (above and value == 0):
        raise error(f"{name} is {value!r}; allowed: {'above 0' if above else '0 or more'}, finite")


def check_heads(width: int, heads: int, error: type[HmlmError]) -> None:
    """error for a width that the heads of an attention cannot share."""
    if width % heads:
        raise error(f"width is {width}; allowed: a multiple of heads = {heads}")


def is_pair(value: object, least: int) -> bool:
    """Whether value is two whole numbers, each `least` or more."""
    pair = isinstance(value, tuple | list) and len(value) == 2
    return pair and all(isinstance(one, Integral) and one >= least for one in value)


def check_pair(value: object, name: str, least: int, error: type[HmlmError]) -> None:
    """error unless value is two whole numbers, each `least` or more."""
    if not is_pair(value, least):
        raise error(f"{name} is {value!r}; allowed: two whole numbers, {least} or more")


def check_chance(value: object, name: str, error: type[HmlmError]) -> None:
    """error unless value is a chance that leaves something: 0 or more, below 1."""
    if not isinstance(value, Real) or not 0 <= value < 1:
        raise error(f"{name} is {value!r}; allowed: 0 or more, below 1")
