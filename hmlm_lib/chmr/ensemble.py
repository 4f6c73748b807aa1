"""A forest in the vote: half to a perceptron over all features, half to a random forest over fingerprints alone.

    f(x) = (z(perceptron(x)) + z(forest(bits of x))) / 2                                                      Eq. (1)

The forest is the one that stands alone in the table, z as in `committee.py`. The published code fine-tunes to forest +
gamma x perceptron with gamma .001 to .1, which is a forest; here both count alike, under a name of its own.
"""

import numpy as np

from hmlm_lib.chmr.classical import Labels, OnePerTask, forest
from hmlm_lib.chmr.committee import Committee
from hmlm_lib.chmr.finetune import Head
from hmlm_lib.chmr.labels import check_bits
from hmlm_lib.errors import MoleculeError

TREES = 500  # as many as the forest of the table


class OnBits:
    """A model that reads only the first columns: fit(x, y, valid_x, valid_y), predict(x)."""

    def __init__(self, model: OnePerTask, bits: int):
        self.model, self.bits = model, bits

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "OnBits":
        """Trained on the bits of x; MoleculeError where there are fewer columns or they hold something else."""
        self.model.fit(self._read(x), y, self._read(valid_x), valid_y)
        return self

    def predict(self, x: np.ndarray) -> Labels:
        """Probabilities (classification) or values, a task a column."""
        return self.model.predict(self._read(x))

    def _read(self, x: np.ndarray) -> np.ndarray:
        if x.shape[1] < self.bits:
            raise MoleculeError(f"{x.shape[1]} features; allowed: {self.bits} bits, and what comes after")
        check_bits(x[:, : self.bits])
        return x[:, : self.bits] > 0


class ForestVote(Committee):
    """Eq. (1); bits: how many columns the forest reads, the first ones."""

    def __init__(self, perceptron: Head, bits: int, seed: int = 0, trees: int = TREES):
        self.members = (perceptron, OnBits(forest(perceptron.score, seed, trees), bits))
        self.score = perceptron.score
