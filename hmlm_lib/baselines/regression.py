"""Regression from what was done to what was seen: ridge, Gaussian process, random forest, gradient boosting.

Inputs are stimulus levels and knock-out indicators; outputs all species at all observed times. A knock-out that was
never seen is a column of zeros to them, so they cannot predict its effect: that is what task C asks.
"""

import warnings

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from hmlm_lib.baselines.protocol import Learned, filled, through, treatment
from hmlm_lib.experiments import Experiments


def _nothing(experiments: Experiments, times_h: np.ndarray) -> np.ndarray:
    """The forecast of no condition: scikit-learn refuses to be asked."""
    return np.zeros((0, len(times_h), experiments.y0.shape[1]))


class Regression(Learned):
    """Any scikit-learn regressor of several outputs, from `treatment` to the change from y0 at the seen times."""

    def __init__(self, regressor: object, count: int | None = None):
        self.regressor, self.count = regressor, count

    def fit(self, experiments: Experiments) -> "Regression":
        self.learns(experiments)
        self.seen_h = experiments.times_h
        change = filled(experiments) - experiments.y0[:, None]
        self.scale = StandardScaler().fit(treatment(experiments))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its bound is an answer too
            self.regressor.fit(self.scale.transform(treatment(experiments)), change.reshape(len(change), -1))
        return self

    @property
    def n_parameters(self) -> int:
        """Coefficients of a linear model, nodes of trees, stored numbers of a Gaussian process."""
        model = self.regressor
        if hasattr(model, "coef_"):
            return model.coef_.size + model.intercept_.size
        if hasattr(model, "estimators_"):
            return sum(tree.tree_.node_count for tree in model.estimators_)
        return model.alpha_.size

    def predict(self, experiments: Experiments, times_h: np.ndarray | None = None) -> np.ndarray:
        times = self.asked(experiments, times_h)
        if not len(experiments):
            return _nothing(experiments, times)
        change = self.regressor.predict(self.scale.transform(treatment(experiments)))
        values = experiments.y0[:, None] + change.reshape(len(experiments), len(self.seen_h), -1)
        return through(self.seen_h, values.clip(0, None), experiments.y0, times)


def ridge(seed: int = 0) -> Regression:
    """Ridge; its strength by leave-one-out on the training experiments."""
    return Regression(RidgeCV(alphas=np.logspace(-2, 3, 16)))


def gaussian_process(seed: int = 0) -> Regression:
    """Gaussian process with a squared-exponential kernel over the treatment; kernel by marginal likelihood."""
    kernel = RBF(5.0, (0.5, 100.0)) + WhiteKernel(0.1, (1e-4, 1.0))
    return Regression(GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed, n_restarts_optimizer=1))


def random_forest(seed: int = 0, trees: int = 300, features: float = 0.5) -> Regression:
    """Random forest of all outputs at once."""
    return Regression(RandomForestRegressor(trees, max_features=features, min_samples_leaf=2, random_state=seed))


class Boosting(Learned):
    """Gradient boosting of each species' change, with log(1 + t) among the features."""

    def __init__(self, seed: int = 0, rounds: int = 150, leaves: int = 8, rate: float = 0.1):
        self.seed, self.rounds, self.leaves, self.rate = seed, rounds, leaves, rate

    @staticmethod
    def _rows(experiments: Experiments, times_h: np.ndarray) -> np.ndarray:
        done = treatment(experiments)
        clock = np.tile(np.log1p(times_h), len(done))[:, None]
        return np.concatenate([np.repeat(done, len(times_h), axis=0), clock], axis=1)

    def fit(self, experiments: Experiments) -> "Boosting":
        self.learns(experiments)
        rows = self._rows(experiments, experiments.times_h)
        change = (filled(experiments) - experiments.y0[:, None]).reshape(len(rows), -1)
        self.models = [self._one(rows, column) for column in change.T]
        self.n_parameters = sum(len(p[0].nodes) for m in self.models for p in m._predictors)
        return self

    def _one(self, rows: np.ndarray, column: np.ndarray) -> HistGradientBoostingRegressor:
        model = HistGradientBoostingRegressor(
            max_iter=self.rounds, max_leaf_nodes=self.leaves, learning_rate=self.rate, random_state=self.seed
        )
        return model.fit(rows, column)

    def predict(self, experiments: Experiments, times_h: np.ndarray | None = None) -> np.ndarray:
        times = self.asked(experiments, times_h)
        if not len(experiments):
            return _nothing(experiments, times)
        rows = self._rows(experiments, times)
        change = np.stack([model.predict(rows) for model in self.models], axis=1)
        found = experiments.y0[:, None] + change.reshape(len(experiments), len(times), -1)
        return np.where((times == 0)[None, :, None], experiments.y0[:, None], found)
