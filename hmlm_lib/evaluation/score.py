"""How far a prediction is from the truth: over all species, over the markers, of the change, of an effect."""

import numpy as np
from jaxtyping import Float

from hmlm_lib.experiments import Experiments
from hmlm_lib.network import MARKERS

Values = Float[np.ndarray, "condition time species"]
Numbers = Float[np.ndarray, "*shape"]  # the whole cube, or the entries of it that count


def mse(predicted: Numbers, true: Numbers) -> float:
    """Mean squared error, activity squared."""
    return float(np.square(predicted - true).mean())


def by_condition(predicted: Values, true: Values) -> list[float]:
    """Mean squared error of every condition, to four digits."""
    return [float(f"{v:.4g}") for v in np.square(predicted - true).mean((1, 2))]


def correlation(predicted: Numbers, true: Numbers) -> float:
    """Pearson r over all entries; 0 where one of the two does not vary (a model that predicts no change)."""
    a, b = predicted.ravel() - predicted.mean(), true.ravel() - true.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 1e-12 else 0.0


def trajectory_scores(predicted: Values, truth: Experiments) -> dict[str, float]:
    """mse_all, mse_markers (the paper's, where the network has them) and r_change (of the change from y0)."""
    names = truth.network.species_names
    markers = [names.index(name) for name in MARKERS if name in names]
    scores = {
        "mse_all": mse(predicted, truth.activity),
        "r_change": correlation(predicted - truth.y0[:, None], truth.activity - truth.y0[:, None]),
    }
    if markers:
        scores["mse_markers"] = mse(predicted[:, :, markers], truth.activity[:, :, markers])
    return scores


def effect_scores(knocked_out: Values, wild: Values, truth: Experiments, companion: Experiments) -> dict[str, float]:
    """effect_mse and effect_r of (knock-out minus wild type) under the same stimuli.

    rest_: of the species whose ymax was not touched. On the others a rule does that knows nothing else: silent is
    silent, twice as strong is twice as strong.
    """
    effect, true = knocked_out - wild, truth.activity - companion.activity
    rest = np.broadcast_to((truth.factor == companion.factor)[:, None], true.shape)
    return {
        "effect_mse": mse(effect, true),
        "effect_r": correlation(effect, true),
        "rest_effect_mse": mse(effect[rest], true[rest]),
        "rest_effect_r": correlation(effect[rest], true[rest]),
    }
