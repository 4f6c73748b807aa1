"""What measured cells allow a learner that is told the fragments of every planted molecule, and nothing else.

    x_i ~ c(core_i, switch_i) B(mechanism_i),   c = +1 or -1                                                  Eq. (1)

Profiles B and signs c in turn: B is the mean of c x over the molecules of a mechanism, c the sign of the sum of x . B
over the molecules of a core and a switch. An upper reference: an encoder that reads structure has to find the
fragments first. Ours.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hmlm_lib.chmr.modalities import Modality
from hmlm_lib.chmr.planted import SWITCH, WARHEADS, Planted

ROUNDS = 20


def features(molecules: Planted, cells: Sequence[Modality]) -> Float[np.ndarray, "molecule mechanism"]:
    """The learned sign of every molecule in the column of its mechanism. cells: whose profiles turn with the sign."""
    place = len(SWITCH) * molecules.core + molecules.switch
    mechanism, sign = np.eye(len(WARHEADS))[molecules.mechanism], np.ones(place.max() + 1)
    for _ in range(ROUNDS):
        pull = np.zeros(len(sign))
        for cell in cells:
            x, where, member = cell.values[cell.known], place[cell.known], mechanism[cell.known]
            profile = member.T @ (sign[where, None] * x) / member.sum(0)[:, None].clip(1)
            pull += np.bincount(where, (x * (member @ profile)).sum(1), len(sign))
        sign = np.where(pull < 0, -1.0, 1.0)
    return mechanism * sign[place, None]
