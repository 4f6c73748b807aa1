"""Where memory runs out: half as much at once, with one line that says so, and one clear error when one is too much.

    halving    work(n) again with n halved; what n means is the caller's (a batch, a chunk)
    by_parts   work(rows) for parts of many rows; what is finished stays finished
    parted     predictions of a model, conditions in parts
    summed     a loss that is a sum over rows, and its gradient, a part at a time

Nothing changes where memory is enough: the first attempt is the call as it would have been. An exception that has
nothing to do with memory passes through.
"""

import gc
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from hmlm_lib.errors import HmlmError, OutOfMemory

T = TypeVar("T")
Report = Callable[[str], None]
Predict = Callable[..., np.ndarray]  # of experiments, and what else it reads; one row a condition
WORDS = ("out of memory", "DefaultCPUAllocator", "STATUS_ALLOC_FAILED")  # of PyTorch, its CPU allocator, cuBLAS


def ran_out(problem: BaseException) -> bool:
    """Whether an exception says that memory ran out, on a device or on the host."""
    if isinstance(problem, HmlmError):
        return False
    if isinstance(problem, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(problem, RuntimeError) and any(word in str(problem) for word in WORDS)


def halving(
    work: Callable[[int], T], at_once: int, what: str, note: str = "", least: int = 1, report: Report = print
) -> T:
    """work(at_once), or work of a half, a quarter ... of it: the first for which memory is enough.

    what: rows by name, in the plural; note: what a smaller number changes, for the message; least: smallest number
    that work can do. Raises OutOfMemory where that does not fit either.
    """
    while True:
        try:
            return work(at_once)
        except Exception as problem:
            if not ran_out(problem):
                raise
        # Here and not above: until its handler ends, the exception keeps the tensors of the failed attempt.
        _free()
        if at_once <= least:
            raise OutOfMemory(
                f"out of memory with {at_once} {what} at once, and fewer is not possible; "
                "allowed: a smaller model, or a device with more free memory"
            )
        smaller = max(least, at_once // 2)
        report(f"out of memory with {at_once} {what} at once; going on with {smaller}{f' ({note})' if note else ''}")
        at_once = smaller


def by_parts(
    work: Callable[[slice], T], count: int, what: str, at_once: int | None = None, report: Report = print
) -> list[T]:
    """work(rows) of consecutive parts that cover `count` rows, at_once (default: all) or fewer each; in order."""
    found: list[T] = []
    done = 0

    def go_on(size: int) -> list[T]:
        nonlocal done
        while done < count:
            part = slice(done, min(done + size, count))
            found.append(work(part))
            done = part.stop
        return found

    return halving(go_on, min(at_once or count, count), what, report=report) if count else found


def parted(predict: Predict, report: Report = print) -> Predict:
    """The same predictions, with conditions taken in parts where they do not fit at once."""

    def in_parts(experiments: Any, *rest: object, **named: object) -> np.ndarray:
        def some(part: slice) -> np.ndarray:
            whole = part == slice(0, len(experiments))
            return predict(experiments if whole else experiments.take(range(part.start, part.stop)), *rest, **named)

        return np.concatenate(by_parts(some, len(experiments), "conditions", report=report))

    return in_parts


def summed(
    loss: Callable[[slice], Tensor],
    count: int,
    parameters: nn.Module | Sequence[Tensor],
    what: str,
    at_once: int | None = None,
    report: Report = print,
) -> Tensor:
    """Sum over parts of loss(rows), whose backward pass gives every parameter the gradient of that sum.

    Each part is differentiated before the next begins, so that one part is kept at a time. Right for losses that are
    sums over rows (a mean: divide by the number of all rows); not for one that compares rows with each other.
    """
    given = parameters.parameters() if isinstance(parameters, nn.Module) else parameters
    learned = [p for p in given if p.requires_grad]

    def some(part: slice) -> tuple[Tensor, list[Tensor | None]]:
        value = loss(part)
        return value.detach(), list(torch.autograd.grad(value, learned, allow_unused=True))

    parts = by_parts(some, count, what, at_once, report)
    total = torch.stack([value for value, _ in parts]).sum()
    for parameter, *slopes in zip(learned, *(slopes for _, slopes in parts), strict=True):
        known = [slope for slope in slopes if slope is not None]
        if known:
            # Worth nothing, with the gradient of the sum.
            total = total + (sum(known[1:], known[0]) * (parameter - parameter.detach())).sum()
    return total


def _free() -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
