"""Task D's table: models that read a new cell from its points, how they are made, what they score.

One fit serves two questions: all species seen, and only 30 of them. Every model's course is scored as it is and with a
Gaussian process on its residuals at the points, as in task A.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hmlm_lib.baselines import cells as baselines
from hmlm_lib.device import current, one_thread
from hmlm_lib.errors import pick
from hmlm_lib.evaluation.cells import N_TRAIN, Cells, cells
from hmlm_lib.evaluation.reconstruct import correct
from hmlm_lib.evaluation.registry import BASELINE_CODE, CORE_CODE
from hmlm_lib.evaluation.rows import make_row
from hmlm_lib.evaluation.score import mse
from hmlm_lib.evaluation.tasks import NOISE_SD
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.cells import TRAINING, CellConfig, CellHMLM
from hmlm_lib.memory import halving, parted
from hmlm_lib.training import Training

if TYPE_CHECKING:
    from hmlm_lib.baselines.cells import CellModel
else:
    CellModel = Any  # `n_parameters` exists after fit: no run-time check can hold before it

SETTINGS: dict[str, dict] = {"newcell_k8": {"k": 8}, "newcell_k4": {"k": 4}}
SEEN_SPECIES = 30
BATCH = 32  # training cells a step

CELL_CODE = (*CORE_CODE, "hmlm.cells", "hmlm.encoder", "evaluation.cells")
CELL_BASELINE_CODE = (*BASELINE_CODE, "baselines.cells", "evaluation.cells")


class CellEntry:
    """CellHMLM under task D's protocol; settings: fields of its CellConfig."""

    training_defaults = TRAINING

    def __init__(self, training: Training | None = None, **settings: Any):
        self.config, self.schedule = CellConfig(**settings), training or self.training_defaults

    def fit(self, experiments: Experiments) -> "CellEntry":
        def once(batch: int) -> CellHMLM:
            model = CellHMLM.from_network(experiments.network, self.config, self.schedule.seed).to(current())
            return model.fit(experiments, self.schedule, batch=batch).cpu()

        self.model = halving(once, BATCH, "training cells", "trained anew; a step then sees fewer")
        self.n_parameters = self.model.n_parameters
        return self

    def reconstruct(self, seen: Experiments, times_h: np.ndarray) -> np.ndarray:
        return parted(self.model.reconstruct)(seen, times_h)


@dataclass(frozen=True)
class Entry:
    """build(seed) -> model; knows: `nothing`, `wiring` or `equations`; modules: code its rows depend on."""

    build: Callable[[int], CellModel]
    knows: str
    modules: tuple[str, ...]


def _plain(model: type, knows: str = "nothing") -> Entry:
    return Entry(lambda _: model(), knows, CELL_BASELINE_CODE)


def _trained(model: type, knows: str, *modules: str) -> Entry:
    def build(seed: int) -> CellModel:
        return model(replace(model.training_defaults, seed=seed))

    return Entry(build, knows, (*CELL_BASELINE_CODE, "training", *modules))


MODELS: dict[str, Entry] = {
    "hmlm": Entry(lambda seed: CellEntry(replace(TRAINING, seed=seed)), "wiring", CELL_CODE),
    "persistence": _plain(baselines.StillCell),
    "mean": _plain(baselines.MeanCell),
    "pchip": _plain(baselines.Between),
    "ridge": _plain(baselines.PopulationRidge),
    "mlp": _trained(baselines.CellMLP, "nothing", "baselines.networks", "hmlm.encoder"),
    "gnn": _trained(baselines.GraphEncoder, "wiring", "hmlm.encoder", "hmlm.attention", "hmlm.tokens"),
    "hill_fitted": _trained(
        baselines.HillPerCell, "equations", "baselines.mechanistic", "hmlm.transducer", "hmlm.attention", "hmlm.tokens"
    ),
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="of new cells")


def settled(model: CellModel, seen: Experiments, times_h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A model's course, and the same corrected by a Gaussian process where something was measured."""
    both = np.union1d(times_h, seen.times_h)
    found = model.reconstruct(seen, both)  # once: some models are fitted to the cells they are asked about
    course, at_points = (found[:, np.searchsorted(both, when)] for when in (times_h, seen.times_h))
    # A species without points has no residual, so the process leaves it as it is.
    whole = replace(seen, activity=np.where(seen.measured, seen.activity, at_points))
    return course, correct(whole, at_points, course, times_h, NOISE_SD)


def score(fitted: CellModel, whole: Cells, part: Cells) -> dict[str, float]:
    """Errors of a fitted model on test cells seen whole and on the same cells seen in part."""
    times, true, seen = whole.truth.times_h, whole.truth.activity, part.measured
    plain, corrected = settled(fitted, whole.seen, times)
    partial, partial_corrected = settled(fitted, part.seen, times)
    return {
        "D/mse_plain": mse(plain, true),
        "D/mse_all": mse(corrected, true),
        "D/mse_unseen": mse(partial[:, :, ~seen], true[:, :, ~seen]),
        "D/mse_seen": mse(partial_corrected[:, :, seen], true[:, :, seen]),
    }


def questions(name: str, seed: int, train: int = N_TRAIN) -> tuple[Cells, Cells]:
    """The cells of a setting with all species of the test cells seen, and with `SEEN_SPECIES` of them."""
    whole, part = (cells(seed, **SETTINGS[name], species=s, train=train) for s in (None, SEEN_SPECIES))
    return whole, part


def run_one(name: str, model: str, seed: int, train: int = N_TRAIN) -> dict:
    """Fit one model, score both questions; the row. train: number of training cells."""
    whole, part = questions(name, seed, train)
    started = time.perf_counter()
    with one_thread():
        fitted = entry(model).build(seed).fit(whole.train)
        seconds = time.perf_counter() - started
        values = score(fitted, whole, part)
    values |= {"seconds": seconds, "parameters": fitted.n_parameters}
    return make_row(name, model, seed, values)
