"""The paper's four conditions in a world of the benchmark: control, TGF-beta, strain, both."""

import numpy as np

from hmlm_lib.baselines import Model
from hmlm_lib.dynamics.protocols import four_conditions
from hmlm_lib.evaluation.score import correlation
from hmlm_lib.evaluation.tasks import SCORED
from hmlm_lib.evaluation.worlds import World
from hmlm_lib.experiments import Experiments
from hmlm_lib.network.network import SignalingNetwork


def paper_conditions(world: World, network: SignalingNetwork) -> Experiments:
    """The truth at the scored times, from rest; network: what the models know."""
    conditions = four_conditions(world.network)
    stimulus = np.tile(world.baseline, (len(conditions), 1))
    for row, condition in enumerate(conditions):
        for species, level in condition.stimulus.items():
            stimulus[row, world.network.index[species]] = level
    factor, y0 = np.ones_like(stimulus), np.tile(world.rest, (len(conditions), 1))
    names = tuple(condition.name for condition in conditions)
    activity = world.simulate(stimulus, factor, y0, SCORED)
    return Experiments(network, names, stimulus, factor, y0, SCORED, activity)


def change_correlations(model: Model, paper: Experiments) -> dict[str, float]:
    """Condition -> r of the predicted with the true change from rest; without control, in which nothing changes."""
    predicted, true = (values - paper.y0[:, None] for values in (model.predict(paper), paper.activity))
    return {name: correlation(predicted[[i]], true[[i]]) for i, name in enumerate(paper.names) if i}
