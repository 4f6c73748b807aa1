"""Who regulates whom, from measurements alone: the classical methods, every pair scored [target, source].

All but correlation, partial correlation and Granger explain the same response, the drive that a species must have had
between two measured times if it relaxes with its published time constant, Eq. (1), from the activities of all species:

    D = (y_1 - exp(-h / tau) y_0) / (1 - exp(-h / tau)),    variance of its noise ~ 1 / (1 - exp(-h / tau))^2    Eq. (1)

Samples of a species while it is knocked out are left out for that target.

Sources: Ledoit and Wolf, J Multivar Anal 2004;88:365 (shrinkage); Huynh-Thu et al., PLoS ONE 2010;5:e12776 (GENIE3);
Granger, Econometrica 1969;37:424; Bonneau et al., Genome Biol 2006;7:R36 (the response). Ours: its exact form, Eq. (1).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import LassoLarsIC, RidgeCV

from hmlm_lib.baselines.protocol import filled
from hmlm_lib.errors import ModelError, check_finite, check_whole
from hmlm_lib.experiments import Experiments

Pairs = Float[np.ndarray, "target source"]
RIDGE_PENALTIES = np.logspace(-2, 3, 12)


class Samples(NamedTuple):
    """One row an interval between two measured times of one condition."""

    source: Float[np.ndarray, "sample source"]  # activities half-way, then levels of stimuli
    before: Float[np.ndarray, "sample species"]
    after: Float[np.ndarray, "sample species"]
    drive: Float[np.ndarray, "sample species"]
    weight: Float[np.ndarray, "sample species"]  # inverse variance of the drive, 0 where the target is knocked out

    def of(self, species: Sequence[int]) -> "Samples":
        """Some species alone, and all stimuli."""
        own, stimuli = list(species), list(range(self.before.shape[1], self.source.shape[1]))
        return Samples(self.source[:, own + stimuli], *(part[:, own] for part in self[1:]))


def measured(experiments: Experiments) -> tuple[Float[np.ndarray, "condition time species"], np.ndarray]:
    """Measured courses from rest on, gaps closed by straight lines, and their times; ModelError for no measurement."""
    if np.isnan(experiments.activity).all():
        raise ModelError("experiments without a measurement; allowed: at least one")
    values, times = filled(experiments), experiments.times_h
    if times[0] == 0:
        return values, times
    return np.concatenate([experiments.y0[:, None], values], 1), np.append(0.0, times)


def samples(experiments: Experiments, tau_h: Float[np.ndarray, "*axes species"]) -> Samples:
    """Eq. (1) over all intervals; the first begins at rest. tau_h: one a species, or [condition, interval, species]."""
    values, times = measured(experiments)
    left, right = values[:, :-1], values[:, 1:]
    decay = np.exp(-np.diff(times)[:, None] / tau_h)
    drive = (right - decay * left) / (1 - decay)
    weight = (1 - decay) ** 2 * (experiments.factor > 0)[:, None]
    held = experiments.stimulus[:, None, experiments.network.arrays.has_input]
    held = np.broadcast_to(held, (*left.shape[:2], held.shape[-1]))
    middle = np.concatenate([(left + right) / 2, held], -1)
    return Samples(*(x.reshape(-1, x.shape[-1]) for x in (middle, left, right, drive, weight)))


def common_tau(experiments: Experiments, candidates: tuple[float, ...], folds: int = 5) -> float:
    """Time constant of all species, in hours, that foretells the next point of unseen conditions best.

    By ridge from the other species before and the stimuli: with itself among the sources every tau would do as well.
    ModelError without candidates, for one that is not above 0, and unless folds are 2 to as many as conditions.
    """
    if not len(candidates):
        raise ModelError("no candidate time constant; allowed: at least one, in hours")
    for tau in candidates:
        check_finite(tau, "a candidate time constant", ModelError, above=True)
    check_whole(folds, "folds", 2, ModelError)
    if folds > len(experiments):
        raise ModelError(f"{folds} folds of {len(experiments)} conditions; allowed: 2 to {len(experiments)}")
    size = len(experiments.network.species_names)
    new = np.repeat(np.arange(len(experiments)) % folds, len(measured(experiments)[1]) - 1) == np.arange(folds)[:, None]
    errors = []
    for tau in candidates:
        s = samples(experiments, np.full(size, tau))
        x, error = _standard(np.concatenate([s.before, s.source[:, size:]], 1)), 0.0
        for v in range(size):
            others = np.delete(x, v, 1)
            for fold in new:
                ridge = RidgeCV(RIDGE_PENALTIES).fit(others[~fold], s.drive[~fold, v])
                error += (s.weight[fold, v] * (ridge.predict(others[fold]) - s.drive[fold, v]) ** 2).sum()
        errors.append(error)
    return candidates[int(np.argmin(errors))]


def _standard(x: Float[np.ndarray, "sample column"]) -> Float[np.ndarray, "sample column"]:
    sd = x.std(0)
    return (x - x.mean(0)) / np.where(sd > 1e-9, sd, np.inf)


def correlation(s: Samples) -> Pairs:
    """|Pearson r| at the same time; knows no direction."""
    z = _standard(s.after)
    return np.abs(z.T @ z) / len(z)


def partial_correlation(s: Samples) -> Pairs:
    """|r| given all other species, from a shrunken covariance; knows no direction."""
    precision = LedoitWolf(assume_centered=True).fit(_standard(s.after)).precision_
    scale = np.sqrt(np.diag(precision))
    return np.abs(precision / np.outer(scale, scale))


def granger(s: Samples) -> Pairs:
    """|partial r| of the source before and the target after, given the target before."""
    before, after = _standard(s.before), _standard(s.after)
    n = len(before)
    cross, own = after.T @ before / n, before.T @ before / n  # [target, source]
    stay = np.diag(cross)[:, None]
    top = cross - stay * own
    scale = np.sqrt(np.clip((1 - stay**2) * (1 - own**2), 1e-12, None))
    return np.abs(top / scale) * (1 - np.eye(len(own)))


def score_test(s: Samples) -> Pairs:
    """|r| of the source before and the drive that the target then needed: the score test of an edge, one at a time."""
    size = s.drive.shape[1]
    z = _standard(s.before)
    weight = s.weight / s.weight.sum(0)
    gap = s.drive - (weight * s.drive).sum(0)
    mean = weight.T @ z
    cross = (weight * gap).T @ z
    spread = np.sqrt(np.clip(weight.T @ z**2 - mean**2, 1e-12, None) * (weight * gap**2).sum(0)[:, None])
    return np.abs(cross) / np.where(spread > 1e-9, spread, np.inf) * (1 - np.eye(size))


def _by_target(s: Samples, fit: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Pairs:
    """Importance of every source, target by target; a species is no source of itself."""
    z, size = _standard(s.source), s.drive.shape[1]
    found = np.zeros((size, size))
    for v in range(size):
        rows = s.weight[:, v] > 0
        others: Bool[np.ndarray, " source"] = np.arange(z.shape[1]) != v
        importance = np.zeros(z.shape[1])
        importance[others] = fit(z[rows][:, others], s.drive[rows, v], s.weight[rows, v])
        found[v] = importance[:size]
    return found


def ridge(s: Samples) -> Pairs:
    """|coefficients|, penalty by generalised cross-validation."""

    def fit(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        return np.abs(RidgeCV(RIDGE_PENALTIES).fit(x, y, sample_weight=w).coef_)

    return _by_target(s, fit)


def lasso(s: Samples) -> Pairs:
    """|coefficients| along the LARS path, penalty by the Bayesian information criterion."""

    def fit(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        centred = [(v - np.average(v, axis=0, weights=w)).T * np.sqrt(w) for v in (x, y)]
        return np.abs(LassoLarsIC("bic", fit_intercept=False).fit(centred[0].T, centred[1]).coef_)

    return _by_target(s, fit)


def forest(s: Samples, trees: int = 60, seed: int = 0) -> Pairs:
    """GENIE3: importance in randomised trees, a third of the sources tried at every split; ModelError without trees."""
    check_whole(trees, "trees", 1, ModelError)

    def fit(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        model = ExtraTreesRegressor(trees, max_features=1 / 3, min_samples_leaf=3, random_state=seed)
        return model.fit(x, y, sample_weight=w).feature_importances_

    return _by_target(s, fit)


METHODS: dict[str, Callable[[Samples], Pairs]] = {
    "correlation": correlation,
    "partial correlation": partial_correlation,
    "Granger": granger,
    "score test": score_test,
    "ridge": ridge,
    "lasso": lasso,
    "GENIE3": forest,
}
