"""Real time courses as rows: every model on every protocol, HPN-DREAM's four cell lines, RMSE in log2 units."""

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmlm_lib.errors import pick
from hmlm_lib.evaluation.rows import make_row
from hmlm_lib.real import baselines, courses, gp, protocols
from hmlm_lib.real.courses import Courses
from hmlm_lib.real.protocols import Model

SETTINGS: dict[str, dict] = {f"hpn_{name}": {"protocol": name} for name in protocols.PROTOCOLS}
CODE = ("real.courses", "real.protocols", "real.baselines", "midas")


@dataclass(frozen=True)
class Entry:
    """model: what predicts; modules: code its rows depend on."""

    model: Model
    modules: tuple[str, ...]


SIMPLE = ("persistence", "copy_uninhibited", "ridge", "forest", "linear", "log_linear", "log_linear_ridge")
MODELS: dict[str, Entry] = {
    "mean": Entry(baselines.mean_change, CODE),
    **{name: Entry(getattr(baselines, name), CODE) for name in SIMPLE},
    "gp": Entry(gp.one_line, (*CODE, "real.gp")),
    "gp_all_lines": Entry(gp.all_lines, (*CODE, "real.gp")),
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
    every, wanted, said = every or lines(), protocols.protocol(SETTINGS[setting]["protocol"]), entry(model).model
    started, values = time.perf_counter(), {}
    for one in every:
        others = [other for other in every if other is not one]
        found = protocols.predicted(said, one, others, wanted, seed)
        errors = protocols.squared_errors(found, one, wanted)
        values[f"R/{one.line}"] = protocols.rmse(errors)
        by_condition = np.nanmean(errors[~np.isnan(errors).all(1)], 1)
        values[f"R/{one.line}/by_condition"] = [float(f"{v:.4g}") for v in by_condition]
    values["R/rmse"] = float(np.mean([values[f"R/{one.line}"] for one in every]))
    values["seconds"] = time.perf_counter() - started
    return make_row(setting, model, seed, entry(model).modules, values)
