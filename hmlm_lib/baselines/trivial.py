"""Models that anything must beat: persistence, the mean of the training trajectories, additive single effects."""

import numpy as np

from hmlm_lib.baselines.protocol import Learned, asked, filled, through, treatment
from hmlm_lib.experiments import Experiments


class Persistence:
    """Nothing ever changes: y(t) = y(0)."""

    n_parameters = 0

    def fit(self, experiments: Experiments) -> "Persistence":
        return self

    def predict(self, experiments: Experiments, times_h: np.ndarray | None = None) -> np.ndarray:
        return np.repeat(experiments.y0[:, None], len(asked(experiments, times_h)), axis=1)


class Mean(Learned):
    """The mean training trajectory, whatever is asked."""

    def fit(self, experiments: Experiments) -> "Mean":
        self.learns(experiments)
        self.seen_h, self.values = experiments.times_h, filled(experiments).mean(0, keepdims=True)
        self.n_parameters = self.values.size
        return self

    def predict(self, experiments: Experiments, times_h: np.ndarray | None = None) -> np.ndarray:
        times = self.asked(experiments, times_h)
        return through(self.seen_h, np.repeat(self.values, len(experiments), axis=0), experiments.y0, times)


class Additive(Learned):
    """Every stimulus adds the effect it has alone, in proportion to its level; learned from single stimuli only."""

    def fit(self, experiments: Experiments) -> "Additive":
        self.learns(experiments)
        level = treatment(experiments)[:, : int(experiments.network.arrays.has_input.sum())]
        base = np.array([_most_common(column) for column in level.T])
        moved = np.abs(level - base) > 1e-9
        alone = experiments.wild_type & (moved.sum(1) <= 1)
        control = alone & ~moved.any(1)
        values = filled(experiments)
        start = values[control].mean(0) if control.any() else np.repeat(experiments.y0[:1], len(values[0]), axis=0)
        slope = np.zeros((level.shape[1], *start.shape))
        for i in range(level.shape[1]):
            rows = alone & moved[:, i]
            if rows.any():
                slope[i] = np.mean(
                    [(values[r] - start) / (level[r, i] - base[i]) for r in np.flatnonzero(rows)], axis=0
                )
        self.seen_h, self.base, self.start, self.slope = experiments.times_h, base, start, slope
        self.n_parameters = slope.size + start.size
        return self

    def predict(self, experiments: Experiments, times_h: np.ndarray | None = None) -> np.ndarray:
        times = self.asked(experiments, times_h)
        level = treatment(experiments)[:, : len(self.base)] - self.base
        values = (self.start + np.einsum("ci,its->cts", level, self.slope)).clip(0, 1)
        return through(self.seen_h, values, experiments.y0, times)


def _most_common(values: np.ndarray) -> float:
    """The level an input has in most experiments: its baseline."""
    found, count = np.unique(values, return_counts=True)
    return float(found[count.argmax()])
