"""A Gaussian process over real time courses that learns which treatments are alike.

The change of a signal from its start, in units of its own root mean square, has the mean sum_k w_k f_k of the hints of
`hints.py` and the covariance, Eq. (1),

    k = smooth(t, t') [m + a S_ss' + b I_ii' + c S_ss' I_ii' + d n_ii' + f S_ss' n_ii'] + e C own(t, t') + noise g_ct

S: how alike two stimuli are, a learned correlation; I: 1 for the same inhibitor treatment; n: number of drugs that two
inhibitor treatments share, so that a mixture acts like its parts; C: 1 within one condition; smooth, own: Matern 3/2 in
log(1 + t), continuous with a slope but no smoother; g: how noisy one sample is, for all of its signals. Variances,
length scales and noise belong to the signal and are drawn to those of the typical signal, w is common to all and g
is drawn to 1; they and S maximise the marginal likelihood of what is shown.
Ours. `gp.py` is the process with one set of numbers for all signals, in which all stimuli differ alike and a mixture is
a drug of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hmlm_lib.device import one_thread
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.drugs import drugs_of, joined
from hmlm_lib.real.evidence import settle
from hmlm_lib.real.hints import HINTS, hints
from hmlm_lib.real.kernels import matern
from hmlm_lib.real.protocols import Values

# log of the two length scales, of the variances m a b c d f, of e, of the noise: before anything was seen
START = np.log([1.5, 0.7, 0.3, 0.4, 0.3, 0.1, 0.3, 0.1, 0.1, 0.1])
EXPECTED, TRUST = -1.5, 0.05  # log variances of the typical signal are drawn to EXPECTED, weakly
DOUBT, CLEAN = 2.0, 5.0  # w and the logs of g are drawn to 0
RANK = 2  # of what makes stimuli alike beyond being the same
ITERATIONS = 25
JITTER, UNMEASURED = 1e-4, 1e6  # a value that is missing is one with unbounded noise


@dataclass(frozen=True, eq=False)
class Points:
    """Conditions x times after the start. stimulus, inhibitor, condition: numbers; drug: 0 or 1; clock: log(1 + t)."""

    stimulus: Int[np.ndarray, " point"]
    inhibitor: Int[np.ndarray, " point"]
    condition: Int[np.ndarray, " point"]
    drug: Float[np.ndarray, "point drug"]
    clock: Float[np.ndarray, " point"]

    def of(self, rows: Bool[np.ndarray, " point"]) -> "Points":
        return Points(*(value[rows] for value in vars(self).values()))

    def first(self, count: int) -> "Points":
        return Points(*(value[:count] for value in vars(self).values()))


def points(courses: Courses) -> Points:
    """Every condition at every time after the start, conditions outermost."""
    later = len(courses.times) - 1
    taken = drugs_of(courses.inhibitor)
    agents = sorted({drug for names in taken for drug in names})
    given = np.array([[float(drug in names) for drug in agents] for names in taken]).reshape(len(courses), len(agents))
    numbers = (np.unique(np.array(names), return_inverse=True)[1] for names in (courses.stimulus, courses.inhibitor))
    columns = (*numbers, np.arange(len(courses)), given)
    return Points(*(np.repeat(c, later, 0) for c in columns), np.tile(np.log1p(courses.times[1:]), len(courses)))


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known. change [signal, point] and hints: in units of scale [signal], 0 where `gap` is 1."""

    points: Points
    change: Float[Tensor, "signal point"]
    gap: Float[Tensor, "signal point"]
    hints: Float[Tensor, "hint signal point"]
    scale: Float[np.ndarray, " signal"]

    def unhinted(self, weight: Float[Tensor, " hint"]) -> Float[Tensor, "signal point"]:
        """Changes less their mean."""
        return self.change - torch.tensordot(weight, self.hints, 1)


def guide(courses: Courses, elsewhere: Sequence[Courses] = ()) -> Float[np.ndarray, "hint signal point"]:
    """Hints at the points of `points`, in log2 units."""
    return hints(courses, elsewhere).reshape(HINTS, -1, len(courses.signals)).transpose(0, 2, 1)


def seen(where: Points, courses: Courses, hinted: Float[np.ndarray, "hint signal point"]) -> Seen:
    """All that courses show; samples of which nothing was measured are left out."""
    change = courses.change[:, 1:].reshape(-1, len(courses.signals))
    known = ~np.isnan(change).all(1)
    change = change[known].T
    gap = np.isnan(change)
    scale = np.sqrt(np.nansum(np.square(change), 1) / np.maximum((~gap).sum(1), 1)) + 1e-3
    scaled, guide = (torch.as_tensor(np.where(gap, 0.0, v / scale[:, None])) for v in (change, hinted[:, :, known]))
    return Seen(where.of(known), scaled, torch.as_tensor(gap.astype(float)), guide, scale)


