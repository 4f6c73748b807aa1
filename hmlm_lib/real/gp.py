"""A Gaussian process over treatments, times and cell lines: the strongest simple model of real time courses.

The change of a signal from its start, in units of its own root mean square, is a sum of independent parts,

    y(l, s, i, t) = m + a_s + b_i + c_si + e_lsi + noise,    each a smooth function of log(1 + t)             Eq. (1)

m of every condition, a_s of a stimulus, b_i of an inhibitor, c_si of the pair, e of the single condition with a length
scale of its own, all Matern 3/2; its mean is w times the rebound of a start that lies off (`hints.py`). A fraction r of
every part but e is common to all cell lines, the rest belongs to each. Variances, fractions, length scales, noise and w
are the same for all signals and maximise the marginal likelihood of what is shown. Signals that were measured at the
same points share one factorisation. Ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.device import one_thread
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.drugs import joined
from hmlm_lib.real.evidence import settle
from hmlm_lib.real.hints import rebound
from hmlm_lib.real.kernels import matern
from hmlm_lib.real.protocols import Values

PARTS = 4  # m, a, b, c
# log: length scales of the parts and of e, variances of the parts, of e, of the noise; logits of what is shared; w.
START = [np.log(v) for v in (1.5, 0.7, 0.3, 0.4, 0.3, 0.1, 0.1, 0.1)] + [0.0] * (PARTS + 1)
EXPECTED, TRUST = -1.5, 0.05  # log variances are drawn to EXPECTED, weakly, so that none runs away
ITERATIONS = 40
JITTER = 1e-4


@dataclass(frozen=True, eq=False)
class Points:
    """Where a change was measured: line, stimulus, inhibitor and condition as numbers, log(1 + minutes)."""

    code: Float[np.ndarray, "point 4"]
    clock: Float[np.ndarray, " point"]

    def of(self, rows: np.ndarray) -> "Points":
        return Points(self.code[rows], self.clock[rows])


def covariance(theta: Float[Tensor, " parameter"], a: Points, b: Points) -> Float[Tensor, "point point"]:
    """Eq. (1) between two sets of points, without the noise."""
    line, stimulus, inhibitor, same = (
        torch.as_tensor(a.code[:, None, i] == b.code[None, :, i], dtype=torch.float64) for i in range(4)
    )
    apart = torch.as_tensor(np.abs(a.clock[:, None] - b.clock[None]))
    smooth, own = (matern(apart, torch.exp(scale)) for scale in theta[:2])
    shared = torch.sigmoid(theta[8 : 8 + PARTS])
    parts = torch.zeros_like(apart)
    for k, pattern in enumerate((torch.ones_like(line), stimulus, inhibitor, stimulus * inhibitor)):
        parts = parts + torch.exp(theta[2 + k]) * pattern * (shared[k] + (1 - shared[k]) * line)
    return parts * smooth + torch.exp(theta[6]) * same * own


def _noisy(theta: Tensor, points: Points) -> Tensor:
    return covariance(theta, points, points) + torch.eye(len(points.clock)) * (torch.exp(theta[7]) + JITTER)


@dataclass(frozen=True, eq=False)
class Group:
    """Signals that were measured at the same points, their changes there and the rebound of the start."""

    signals: list[str]
    points: Points
    change: Float[Tensor, "point signal"]
    rebound: Float[Tensor, "point signal"]

    def unhinted(self, theta: Float[Tensor, " parameter"]) -> Float[Tensor, "point signal"]:
        """Changes less their mean."""
        return self.change - theta[-1] * self.rebound

    def over(self, scale: Float[Tensor, " signal"]) -> "Group":
        """In units of the signals' scales."""
        return Group(self.signals, self.points, self.change / scale, self.rebound / scale)


def _codes(every: Sequence[Courses]) -> list[np.ndarray]:
    """line, stimulus, inhibitor and condition of every condition, numbered over all courses."""
    names = [{n: i for i, n in enumerate(sorted({x for c in every for x in getattr(c, which)}))} for which in
             ("stimulus", "inhibitor")]  # fmt: skip
    lines = {name: i for i, name in enumerate(dict.fromkeys(c.line for c in every))}
    found, count = [], 0
    for c in every:
        columns = [[lines[c.line]] * len(c), [names[0][s] for s in c.stimulus], [names[1][i] for i in c.inhibitor]]
        found.append(np.array([*columns, range(count, count + len(c))], float).T.reshape(len(c), 4))
        count += len(c)
    return found


