"""Linear maps from one time to the next: linear dynamics with control, graph-masked ridge, dynamic Bayesian network.

    y(s + 1) = A y(s) + B u + c        on a grid that is uniform in log(1 + t)

Training trajectories are brought to the grid by PCHIP through y0 and the measured points. A knocked-out species is set
to factor x its prediction at every step.
"""

import numpy as np
from jaxtyping import Bool, Float
from sklearn.linear_model import BayesianRidge, RidgeCV

from hmlm_lib.baselines.protocol import Learned, filled, through
from hmlm_lib.experiments import Experiments

GRID = 16


class LinearDynamics(Learned):
    """A and B dense (`masked=False`) or with the network's edges only; `bayesian` chooses the ridge by evidence."""

    def __init__(self, masked: bool = False, bayesian: bool = False, grid: int = GRID):
        self.masked, self.bayesian, self.grid = masked, bayesian, grid

    def fit(self, experiments: Experiments) -> "LinearDynamics":
        self.learns(experiments)
        arrays = experiments.network.arrays
        self.grid_h = np.expm1(np.linspace(0.0, np.log1p(experiments.times_h[-1]), self.grid))
        course = through(experiments.times_h, filled(experiments), experiments.y0, self.grid_h)
        size = course.shape[2]
        before, after = course[:, :-1].reshape(-1, size), course[:, 1:].reshape(-1, size)
        given = np.repeat(experiments.stimulus[:, arrays.has_input], self.grid - 1, axis=0)
        touched = np.repeat(experiments.factor, self.grid - 1, axis=0) == 1
        allowed = self._allowed(experiments)
        rows = np.concatenate([before, given], axis=1)
        self.weight, self.bias = np.zeros((rows.shape[1], size)), np.zeros(size)
        for species in range(size):
            columns, use = allowed[:, species], touched[:, species]
            if not use.any():  # knocked out in every experiment: what it would do is not known, so it stays
                self.weight[species, species] = 1.0
                continue
            model = BayesianRidge() if self.bayesian else RidgeCV(alphas=np.logspace(-4, 2, 13))
            model.fit(rows[use][:, columns], after[use, species])
            self.weight[columns, species], self.bias[species] = model.coef_, model.intercept_
        self.n_parameters = int(allowed.sum()) + size
        return self

    def _allowed(self, experiments: Experiments) -> Bool[np.ndarray, "feature species"]:
        """Which features a species' next value may depend on: itself, its regulators, its own input."""
        arrays = experiments.network.arrays
        size, inputs = len(arrays.tau), np.flatnonzero(arrays.has_input)
        if not self.masked:
            return np.ones((size + len(inputs), size), dtype=bool)
        allowed = np.zeros((size + len(inputs), size), dtype=bool)
        allowed[np.arange(size), np.arange(size)] = True
        allowed[arrays.source, arrays.product[arrays.reaction]] = True
        allowed[size + np.arange(len(inputs)), inputs] = True
        return allowed

    def predict(
        self, experiments: Experiments, times_h: np.ndarray | None = None
    ) -> Float[np.ndarray, "condition time species"]:
        times = self.asked(experiments, times_h)
        given = experiments.stimulus[:, experiments.network.arrays.has_input]
        y, course = experiments.y0, []
        for _ in range(self.grid - 1):
            y = experiments.factor * (np.concatenate([y, given], axis=1) @ self.weight + self.bias).clip(0, 1)
            course.append(y)
        return through(self.grid_h[1:], np.stack(course, axis=1), experiments.y0, times)
