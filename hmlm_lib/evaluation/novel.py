"""Which test combinations of task B are new as sets of inputs, and not by their levels alone.

Training and test combinations are drawn independently of each other, levels anew each time: a third to two fifths of
the test combinations step the same inputs as some training condition does. All are scored; those whose set of inputs
no training condition has, with or without a knock-out, are scored again by themselves.
"""

from functools import cache

import numpy as np
from jaxtyping import Bool, Float

from hmlm_lib.evaluation.tasks import Size, plans
from hmlm_lib.evaluation.worlds import draw_world
from hmlm_lib.network import load_network

MEASURE = "B/mse_new"


@cache
def never_combined(seed: int) -> Bool[np.ndarray, " condition"]:
    """Test combinations of a seed's world, in order: True where no training condition steps the same set of inputs.

    The same for every setting of tasks B and C, which share their experiments.
    """
    world = draw_world(load_network("fibroblast-core"), seed)
    *train, test, _, _ = plans(world, seed, Size())
    shown = {inputs for _, stimulus, _ in train for inputs in _sets(stimulus, world.baseline)}
    return np.array([inputs not in shown for inputs in _sets(test[1], world.baseline)])


def _sets(stimulus: Float[np.ndarray, "condition species"], baseline: Float[np.ndarray, " species"]) -> list[bytes]:
    return [(row != baseline).tobytes() for row in stimulus]


def with_new(row: dict) -> dict:
    """A row of task B with the mean error of the combinations that are new as sets of inputs; another as it is."""
    errors, new = np.array(row["values"].get("B/by_condition", ())), never_combined(row["seed"])
    if errors.shape != new.shape:
        return row
    return row | {"values": row["values"] | {MEASURE: float(f"{errors[new].mean():.4g}")}}
