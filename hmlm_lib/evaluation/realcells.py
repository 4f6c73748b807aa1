"""Real time courses as rows: every model on every protocol, HPN-DREAM's four cell lines, RMSE in log2 units."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmlm_lib.errors import pick
from hmlm_lib.evaluation.rows import make_row
from hmlm_lib.real import alike, baselines, both, courses, gp, hmlm, protocols
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.protocols import Model, Protocol, Values

SETTINGS: dict[str, dict] = {f"hpn_{name}": {"protocol": name} for name in protocols.PROTOCOLS}
CODE = ("real.courses", "real.protocols", "real.baselines", "midas")
PROCESS = (*CODE, "real.kernels", "real.evidence", "real.hints", "real.drugs")
HMLM = (
    *CODE, "real.hmlm", "real.drugs", "network", "training",
    *(f"hmlm.{name}" for name in ("model", "attention", "scales", "sums", "tokens", "transducer")),
)  # fmt: skip
BAND = 1.6449  # standard deviations on either side of the mean that hold 90 % of a Gaussian


@dataclass(frozen=True)
class Entry:
    """model: what predicts; modules: code its rows depend on; posterior: mean and spread of changes, where it knows."""

    model: Model
    modules: tuple[str, ...]
    posterior: Callable[[Courses, Courses, Sequence[Courses]], tuple[Values, Values]] | None = None


SIMPLE = ("persistence", "copy_uninhibited", "ridge", "forest", "linear", "log_linear", "log_linear_ridge")
MODELS: dict[str, Entry] = {
    "mean": Entry(baselines.mean_change, CODE),
    **{name: Entry(getattr(baselines, name), CODE) for name in SIMPLE},
    "gp": Entry(gp.one_line, (*PROCESS, "real.gp")),
    "gp_all_lines": Entry(gp.all_lines, (*PROCESS, "real.gp")),
    "gp_alike": Entry(alike.predict, (*PROCESS, "real.alike"), alike.posterior),
    "gp_mean": Entry(both.predict, (*PROCESS, "real.gp", "real.alike", "real.both"), both.posterior),
    "hmlm": Entry(hmlm.all_lines, HMLM),
    "hmlm_one_line": Entry(hmlm.one_line, HMLM),
    "hmlm_pretrained": Entry(hmlm.pretrained, (*HMLM, "real.standin", "dynamics")),
    "hmlm_without_wiring": Entry(hmlm.without_wiring, HMLM),
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="of real cells")


@lru_cache(maxsize=1)
def lines() -> tuple[Courses, ...]:
    """The four cell lines, by `fetch`."""
    return tuple(courses.load(name) for name in courses.LINES)


def run_one(setting: str, model: str, seed: int, every: tuple[Courses, ...] | None = None) -> dict:
    """One model on one protocol, all lines; the row. The seed draws the folds; every: default the four lines."""
    every, wanted = every or lines(), protocols.protocol(SETTINGS[setting]["protocol"])
    started, values, inside = time.perf_counter(), {}, []
    for one in every:
        others = [other for other in every if other is not one]
        found, spread = predicted(entry(model), one, others, wanted, seed)
        if spread is not None:
            inside.append(covered(found, spread, one, wanted))
        errors = protocols.squared_errors(found, one, wanted)
        values[f"R/{one.line}"] = protocols.rmse(errors)
        by_condition = np.nanmean(errors[~np.isnan(errors).all(1)], 1)
        values[f"R/{one.line}/by_condition"] = [float(f"{v:.4g}") for v in by_condition]
    values["R/rmse"] = float(np.mean([values[f"R/{one.line}"] for one in every]))
    if inside:
        values["R/coverage"] = float(np.mean(inside))
    values["seconds"] = time.perf_counter() - started
    return make_row(setting, model, seed, values)


def predicted(
    said: Entry, one: Courses, others: Sequence[Courses], wanted: Protocol, seed: int
) -> tuple[Values, Values | None]:
    """Predictions of every test condition, and their standard deviations where the model tells them."""
    if said.posterior is None:
        return protocols.predicted(said.model, one, others, wanted, seed), None
    spreads = []

    def model(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...]) -> Values:
        mean, spread = said.posterior(train, shown, elsewhere)
        spreads.append(spread)
        return shown.log2[:, :1] + mean

    found = protocols.predicted(model, one, others, wanted, seed)
    spread = np.full_like(found, np.nan)
    for test, part in zip(protocols.folds(one, wanted, seed), spreads, strict=True):
        spread[test] = part
    return found, spread


def covered(said: Values, spread: Values, courses: Courses, wanted: Protocol) -> float:
    """Fraction of the asked values inside the 90 % band."""
    asked = [t for t in range(len(courses.times)) if t not in wanted.shown]
    away = np.abs(said - courses.log2)[:, asked] / spread[:, asked]
    return float((away[~np.isnan(away)] < BAND).mean())
