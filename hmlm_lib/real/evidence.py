"""Numbers of a model by its evidence: the surprise at what was measured, made small by gradients."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def settle(numbers: Iterable[Tensor], surprise: Callable[[], Tensor], iterations: int) -> None:
    """Move the numbers, in place, to a nearby minimum of the surprise by L-BFGS with a strong Wolfe line search."""
    learn = torch.optim.LBFGS(list(numbers), max_iter=iterations, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        learn.zero_grad()
        loss = surprise()
        loss.backward()
        return loss

    learn.step(closure)
