"""The world itself as a model: no fair competitor, but the floor that every error of the table stands on."""

import numpy as np
from jaxtyping import Float

from hmlm_lib.baselines.protocol import asked
from hmlm_lib.evaluation.worlds import World
from hmlm_lib.experiments import Experiments


class Oracle:
    """Predicts by the simulator of its world, whatever the mechanism; nothing is learned."""

    n_parameters = 0

    def __init__(self, world: World):
        self.world = world

    def fit(self, experiments: Experiments) -> "Oracle":
        """Itself: there is nothing to learn."""
        return self

    def predict(
        self, experiments: Experiments, times_h: np.ndarray | None = None
    ) -> Float[np.ndarray, "condition time species"]:
        """Fractions of maximum at times_h (hours); exact but for the solver's steps, which end at the times asked."""
        e = experiments
        return self.world.simulate(e.stimulus, e.factor, e.y0, asked(e, times_h))
