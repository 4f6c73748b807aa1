"""Which bits of a fingerprint matter to cells: a similarity of molecules learned from those that somebody measured.

    k(a, b) = exp(-sum_i w_i |a_i - b_i|),   w_i > 0                                                           Eq. (1)
    y_p ~ N(0, s_p C_m),   C_m = K + r_m 1     principal components p of modality m, over its known rows       Eq. (2)
    w, r = argmax sum_p max_s log N(y_p | 0, s C_m),   s_p = y_p C_m^-1 y_p / n                                Eq. (3)

Tanimoto counts every bit alike, so two molecules that differ by the one atom that turns their activity round are the
nearest neighbours there are. Eq. (3), the evidence of a Gaussian process, moves them apart as soon as measured cells
say so. Source: automatic relevance determination (Rasmussen and Williams, Gaussian Processes for Machine Learning,
section 5.1). Ours: the use for CHMR.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hmlm_lib.chmr.material import NEIGHBOURS, Near
from hmlm_lib.chmr.modalities import Modality, scaled
from hmlm_lib.chmr.propagation import Graph
from hmlm_lib.device import one_thread
from hmlm_lib.errors import MoleculeError
from hmlm_lib.files import digest
from hmlm_lib.training import Training, train

TRAINING = Training(steps=100, learning_rate=0.1, clip=1e9, warmup=0.0)
COMPONENTS = 6  # of a modality
MOST = 1000  # rows of a modality that are read: a step costs their cube
START = 6.0  # sum of the weights before training
JITTER = 1e-3  # beside r
ROWS = 4096  # molecules compared at once


class Evidence(nn.Module):
    """Eq. (2) and (3). rows: bits of the known molecules of every modality; found: their components, sd 1."""

    def __init__(self, rows: list[Float[Tensor, "known bit"]], found: list[Float[Tensor, "known component"]]):
        super().__init__()
        every, bits = torch.cat(rows), rows[0].shape[1]
        self.differ = torch.nonzero(every.amax(0) > every.amin(0))[:, 0]  # of other bits the evidence says nothing
        self.rows, self.found = [x[:, self.differ] for x in rows], found
        self.log_weight = nn.Parameter(torch.full((bits,), math.log(START / bits)))
        self.log_noise = nn.Parameter(torch.zeros(len(rows)))

    def forward(self) -> Float[Tensor, ""]:
        """Minus Eq. (3), up to a constant; one Cholesky factor a modality."""
        total, weight = self.log_weight.new_zeros(()), self.log_weight[self.differ].exp()
        for x, y, noise in zip(self.rows, self.found, self.log_noise, strict=True):
            k = torch.exp(-distance(x, x, weight))
            total = total + _Surprise.apply(k + (noise.exp() + JITTER) * torch.eye(len(x)).to(k), y)
        return total


class _Surprise(torch.autograd.Function):
    """sum_p (n log s_p + log |C|) / 2 of Eq. (3) and its gradient (P C^-1 - sum_p a_p a_p' / s_p) / 2, a_p = C^-1 y_p.

    P components. Written out, as the derivative of a Cholesky factor costs several times the factor.
    """

    @staticmethod
    def forward(ctx, c: Float[Tensor, "known known"], y: Float[Tensor, "known component"]) -> Float[Tensor, ""]:
        n, components = y.shape
        factor = torch.linalg.cholesky(c)
        inverse = torch.cholesky_inverse(factor)
        a = inverse @ y
        scale = (y * a).sum(0) / n
        ctx.save_for_backward((components * inverse - (a / scale) @ a.T) / 2)
        return 0.5 * n * scale.log().sum() + components * factor.diagonal().log().sum()

    @staticmethod
    def backward(ctx, grad: Float[Tensor, ""]) -> tuple[Float[Tensor, "known known"], None]:
        (slope,) = ctx.saved_tensors
        return grad * slope, None


def distance(
    a: Float[Tensor, "left bit"], b: Float[Tensor, "right bit"], weight: Float[Tensor, " bit"]
) -> Float[Tensor, "left right"]:
    """The sum in Eq. (1)."""
    left, right = a * weight, b * weight
    return (left.sum(1)[:, None] + right.sum(1) - 2 * left @ b.T).clamp(min=0.0)


def learn(
    bits: Bool[Tensor, "molecule bit"], cells: Mapping[str, Modality], training: Training = TRAINING
) -> Float[Tensor, " bit"]:
    """w of Eq. (3) from the known rows of all modalities, `MOST` of each at most, drawn by the seed of the training.

    Raises MoleculeError where no modality has two known rows that differ, or one has other rows than `bits`.
    """
    rows, found = [], []
    for name, modality in cells.items():
        if len(modality) != len(bits):
            raise MoleculeError(f"{name} has {len(modality)} rows for {len(bits)} molecules; allowed: one a molecule")
        known = np.flatnonzero(modality.known)
        known = np.sort(np.random.default_rng((training.seed, 42)).permutation(known)[:MOST])
        if len(known) > 1:
            rows.append(bits[known].float())
            found.append(_components(scaled(modality).values[known]))
    if not any(y.numel() for y in found):
        raise MoleculeError("no modality has two known rows that differ; allowed: at least one that has")
    model = Evidence(rows, found)
    data = digest(*(part.numpy() for part in (*rows, *found)))
    train(model, lambda _: model(), training, data=data)
    return model.log_weight.detach().exp()


def _components(values: Float[np.ndarray, "row feature"]) -> Float[Tensor, "row component"]:
    """First principal components, each with sd 1; none where all rows are alike."""
    left, size, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
    kept = size[:COMPONENTS] > 1e-6 * max(size[0], 1.0)
    return torch.as_tensor(left[:, :COMPONENTS][:, kept] * len(left) ** 0.5, dtype=torch.float32)


def near(bits: Bool[Tensor, "molecule bit"], weight: Float[Tensor, " bit"]) -> Near:
    """Nearest molecules by Eq. (1), exact, in chunks; as `material.similar` by Tanimoto."""
    x, count = bits.float(), min(NEIGHBOURS, len(bits) - 1)
    index, value = [], []
    with one_thread():
        for rows in torch.arange(len(x)).split(ROWS):
            gap = distance(x[rows], x, weight)
            gap[torch.arange(len(rows)), rows] = math.inf
            far, at = gap.topk(count, largest=False)
            index.append(at)
            value.append(torch.exp(-far))
    neighbour, similarity = torch.cat(index), torch.cat(value)
    return Near(neighbour, similarity, Graph.from_neighbours(neighbour, similarity))