@dataclass(frozen=True, eq=False)
class Numbers:
    """typical [k] and own [signal, k]: logs of length scales and variances; likeness [stimulus, RANK]; weight: w;
    sample [point]: logs of g.
    """

    typical: Float[Tensor, " k"]
    own: Float[Tensor, "signal k"]
    likeness: Float[Tensor, "stimulus rank"]
    weight: Float[Tensor, " hint"]
    sample: Float[Tensor, " point"]

    @classmethod
    def start(cls, one: Seen, n_stimuli: int) -> "Numbers":
        """Before anything was seen; likeness slightly off zero, where its gradient would vanish."""
        likeness = 0.1 * np.random.default_rng(0).standard_normal((n_stimuli, RANK))
        n_signals, n_points = one.change.shape
        values = (START.copy(), np.zeros((n_signals, len(START))), likeness, np.zeros(HINTS), np.zeros(n_points))
        return cls(*(torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values))

    def similarity(self) -> Float[Tensor, "stimulus stimulus"]:
        """S: 1 on the diagonal."""
        raw = torch.eye(len(self.likeness), dtype=torch.float64) + self.likeness @ self.likeness.T
        size = torch.sqrt(torch.diagonal(raw))
        return raw / size[:, None] / size

    def values(self) -> Float[Tensor, "k signal 1 1"]:
        """Length scales and variances."""
        return torch.exp(self.typical + self.own).T[..., None, None]

    def prior(self) -> Float[Tensor, ""]:
        """How far the numbers are from what was expected: S the identity, w 0, g 1, signals like the typical one."""
        pull = TRUST * (self.typical[2:] - EXPECTED).square().sum() + DOUBT * self.weight.square().sum()
        return pull + CLEAN * self.sample.square().sum() + (self.own.square().sum() + self.likeness.square().sum()) / 2

    def noise(self) -> Float[Tensor, "signal point"]:
        """Variance of what was measured; a sample not yet taken is expected to be as noisy as these are on average."""
        return self.values()[-1][..., 0] * torch.exp(self.sample)


def covariance(numbers: Numbers, a: Points, b: Points) -> Float[Tensor, "signal a b"]:
    """Eq. (1) without the noise."""
    wide, narrow, m, of_s, of_i, of_si, of_d, of_sd, of_one, _ = numbers.values()
    apart = torch.as_tensor(np.abs(a.clock[:, None] - b.clock[None]))
    alike = numbers.similarity()[a.stimulus][:, b.stimulus]
    same = torch.as_tensor((a.inhibitor[:, None] == b.inhibitor[None]).astype(float))
    common = torch.as_tensor(a.drug @ b.drug.T)
    one = torch.as_tensor((a.condition[:, None] == b.condition[None]).astype(float))
    parts = m + alike * (of_s + of_si * same + of_sd * common) + of_i * same + of_d * common
    return parts * matern(apart, wide) + of_one * one * matern(apart, narrow)


def factor(numbers: Numbers, one: Seen) -> Float[Tensor, "signal point point"]:
    """Cholesky factor of the covariance of what was measured."""
    noise = numbers.noise() + JITTER + UNMEASURED * one.gap
    return torch.linalg.cholesky(covariance(numbers, one.points, one.points) + torch.diag_embed(noise))


def surprise(numbers: Numbers, one: Seen) -> Float[Tensor, ""]:
    """Negative log of likelihood times prior, up to a constant."""
    root = factor(numbers, one)
    z = torch.linalg.solve_triangular(root, one.unhinted(numbers.weight)[..., None], upper=False)
    return numbers.prior() + z.square().sum() / 2 + torch.log(torch.diagonal(root, dim1=1, dim2=2)).sum()


def fit(one: Seen, n_stimuli: int, iterations: int = ITERATIONS) -> Numbers:
    """The numbers under which what was measured surprises least."""
    numbers = Numbers.start(one, n_stimuli)
    settle(vars(numbers).values(), lambda: surprise(numbers, one), iterations)
    return numbers


def posterior(
    train: Courses, shown: Courses, elsewhere: Sequence[Courses] = (), iterations: int = ITERATIONS
) -> tuple[Values, Values]:
    """Mean and standard deviation (noise included) of the shown conditions' change at all times, in log2 units.

    elsewhere: other lines, read for hints alone. Both are 0 at the start, which is given.
    """
    both = joined(shown, train)
    where = points(both)
    hinted = guide(both, elsewhere)
    one = seen(where, both, hinted)
    asked = where.first(len(shown) * (len(shown.times) - 1))
    with one_thread():
        numbers = fit(one, len(set(both.stimulus)), iterations)
        with torch.no_grad():
            root, cross = factor(numbers, one), covariance(numbers, asked, one.points)
            mean = (cross @ torch.cholesky_solve(one.unhinted(numbers.weight)[..., None], root))[..., 0].numpy()
            told = torch.linalg.solve_triangular(root, cross.mT, upper=False).square().sum(1)
            before = torch.diagonal(covariance(numbers, asked, asked), dim1=1, dim2=2)
            spread = ((before - told).clamp(min=0.0) + numbers.noise().mean(1, keepdim=True)).sqrt()
            hint = np.tensordot(numbers.weight.numpy(), hinted[:, :, : len(asked.clock)], 1)
    shape = (len(shown), -1, len(shown.signals))
    scale = one.scale[:, None]
    found = [value.T.reshape(shape) for value in (mean * scale + hint, spread.numpy() * scale)]
    mean, spread = (np.concatenate([np.zeros_like(v[:, :1]), v], 1) for v in found)
    return mean, spread


def predict(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """log2 of the shown conditions at all times; other lines give hints alone."""
    return shown.log2[:, :1] + posterior(train, shown, elsewhere)[0]
