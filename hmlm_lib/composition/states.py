"""Frozen hidden states, computed once: the same numbers a model gives when it is run anew for every pair.

A pair's hidden states up to the first cross-attention depend on one sequence alone, and a set of pairs has few
different sequences (16,000 pairs: some 80 proteins). Nothing is approximated; padding goes to the longest sequence of
the set.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hmlm_lib.composition.language_models import LanguageModel
from hmlm_lib.device import one_thread

AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class States:
    """hidden: number of a hidden state -> its values, for some rows; exists: which tokens are no padding."""

    hidden: dict[int, Float[Tensor, "row token width"]]
    exists: Bool[Tensor, "row token"]

    def take(self, rows: Int[Tensor, " pair"], numbers: Collection[int]) -> "States":
        """Some rows of some hidden states."""
        return States({k: self.hidden[k][rows] for k in numbers}, self.exists[rows])

    def mean(self, number: int) -> Float[Tensor, "row width"]:
        """Mean of a hidden state over the tokens that exist."""
        return mean(self.hidden[number], self.exists)


def frozen(model: LanguageModel, sequences: Sequence[str], numbers: Collection[int]) -> States:
    """Hidden states of these numbers (0: embeddings, ..., depth), without gradient, one row a sequence.

    The model's own errors where it cannot read a sequence.
    """
    tokens = model.tokens(sequences)
    parts: dict[int, list[Tensor]] = {k: [] for k in numbers}
    with one_thread(), torch.no_grad():
        for rows in tokens.split(AT_ONCE):
            states = model.encode(rows)
            for k in numbers:
                parts[k].append(states[k])
    return States({k: torch.cat(values) for k, values in parts.items()}, model.exists(tokens))


def mean(hidden: Float[Tensor, "row token width"], exists: Bool[Tensor, "row token"]) -> Float[Tensor, "row width"]:
    """Mean over the tokens that exist."""
    weight = exists.to(hidden.dtype)[..., None]
    return (hidden * weight).sum(1) / weight.sum(1)
