"""Heads for few labelled molecules: a kernel of several kinds of features, and its vote together with a perceptron.

    K(a, b) = mean over groups of k_g(a, b)                                                                   Eq. (1)
    f(x) = (z(perceptron(x)) + z(kernel ridge(x))) / 2                                                        Eq. (2)

k_g is Tanimoto's similarity for bits, exp(-|a - b|^2 / m_g) for numbers in units of their sd, m_g the median squared
distance of training molecules. z: AUROC takes each vote in units of its spread over the validation molecules, errors
take it as it is. Ours: no forest, and the same two heads with and without an encoder's latents among the groups.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.distance import cdist

from hmlm_lib.chmr.classical import Classical, KernelRidge, Labels
from hmlm_lib.chmr.finetune import Head, Scale
from hmlm_lib.chmr.labels import check_bits, check_known, check_numbers, check_sets
from hmlm_lib.chmr.neighbours import tanimoto
from hmlm_lib.errors import MoleculeError

PAIRS = 1000  # molecules whose distances give the median


class MixedKernel(KernelRidge):
    """Kernel ridge under Eq. (1); groups: how many columns each kind of features has, the first one being bits."""

    def __init__(self, score: str, groups: Sequence[int], seed: int = 0, most: int = 6000):
        super().__init__(score, seed, most)
        self.groups = tuple(groups)

    def prepare(self, x: np.ndarray) -> None:
        """Scales and medians; MoleculeError where the groups are not the columns, or a number is not finite."""
        if sum(self.groups) != x.shape[1]:
            raise MoleculeError(f"{x.shape[1]} features; allowed: the {sum(self.groups)} of groups {self.groups}")
        _, *numbers = self._parts(x)
        self.scales = [Scale(part) for part in numbers]
        some = np.random.default_rng(self.seed).permutation(len(x))[:PAIRS]
        scaled = [scale(part[some]).numpy() for scale, part in zip(self.scales, numbers, strict=True)]
        self.medians = [max(float(np.median(cdist(one, one, "sqeuclidean"))), 1e-12) for one in scaled]

    def kernel(
        self, a: Float[np.ndarray, "left feature"], b: Float[np.ndarray, "right feature"]
    ) -> Float[np.ndarray, "left right"]:
        """Eq. (1); MoleculeError where the bits of a are none."""
        (bits_a, *ours), (bits_b, *theirs) = self._parts(a), self._parts(b)
        check_bits(bits_a)
        total = tanimoto(torch.as_tensor(bits_a > 0), torch.as_tensor(bits_b > 0)).double().numpy()
        for one, other, scale, median in zip(ours, theirs, self.scales, self.medians, strict=True):
            total += np.exp(-cdist(scale(one).numpy(), scale(other).numpy(), "sqeuclidean") / median)
        return total / len(self.groups)

    def _parts(self, x: Float[np.ndarray, "row feature"]) -> list[np.ndarray]:
        return np.split(x, np.cumsum(self.groups)[:-1], axis=1)


class Committee:
    """Eq. (2): fit(x, y, valid_x, valid_y), predict(x); a perceptron that is trained as `finetune.Head` says."""

    def __init__(self, perceptron: Head, kernel: MixedKernel):
        self.members = (perceptron, kernel)
        self.score = perceptron.score

    def fit(self, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels) -> "Committee":
        """Both members on the same molecules, stopped and chosen by the same validation molecules.

        MoleculeError as of both, before either is trained; the perceptron comes last, for what the other alone refuses.
        """
        check_sets(x, y, valid_x, valid_y, self.score)
        check_known(valid_y, "validation")
        check_numbers(x)
        check_numbers(valid_x)
        perceptron, other = self.members
        spread = self._trained(other, x, y, valid_x, valid_y)
        self.spread = [self._trained(perceptron, x, y, valid_x, valid_y), spread]
        self.n_parameters = perceptron.n_parameters
        return self

    def _trained(
        self, member: Classical, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels
    ) -> tuple[np.ndarray, np.ndarray]:
        """Middle and spread of the member's votes on the validation molecules, z of Eq. (2)."""
        said = member.fit(x, y, valid_x, valid_y).predict(valid_x)
        middle, sd = said.mean(0), said.std(0)
        sd = np.where(sd > 1e-6, sd, 1.0)  # a member that says one thing of all says little of the test
        return (middle, sd) if self.score == "auroc" else (np.zeros_like(middle), np.ones_like(sd))

    def predict(self, x: np.ndarray) -> Labels:
        """The mean vote, a task a column."""
        votes = [
            (member.predict(x) - middle) / sd for member, (middle, sd) in zip(self.members, self.spread, strict=True)
        ]
        return np.mean(votes, axis=0)
