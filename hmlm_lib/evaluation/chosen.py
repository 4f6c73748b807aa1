"""A model whose form is chosen in every world by training experiments that were held out; no test experiment is read.

    form = argmin_f  mean over held-out points of (f fitted to the rest - measured)^2                         Eq. (1)

The best form is then trained on all experiments. HMLM chooses between two: whole, and without hierarchy and edges off
the graph. The LEMBAS-like network, whose form the additive worlds have, chooses among the settings of its tuning.
"""

from copy import deepcopy

import numpy as np
from jaxtyping import Float

from hmlm_lib.baselines import Model
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments

HELD = 0.2  # of the training experiments
LEMBAS_BASE = {"steps": 400, "learning_rate": 2e-2}
LEMBAS: tuple[dict[str, float], ...] = (
    {},
    {"steps": 800, "learning_rate": 5e-2},
    {"steps": 800, "learning_rate": 1e-2},
    {"steps": 800, "weight_decay": 0.01},
)


class Chosen:
    """Candidates by name, not fitted yet; after `fit`: errors by name (Eq. 1), form, and the model itself."""

    def __init__(self, candidates: dict[str, Model], seed: int = 0):
        self.candidates, self.seed = candidates, seed

    def fit(self, experiments: Experiments) -> "Chosen":
        """Every candidate without the held-out experiments, the best on all. ModelError for a single experiment."""
        if len(experiments) < 2:
            raise ModelError(f"{len(experiments)} experiment to choose a form by; allowed: two or more")
        order = np.random.default_rng((self.seed, 53)).permutation(len(experiments))
        held, rest = np.split(order, [max(1, round(HELD * len(order)))])
        asked, shown = experiments.take(np.sort(held)), experiments.take(np.sort(rest))
        self.errors = {name: _error(deepcopy(model).fit(shown), asked) for name, model in self.candidates.items()}
        self.form = min(self.errors, key=self.errors.__getitem__)
        self.model = self.candidates[self.form].fit(experiments)
        self.n_parameters = self.model.n_parameters
        return self

    def predict(
        self, experiments: Experiments, times_h: np.ndarray | None = None
    ) -> Float[np.ndarray, "condition time species"]:
        """What the chosen form says."""
        return self.model.predict(experiments, times_h)


def _error(model: Model, experiments: Experiments) -> float:
    found = model.predict(experiments.without(), experiments.times_h)
    return float(np.nanmean(np.square(found - experiments.activity)))
