"""A whole condition held out, on the published data: train on three, foretell the fourth from its start alone.

What the published comparison does not ask, as a table with rows. Every model gets all 50 points of every species of
three conditions, then the state of the fourth at t = 0; score: mean square error of the seven markers at 50 times.
Levels differ so much between markers, and all rise alike, that the correlation over time says little: see `mean`.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.base import RegressorMixin
from sklearn.linear_model import RidgeCV
from torch import Tensor

from hmlm_lib.device import one_thread
from hmlm_lib.errors import ExperimentError, did_you_mean, pick
from hmlm_lib.evaluation.onecourse import PUBLISHED_CODE
from hmlm_lib.evaluation.pointwise import free_run
from hmlm_lib.evaluation.registry import CORE_CODE
from hmlm_lib.evaluation.rows import make_row
from hmlm_lib.hmlm.forest import HierarchicalForest
from hmlm_lib.hmlm.transducer import between, time_grid
from hmlm_lib.published import data, hmlm, models, protocol
from hmlm_lib.published.data import MARKERS, TIMES_H, PublishedNetwork, published_data, published_network
from hmlm_lib.training import train

SETTINGS: dict[str, dict] = {"published_heldout": {}}
CONDITIONS = tuple(data.STARTS)
# Held out: a, b and c of the additive guess a + b - c.
SUMS = {
    "control": ("TGF-beta", "strain", "combined"),
    "TGF-beta": ("combined", "control", "strain"),
    "strain": ("combined", "control", "TGF-beta"),
    "combined": ("TGF-beta", "strain", "control"),
}
ALPHAS = np.logspace(-4, 2, 13)
TRAINING = replace(hmlm.TRAINING, steps=300)

# From the authors' own code and data, x 1e-3: lowest and highest.
REFERENCE = {
    "masked_ridge": (6.0, 6.0), "ridge": (7.5, 7.5), "additive": (8.2, 8.2), "forest": (20, 20), "nearest": (21, 21),
    "mean": (28, 28), "hmlm_forest": (36, 45), "persistence": (54, 54), "oracle": (1.6, 1.6),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Question:
    """shown: training courses, with their names; start: the held-out condition at t = 0."""

    held: str
    names: tuple[str, ...]
    shown: Float[np.ndarray, "condition time species"]
    start: Float[np.ndarray, " species"]
    network: PublishedNetwork
    seed: int

    def course(self, name: str) -> Float[np.ndarray, "time species"]:
        """A training condition."""
        return self.shown[self.names.index(name)]

    def nearest(self) -> Float[np.ndarray, "time species"]:
        """The training condition that starts nearest."""
        return self.shown[np.square(self.shown[:, 0] - self.start).mean(1).argmin()]

    def pairs(self) -> tuple[Float[np.ndarray, "row species"], Float[np.ndarray, "row species"]]:
        """Every training state but the last of a course, and the state after it."""
        size = len(self.start)
        return self.shown[:, :-1].reshape(-1, size), self.shown[:, 1:].reshape(-1, size)


Course = Float[np.ndarray, "time species"]


def _rolled(q: Question, step: Callable[[Float[np.ndarray, " species"]], Float[np.ndarray, " species"]]) -> Course:
    """From the start, one grid step after the other, clipped to [0, 1]."""
    course = [q.start]
    for _ in TIMES_H[1:]:
        course.append(step(course[-1]).clip(0, 1))
    return np.stack(course)


def ridge(q: Question) -> Course:
    """x(t + dt) from x(t), linear; strength by leave-one-out."""
    fitted = RidgeCV(alphas=ALPHAS).fit(*q.pairs())
    return _rolled(q, lambda x: fitted.predict(x[None])[0])


def masked_ridge(q: Question) -> Course:
    """`ridge` with a species' next value from itself and its parents only, each with a strength of its own."""
    before, after = q.pairs()
    allowed = (q.network.edges > 0) | np.eye(len(q.start), dtype=bool)
    weight, bias = np.zeros(allowed.shape), np.zeros(len(q.start))
    for species, columns in enumerate(allowed):
        fitted = RidgeCV(alphas=ALPHAS).fit(before[:, columns], after[:, species])
        weight[species, columns], bias[species] = fitted.coef_, fitted.intercept_
    return _rolled(q, lambda x: weight @ x + bias)


def forest(q: Question) -> Course:
    """The published random forest, from state to next state of all species."""
    fitted: RegressorMixin = models.forest(q.seed).fit(*q.pairs())
    return _rolled(q, lambda x: fitted.predict(x[None])[0])


def forest_change(q: Question) -> Course:
    """The same forest, from state to change of state."""
    before, after = q.pairs()
    fitted: RegressorMixin = models.forest(q.seed).fit(before, after - before)
    return _rolled(q, lambda x: x + fitted.predict(x[None])[0])


def hmlm_forest(k: int) -> Callable[[Question], Course]:
    """The published HMLM, fitted to k points of the nearest condition, rolled out from the start as published."""

    def model(q: Question) -> Course:
        fitted = HierarchicalForest(q.network, q.seed).fit(q.nearest()[protocol.observed(k)], protocol.STRIDES[k])
        return fitted.rollout(q.start, len(TIMES_H) - 1)

    return model


