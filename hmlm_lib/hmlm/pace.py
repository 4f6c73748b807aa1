"""The transducer where the pace of a species depends on its drive: on fast, off slowly, or the other way round.

    tau_v exp(-k_v D_v) dy_v/dt = D_v(y) - y_v                                                                Eq. (1)

k_v, learned, begins at 0, where this is Eq. (1) of `transducer.py`. A step keeps the pace of its beginning.
Ours: mass action moves at the rate of both its directions, so a species that is driven is faster.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.hmlm.transducer import step_weights


def paced(
    drive: Callable[[Tensor, int], Tensor],
    y0: Float[Tensor, "species batch"],
    tau: Float[Tensor, "species #batch"],
    pace: Float[Tensor, "species 1"],
    grid: Float[np.ndarray, " point"],
    corrections: int,
) -> Float[Tensor, "point species batch"]:
    """States on the grid, as `transduce` gives them; pace: k_v."""
    out, y = [y0], y0
    for step, h in enumerate(np.diff(grid)):
        d0 = drive(y, step)
        decay, w0, w1 = step_weights(float(h), tau * torch.exp(-pace * d0))
        line = torch.addcmul(decay * y, w0, d0)
        y = line
        for _ in range(corrections):
            y = torch.addcmul(line, w1, drive(y, step) - d0)
        out.append(y)
    return torch.stack(out)
