"""The covariance over time that both processes use."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def matern(apart: Float[Tensor, "a b"], scale: Float[Tensor, "*#signal"]) -> Float[Tensor, "*signal a b"]:
    """Matern 3/2 of distances."""
    way = np.sqrt(3.0) * apart / scale
    return (1 + way) * torch.exp(-way)
