"""Alignment losses: InfoNCE exact in constant memory, and VICReg.

    InfoNCE   -1/2n sum_i [ log softmax_j(S_ij) + log softmax_j(S_ji) ] at j = i,   S = cos(a, b) / temp.     Eq. (1)
    VICReg    mean |a - b|^2,   mean max(0, 1 - sd),   sum of squared covariances off the diagonal / width    Eq. (2)

Source: CHMR paper, semantic consistency alignment (temperature 0.2); Bardes et al., arXiv 2105.04906. The chunked form
of Eq. (1) keeps n x chunk numbers instead of n x n, in both directions; its gradient is the dense one.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from hmlm_lib.errors import MoleculeError

TEMPERATURE = 0.2
CHUNK = 1024


class _Contrast(torch.autograd.Function):
    """Eq. (1) of unit vectors, a block of rows at a time; backward computes every block again."""

    @staticmethod
    def forward(ctx: FunctionCtx, a: Tensor, b: Tensor, temperature: float, chunk: int) -> Tensor:
        rows, columns = [], torch.full((len(b),), -torch.inf, dtype=a.dtype, device=a.device)
        for part in a.split(chunk):
            block = part @ b.T / temperature
            rows.append(torch.logsumexp(block, 1))
            columns = torch.logaddexp(columns, torch.logsumexp(block, 0))
        row = torch.cat(rows)
        ctx.save_for_backward(a, b, row, columns)
        ctx.temperature, ctx.chunk = temperature, chunk
        match = (a * b).sum(1) / temperature
        return (0.5 * (row + columns) - match).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, up: Tensor) -> tuple[Tensor | None, ...]:
        a, b, row, column = ctx.saved_tensors
        scale = up / (len(a) * ctx.temperature)
        to_a, to_b = -b * scale, -a * scale
        for at in range(0, len(a), ctx.chunk):
            here = slice(at, at + ctx.chunk)
            block = a[here] @ b.T / ctx.temperature
            share = 0.5 * scale * ((block - row[here, None]).exp_() + (block - column).exp_())
            to_a[here] += share @ b
            to_b += share.T @ a[here]
        return to_a, to_b, None, None


def info_nce(
    a: Float[Tensor, "row width"], b: Float[Tensor, "row width"], temperature: float = TEMPERATURE, chunk: int = CHUNK
) -> Float[Tensor, ""]:
    """Eq. (1): row i of a belongs to row i of b, every other pair does not.

    MoleculeError for fewer than two rows or a temperature that is not above 0.
    """
    if not temperature > 0:
        raise MoleculeError(f"temperature is {temperature}; allowed: above 0")
    if len(a) < 2 or a.shape != b.shape:
        raise MoleculeError(f"shapes {tuple(a.shape)} and {tuple(b.shape)}; allowed: the same, with at least two rows")
    one, other = (nn.functional.normalize(x, dim=1) for x in (a, b))
    return _Contrast.apply(one, other, temperature, chunk)


def dense_info_nce(
    a: Float[Tensor, "row width"], b: Float[Tensor, "row width"], temperature: float = TEMPERATURE
) -> Float[Tensor, ""]:
    """Eq. (1) with all similarities at once, as it is usually written; to check and to time the other."""
    score = nn.functional.normalize(a, dim=1) @ nn.functional.normalize(b, dim=1).T / temperature
    own = torch.arange(len(a), device=a.device)
    cross = nn.functional.cross_entropy
    return 0.5 * (cross(score, own) + cross(score.T, own))


class VICReg(NamedTuple):
    """The three terms of Eq. (2)."""

    invariance: Float[Tensor, ""]
    variance: Float[Tensor, ""]
    covariance: Float[Tensor, ""]

    def total(self) -> Float[Tensor, ""]:
        """In the proportions of its authors, 25 : 25 : 1."""
        return self.invariance + self.variance + 0.04 * self.covariance


def vicreg(a: Float[Tensor, "row width"], b: Float[Tensor, "row width"], floor: float = 1e-4) -> VICReg:
    """Eq. (2) of two views; variance and covariance are means over the views. MoleculeError for fewer than two rows."""
    if len(a) < 2 or a.shape != b.shape:
        raise MoleculeError(f"shapes {tuple(a.shape)} and {tuple(b.shape)}; allowed: the same, with at least two rows")
    spread = [(1 - (x.var(0) + floor).sqrt()).clamp(min=0).mean() for x in (a, b)]
    return VICReg((a - b).square().mean(), 0.5 * (spread[0] + spread[1]), 0.5 * (_off(a) + _off(b)))


def _off(x: Float[Tensor, "row width"]) -> Float[Tensor, ""]:
    centred = x - x.mean(0)
    covariance = centred.T @ centred / (len(x) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / x.shape[1]
