"""A Gaussian process over treatments, times and cell lines: the strongest simple model of real time courses.

The change of a signal from its start, in units of its own root mean square, is a sum of independent parts,

    y(l, s, i, t) = m + a_s + b_i + c_si + e_lsi + noise,    each a smooth function of log(1 + t)             Eq. (1)

m of every condition, a_s of a stimulus, b_i of an inhibitor, c_si of the pair, e of the single condition with a length
scale of its own. A fraction r of every part but e is common to all cell lines, the rest belongs to each. Variances,
fractions, length scales and noise are the same for all signals and maximise the marginal likelihood of what is shown.
Signals that were measured at the same points share one factorisation. Ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.device import one_thread
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.protocols import Values

PARTS = 4  # m, a, b, c
# log: length scales of the parts and of e; variances of the parts, of e, of the noise; then logits of what is shared.
START = [np.log(v) for v in (1.5, 0.7, 0.3, 0.4, 0.3, 0.1, 0.1, 0.1)] + [0.0] * PARTS
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
    apart = torch.as_tensor((a.clock[:, None] - b.clock[None]) ** 2)
    smooth, own = (torch.exp(-apart / (2 * torch.exp(2 * scale))) for scale in theta[:2])
    shared = torch.sigmoid(theta[8 : 8 + PARTS])
    parts = torch.zeros_like(apart)
    for k, pattern in enumerate((torch.ones_like(line), stimulus, inhibitor, stimulus * inhibitor)):
        parts = parts + torch.exp(theta[2 + k]) * pattern * (shared[k] + (1 - shared[k]) * line)
    return parts * smooth + torch.exp(theta[6]) * same * own


def _noisy(theta: Tensor, points: Points) -> Tensor:
    return covariance(theta, points, points) + torch.eye(len(points.clock)) * (torch.exp(theta[7]) + JITTER)


@dataclass(frozen=True, eq=False)
class Group:
    """Signals that were measured at the same points, and their changes there."""

    signals: list[str]
    points: Points
    change: Float[Tensor, "point signal"]


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
    """Signals by the set of points at which they were measured."""
    where = [_points(code, c.times) for code, c in zip(codes, every, strict=True)]
    points = Points(np.concatenate([p.code for p in where]), np.concatenate([p.clock for p in where]))
    table = np.full((len(points.clock), len(signals)), np.nan)
    start = 0
    for c, p in zip(every, where, strict=True):
        stop, column = start + len(p.clock), {name: i for i, name in enumerate(c.signals)}
        known = [i for i, name in enumerate(signals) if name in column]
        changes = c.change[:, 1:].reshape(-1, len(c.signals))
        table[start:stop, known] = changes[:, [column[signals[i]] for i in known]]
        start = stop
    found: dict[bytes, list[int]] = {}
    for i in range(len(signals)):
        found.setdefault(np.isfinite(table[:, i]).tobytes(), []).append(i)
    made = []
    for own in found.values():
        rows = np.flatnonzero(np.isfinite(table[:, own[0]]))
        made.append(Group([signals[i] for i in own], points.of(rows), torch.as_tensor(table[np.ix_(rows, own)])))
    return made


def evidence(theta: Float[Tensor, " parameter"], some: Sequence[Group]) -> Float[Tensor, ""]:
    """Negative log marginal likelihood of all signals, up to a constant, plus the pull on log variances."""
    total = TRUST * (theta[2:8] - EXPECTED).square().sum()
    for group in some:
        root = torch.linalg.cholesky(_noisy(theta, group.points))
        fit = (group.change * torch.cholesky_solve(group.change, root)).sum() / 2
        total = total + fit + group.change.shape[1] * torch.log(torch.diagonal(root)).sum()
    return total


def predict(train: Courses, shown: Courses, elsewhere: Sequence[Courses], iterations: int = ITERATIONS) -> Values:
    """log2 of the shown conditions at all times, given everything else that is shown."""
    every = [shown, train, *elsewhere]
    codes = _codes(every)
    known = groups(every, codes, shown.signals)
    scale = [group.change.square().mean(0).sqrt() + 1e-3 for group in known]
    scaled = [Group(g.signals, g.points, g.change / s) for g, s in zip(known, scale, strict=True)]
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    with one_thread():
        learn = torch.optim.LBFGS([theta], max_iter=iterations, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            learn.zero_grad()
            loss = evidence(theta, scaled)
            loss.backward()
            return loss

        learn.step(closure)
        asked = _points(codes[0], shown.times)
        change = np.zeros((len(asked.clock), len(shown.signals)))
        with torch.no_grad():
            for group, size in zip(scaled, scale, strict=True):
                root = torch.linalg.cholesky(_noisy(theta, group.points))
                mean = covariance(theta, asked, group.points) @ torch.cholesky_solve(group.change, root)
                change[:, [shown.signals.index(name) for name in group.signals]] = (mean * size).numpy()
    start = shown.log2[:, :1]
    return np.concatenate([start, start + change.reshape(len(shown), -1, len(shown.signals))], 1)


def one_line(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """From the conditions of the same line alone."""
    return predict(train, shown, ())


def all_lines(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """From all conditions of the other lines too."""
    return predict(train, shown, elsewhere)