def transformer(q: Question) -> Course:
    """HMLM itself on the 126 edges (Eq. (1) of published/hmlm.py with known starts), all three conditions at once.

    Species that touch no edge keep their start; no marker is among them.
    """
    graph = hmlm.signalling(q.network)
    place = q.network.index(graph.species_names)
    own, grid = hmlm.OneCourse(graph, q.start[place], q.seed), time_grid(float(TIMES_H[-1]), hmlm.CONFIG.grid)
    own.start.requires_grad_(False)  # every start is given
    shown = torch.as_tensor(q.shown[:, :, place], dtype=torch.float32)
    asked = torch.as_tensor(q.start[None, place], dtype=torch.float32)
    points = shown.shape[0] * shown.shape[1]

    def courses(start: Float[Tensor, "condition species"]) -> Float[Tensor, "condition time species"]:
        nothing = torch.zeros_like(start)
        states, _ = own.model.rollout(nothing, nothing + 1, start, grid)
        return between(states, grid, TIMES_H).movedim(-1, 0)

    def loss(_: torch.Generator) -> Tensor:
        return (courses(shown[:, 0]) - shown).square().mean() + hmlm.PENALTY / points * own.distance()

    train(own, loss, replace(TRAINING, seed=q.seed))
    found = np.tile(q.start, (len(TIMES_H), 1))
    with torch.no_grad():
        found[:, place] = courses(asked)[0].double().numpy()
    return found


def additive(q: Question) -> Course:
    """a + b - c of the three conditions (SUMS)."""
    a, b, c = map(q.course, SUMS[q.held])
    return a + b - c


@dataclass(frozen=True)
class Entry:
    """run(question) -> course; knows: `nothing`, `wiring` or `equations`; modules: code its rows depend on."""

    run: Callable[[Question], Course]
    knows: str = "nothing"
    modules: tuple[str, ...] = (*PUBLISHED_CODE, "evaluation.heldout", "evaluation.pointwise")


HMLM_MODULES = (*Entry.modules, *CORE_CODE)
MODELS: dict[str, Entry] = {
    "hmlm": Entry(transformer, "wiring", HMLM_MODULES),
    **{f"hmlm_forest_{k}": Entry(hmlm_forest(k), "wiring") for k in protocol.STRIDES},
    "masked_ridge": Entry(masked_ridge, "wiring"),
    "ridge": Entry(ridge),
    "additive": Entry(additive),
    "forest": Entry(forest),
    "forest_change": Entry(forest_change),
    "nearest": Entry(Question.nearest),
    "mean": Entry(lambda q: q.shown.mean(0)),
    "persistence": Entry(lambda q: np.tile(q.start, (len(TIMES_H), 1))),
    "oracle": Entry(lambda q: free_run(q.start, q.network), "equations"),
}
QUICK = tuple(name for name in MODELS if name != "hmlm")  # a minute and a half a data seed, the forests most of it


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="of held-out conditions")


def asked(seed: int, held: str) -> tuple[Question, Float[np.ndarray, "time marker"]]:
    """The question of a held-out condition, and the true markers; ExperimentError for another name."""
    if held not in CONDITIONS:
        raise ExperimentError(
            f"no condition {held!r}{did_you_mean(held, CONDITIONS)}; allowed: {', '.join(CONDITIONS)}"
        )
    network, courses, others = published_network(), published_data(seed), [c for c in CONDITIONS if c != held]
    truth = courses.sel(condition=held).values
    q = Question(held, tuple(others), courses.sel(condition=others).values, truth[0], network, seed)
    return q, truth[:, network.index(MARKERS)]


def run(
    seeds: Iterable[int] = range(5), wanted: Sequence[str] = QUICK, held: Sequence[str] = CONDITIONS
) -> pd.DataFrame:
    """One row a model, held-out condition and data seed: columns model, condition, seed, mse, r (mean over markers)."""
    chosen, rows = {name: entry(name) for name in wanted}, []
    for seed in seeds:
        for condition in held:
            q, truth = asked(seed, condition)
            for name, model in chosen.items():
                with one_thread():
                    found = model.run(q)[:, q.network.index(MARKERS)]
                error = float(np.square(found - truth).mean())
                r = protocol._mean_r(found, truth)
                rows.append({"model": name, "condition": condition, "seed": seed, "mse": error, "r": r})
    return pd.DataFrame(rows)


def run_one(name: str, model: str, seed: int) -> dict:
    """One model on one data seed, each condition held out in turn; the row."""
    started = time.perf_counter()
    found = run([seed], [model])
    values = {"H/mse": float(found["mse"].mean()), "H/time_r": float(found["r"].mean())}
    values |= {f"H/mse_{_plain(c)}": mse for c, mse in zip(found["condition"], found["mse"], strict=True)}
    return make_row(name, model, seed, values | {"seconds": time.perf_counter() - started})


def _plain(condition: str) -> str:
    """A condition's name as part of a measure's: `tgf_beta`."""
    return condition.lower().replace("-", "_")
