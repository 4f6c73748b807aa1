"""Any fitted baseline, and the one rule of a knock-out that needs no model: the species is silent, nothing else moves.

    y(t) of a species = factor x its forecast in the wild type, t > 0        (factor: on ymax, 0 for a knock-out)

A control for task C: a model that was never told what a knock-out is cannot be blamed for that alone.
"""

from dataclasses import replace

import numpy as np

from hmlm_lib.baselines.protocol import Learned, asked
from hmlm_lib.experiments import Experiments
from hmlm_lib.training import Training


class Zeroed:
    """model: fitted as ever, and asked about the wild type."""

    def __init__(self, model: Learned):
        self.model = model

    @property
    def n_parameters(self) -> int:
        return self.model.n_parameters

    @property
    def schedule(self) -> Training:
        """The model's own; AttributeError where it has none."""
        return self.model.schedule

    @schedule.setter
    def schedule(self, training: Training) -> None:
        self.model.schedule = training

    def fit(self, experiments: Experiments) -> "Zeroed":
        self.model.fit(experiments)
        return self

    def predict(self, experiments: Experiments, times_h: np.ndarray | None = None) -> np.ndarray:
        wild = replace(experiments, factor=np.ones_like(experiments.factor))
        said = experiments.factor[:, None] * self.model.predict(wild, times_h)
        at_start = asked(experiments, times_h) == 0
        return np.where(at_start[:, None], experiments.y0[:, None], said)
