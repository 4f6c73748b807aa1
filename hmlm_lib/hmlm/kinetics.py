"""What makes one cell differ from another on the same network, as offsets of an HMLM's own numbers."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor


class Kinetics(NamedTuple):
    """Offsets, one column a trajectory, all 0 for the typical cell.

    gate: slope, threshold and mix of every head, before their squashing; weight: of every reaction, as a logit;
    log_tau: of the time constant; drive: added to it.
    """

    gate: Float[Tensor, "parameter edge batch"]
    weight: Float[Tensor, "reaction batch"]
    log_tau: Float[Tensor, "species batch"]
    drive: Float[Tensor, "species batch"]