def _points(codes: np.ndarray, times: Float[np.ndarray, " time"]) -> Points:
    """All times after the start, conditions outermost."""
    return Points(np.repeat(codes, len(times) - 1, 0), np.tile(np.log1p(times[1:]), len(codes)))


def groups(every: Sequence[Courses], codes: Sequence[np.ndarray], signals: Sequence[str]) -> list[Group]:
    """Signals by the set of points at which they were measured; those that never were are in no group."""
    where = [_points(code, c.times) for code, c in zip(codes, every, strict=True)]
    points = Points(np.concatenate([p.code for p in where]), np.concatenate([p.clock for p in where]))
    table, guide = np.full((2, len(points.clock), len(signals)), np.nan)
    start = 0
    for c, p in zip(every, where, strict=True):
        stop, column = start + len(p.clock), {name: i for i, name in enumerate(c.signals)}
        known = [i for i, name in enumerate(signals) if name in column]
        theirs = [column[signals[i]] for i in known]
        for whole, own in ((table, c.change[:, 1:]), (guide, rebound(c))):
            whole[start:stop, known] = own.reshape(-1, len(c.signals))[:, theirs]
        start = stop
    found: dict[bytes, list[int]] = {}
    for i in np.flatnonzero(np.isfinite(table).any(0)).tolist():
        found.setdefault(np.isfinite(table[:, i]).tobytes(), []).append(i)
    made = []
    for own in found.values():
        rows = np.flatnonzero(np.isfinite(table[:, own[0]]))
        change, back = (torch.as_tensor(whole[np.ix_(rows, own)]) for whole in (table, guide))
        made.append(Group([signals[i] for i in own], points.of(rows), change, back))
    return made


def evidence(theta: Float[Tensor, " parameter"], some: Sequence[Group]) -> Float[Tensor, ""]:
    """Negative log marginal likelihood of all signals, up to a constant, plus the pull on log variances."""
    total = TRUST * (theta[2:8] - EXPECTED).square().sum()
    for group in some:
        root = torch.linalg.cholesky(_noisy(theta, group.points))
        change = group.unhinted(theta)
        fit = (change * torch.cholesky_solve(change, root)).sum() / 2
        total = total + fit + group.change.shape[1] * torch.log(torch.diagonal(root)).sum()
    return total


def predict(train: Courses, shown: Courses, elsewhere: Sequence[Courses], iterations: int = ITERATIONS) -> Values:
    """log2 of the shown conditions at all times, given everything else that is shown."""
    both = joined(shown, train)
    every = [both, *elsewhere]
    codes = _codes(every)
    measured = groups(every, codes, shown.signals)
    scale = [group.change.square().mean(0).sqrt() + 1e-3 for group in measured]
    scaled = [group.over(size) for group, size in zip(measured, scale, strict=True)]
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    with one_thread():
        settle([theta], lambda: evidence(theta, scaled), iterations)
        asked = _points(codes[0][: len(shown)], shown.times)
        change = rebound(both)[: len(shown)].reshape(len(asked.clock), -1) * theta[-1].item()
        with torch.no_grad():
            for group, size in zip(scaled, scale, strict=True):
                root = torch.linalg.cholesky(_noisy(theta, group.points))
                known = torch.cholesky_solve(group.unhinted(theta), root)
                mean = covariance(theta, asked, group.points) @ known * size
                change[:, [shown.signals.index(name) for name in group.signals]] += mean.numpy()
    start = shown.log2[:, :1]
    return np.concatenate([start, start + change.reshape(len(shown), -1, len(shown.signals))], 1)


def one_line(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """From the conditions of the same line alone."""
    return predict(train, shown, ())


def all_lines(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """From all conditions of the other lines too."""
    return predict(train, shown, elsewhere)
