"""Memory of a backward pass, counted, not sampled."""

from collections.abc import Callable

import torch
from torch import Tensor


def kept_bytes(run: Callable[[], Tensor]) -> tuple[int, Tensor]:
    """Bytes of the distinct tensors that autograd keeps for the backward pass of run(), and what it gave."""
    seen: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        seen[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        found = run()
    return sum(seen.values()), found
