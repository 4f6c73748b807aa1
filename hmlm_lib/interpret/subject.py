"""What an explanation can be asked of: a knock-out is asked of anything that predicts, all else of an HMLM."""

import numpy as np

from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments, same_species, warn_beyond
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.hmlm.transducer import time_grid


def hmlm_only(model: object, what: str, experiments: Experiments | None = None) -> None:
    """ModelError, naming the explanation (what), for a model that is no HMLM, or experiments on other species."""
    if not isinstance(model, HMLM):
        raise ModelError(f"{what} explains an HMLM; {type(model).__name__} has no attention: allowed: knockout")
    if experiments is not None:
        same_species(model.network, experiments)


def grid_until(model: HMLM, time_h: float) -> np.ndarray:
    """The model's steps up to the time of an explanation; ExperimentError for a time that is none."""
    return time_grid(float(check_times([time_h])[0]), model.config.grid)


def grid_over(model: HMLM, experiments: Experiments) -> np.ndarray:
    """Its steps over the times of experiments, as `predict` takes them; warns beyond what it was trained on."""
    warn_beyond(experiments.times_h, model.horizon_h)
    return time_grid(max(model.horizon_h, float(experiments.times_h[-1])), model.config.grid)
