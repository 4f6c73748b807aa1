"""What an explanation can be asked of: a knock-out is asked of anything that predicts, all else of an HMLM."""

import numpy as np

from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.errors import ModelError
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.hmlm.transducer import time_grid


def hmlm_only(model: object, what: str) -> None:
    """ModelError, naming the explanation (what), for a model that is no HMLM."""
    if not isinstance(model, HMLM):
        raise ModelError(f"{what} explains an HMLM; {type(model).__name__} has no attention: allowed: knockout")


def grid_until(model: HMLM, time_h: float) -> np.ndarray:
    """The model's steps up to the time of an explanation; SimulationError for a time that is none."""
    return time_grid(float(check_times([time_h])[0]), model.config.grid)
