"""Numbers that notebooks report: flat keys `notebook/task/model/measure`, each with mean, spread and count."""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hmlm_lib.errors import HmlmError
from hmlm_lib.files import as_json, read_json, write_whole

FILE_VARIABLE = "HMLM_METRICS_FILE"  # set by the runner for each notebook it executes
KEY = re.compile(r"\d\d_\w+(/[\w+.-]+){3}")


def record(key: str, values: float | Sequence[float]) -> dict[str, float]:
    """Report a number, or one a seed, under `notebook/task/model/measure`.

    Returns `entry`. Under the runner it also goes to reports/<profile>/metrics.json; in Jupyter nothing is written.
    """
    found = entry(key, values)
    if os.environ.get(FILE_VARIABLE):
        path = Path(os.environ[FILE_VARIABLE])
        write_whole(path, as_json((read_json(path) or {}) | {key: found}))
    return found


def entry(key: str, values: float | Sequence[float]) -> dict[str, float]:
    """Mean, sd (of the sample; 0 for one value) and n of what stands under a key.

    HmlmError for a key of another form, no value, NaN or infinity.
    """
    if not KEY.fullmatch(key):
        raise HmlmError(f"metric {key!r}; allowed: 'NN_notebook/task/model/measure'")
    numbers = np.atleast_1d(np.asarray(values, dtype=float))
    if numbers.ndim != 1 or len(numbers) == 0 or not np.isfinite(numbers).all():
        raise HmlmError(f"metric {key!r} is {values!r}; allowed: finite numbers, at least one")
    sd = float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
    return {"mean": _round(float(numbers.mean())), "sd": _round(sd), "n": len(numbers)}


def _round(value: float, digits: int = 6) -> float:
    return value if value == 0 else round(value, digits - 1 - math.floor(math.log10(abs(value))))
