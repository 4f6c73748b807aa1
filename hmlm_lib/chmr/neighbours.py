"""Exact Tanimoto nearest neighbours of fingerprints, in chunks of constant memory, on CPU or CUDA.

    T(a, b) = |a and b| / (|a| + |b| - |a and b|)                                                         Eq. (1)

The intersections of a chunk with all molecules are one matrix product of zeros and ones: exact in float32, and in
bfloat16 as long as no fingerprint has more than 256 bits set (its integers are exact up to there), which matrix units
do many times faster.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hmlm_lib.device import placed
from hmlm_lib.errors import MoleculeError

EXACT_IN_BFLOAT16 = 256
BLOCK_BYTES = 1 << 28  # of one block of similarities


def packed(bits: Bool[np.ndarray, "molecule bit"]) -> np.ndarray:
    """Eight bits a byte, for keeping; `tanimoto_neighbours` takes either."""
    return np.packbits(bits, axis=1)


def tanimoto_neighbours(
    bits: np.ndarray | Bool[Tensor, "molecule bit"],
    k: int,
    of: np.ndarray | Bool[Tensor, "query bit"] | None = None,
    device: str | torch.device = "cpu",
) -> tuple[Int[Tensor, "query k"], Float[Tensor, "query k"]]:
    """Indices of the k most similar molecules and their similarity, the most similar first.

    bits: booleans, or uint8 of `packed`. of: molecules asked about (default: `bits` themselves, each without itself).
    Two empty fingerprints have similarity 0. Which of several equally similar molecules comes last is not defined.
    device: auto, cpu, cuda, or a device of PyTorch. Raises MoleculeError for k outside 1 .. number of candidates,
    RunError for a device that is not there.
    """
    device = placed(device)
    known = _unpacked(bits, device)
    asked = known if of is None else _unpacked(of, device)
    candidates = len(known) - (of is None)
    if not 1 <= k <= candidates:
        raise MoleculeError(f"k is {k}; allowed: 1 to {candidates}, the number of candidates")
    if asked.shape[1] != known.shape[1]:
        raise MoleculeError(f"fingerprints have {asked.shape[1]} and {known.shape[1]} bits; allowed: the same length")
    size, other = (x.sum(1, dtype=torch.float32) for x in (asked, known))
    kind = torch.bfloat16 if float(torch.minimum(size.max(), other.max())) <= EXACT_IN_BFLOAT16 else torch.float32
    right = known.to(kind).T.contiguous()
    rows = max(1, BLOCK_BYTES // (4 * len(known)))
    found = [
        _nearest(asked[at : at + rows].to(kind) @ right, size[at : at + rows], other, k, at if of is None else None)
        for at in range(0, len(asked), rows)
    ]
    return torch.cat([index for index, _ in found]), torch.cat([value for _, value in found])


def tanimoto(a: Bool[Tensor, "left bit"], b: Bool[Tensor, "right bit"]) -> Float[Tensor, "left right"]:
    """Eq. (1) of every pair, all at once."""
    left, right = a.float(), b.float()
    return _ratio(left @ right.T, left.sum(1), right.sum(1))


def _ratio(
    common: Float[Tensor, "row molecule"], size: Float[Tensor, " row"], other: Float[Tensor, " molecule"]
) -> Float[Tensor, "row molecule"]:
    """Eq. (1) from intersections, which are overwritten, and numbers of bits; two empty fingerprints have 0."""
    union = (size[:, None] + other).sub_(common).clamp_(min=1.0)
    return common.div_(union)


def _nearest(
    common: Float[Tensor, "row molecule"],
    size: Float[Tensor, " row"],
    other: Float[Tensor, " molecule"],
    k: int,
    own: int | None,
) -> tuple[Int[Tensor, "row k"], Float[Tensor, "row k"]]:
    similarity = _ratio(common.float(), size, other)
    if own is not None:
        here = torch.arange(len(size), device=size.device)
        similarity[here, here + own] = -1.0
    value, index = similarity.topk(k, dim=1)
    return index, value


def _unpacked(bits: np.ndarray | Tensor, device: str | torch.device) -> Bool[Tensor, "molecule bit"]:
    if isinstance(bits, np.ndarray):
        bits = np.unpackbits(bits, axis=1).astype(bool) if bits.dtype == np.uint8 else bits
        bits = torch.as_tensor(bits)
    if bits.dtype != torch.bool or bits.ndim != 2:
        raise MoleculeError(
            f"fingerprints are {bits.dtype} of shape {tuple(bits.shape)}; allowed: bool, two-dimensional"
        )
    return bits.to(device)
