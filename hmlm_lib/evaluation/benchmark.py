"""Running the benchmark: settings x models x seeds, one row each, resumable."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import product
from pathlib import Path

from hmlm_lib.baselines import Model
from hmlm_lib.chmr import imputed
from hmlm_lib.chmr import record as molecules
from hmlm_lib.composition import record as composition
from hmlm_lib.device import one_thread
from hmlm_lib.errors import ExperimentError, HmlmError, pick
from hmlm_lib.evaluation import (
    edges,
    faithfulness,
    frompoints,
    heldout,
    newcell,
    newnetwork,
    observations,
    onecourse,
    overexpressed,
    realcells,
)
from hmlm_lib.evaluation.definitions import defined
from hmlm_lib.evaluation.novel import with_new
from hmlm_lib.evaluation.outside import Checked, apart, importable, is_outside
from hmlm_lib.evaluation.outside import mark as mark_outside
from hmlm_lib.evaluation.reconstruct import correct
from hmlm_lib.evaluation.registry import ABLATIONS, CHOSEN, FINE, MODELS, entry, make
from hmlm_lib.evaluation.rows import (
    append,
    check_append,
    code_hash,
    make_row,
    read_file,
    read_rows,
    setting_file,
    valid,
)
from hmlm_lib.evaluation.score import by_condition, effect_scores, mse, trajectory_scores
from hmlm_lib.evaluation.tasks import NOISE_SD, Benchmark, benchmark
from hmlm_lib.experiments import Experiments
from hmlm_lib.paths import ROOT
from hmlm_lib.seeds import check_seed

SETTINGS: dict[str, dict] = {
    "k8": {"k": 8},
    "k4": {"k": 4},
    "k16": {"k": 16},
    "missing15_k8": {"k": 8, "missing": 0.15},
    "massaction_k8": {"k": 8, "mechanism": "mass_action"},
    "additive_k8": {"k": 8, "mechanism": "additive"},
    "delays_k8": {"k": 8, "mechanism": "delays"},
    "flipped10_k8": {"k": 8, "flipped": 0.10},
}
# Settings with models and measures of their own.
FAMILIES = (
    frompoints, overexpressed, newcell, newnetwork, onecourse, heldout, faithfulness, *edges.FAMILIES, realcells,
    observations, molecules, imputed, composition,
)  # fmt: skip
GROUPS = {"all": MODELS, "ablations": ABLATIONS, "chosen": CHOSEN, "fine": FINE}
OTHERS = {name: family for family in FAMILIES for name in family.SETTINGS}


def setting(name: str, seed: int) -> Benchmark:
    """The benchmark of a named setting and seed; its arrays are the caller's own, whatever a model writes there."""
    made = _made(name, seed)
    return replace(made, **{part: apart(e) for part, e in vars(made).items() if isinstance(e, Experiments)})


@lru_cache(maxsize=4)
def _made(name: str, seed: int) -> Benchmark:
    return benchmark(seed, **pick(SETTINGS, name, "setting", ExperimentError))


def score(model: Model, b: Benchmark) -> dict[str, float | list[float]]:
    """Tasks A, B and C of a fitted model; A is its forecast of the test conditions, corrected by their k points.

    The model sees no measurement of a test.
    """
    with one_thread():
        combine, knockout, wild, seen = (model.predict(e.without()) for e in (b.combine, b.knockout, b.wild, b.seen))
        corrected = correct(b.seen, seen, combine, b.combine.times_h, NOISE_SD)
    values: dict[str, float | list[float]] = {"A/mse_all": mse(corrected, b.combine.activity)}
    values |= {f"B/{k}": v for k, v in trajectory_scores(combine, b.combine).items()}
    values |= {f"C/{k}": v for k, v in trajectory_scores(knockout, b.knockout).items()}
    values |= {f"C/{k}": v for k, v in effect_scores(knockout, wild, b.knockout, b.wild).items()}
    return values | {"B/by_condition": by_condition(combine, b.combine.activity)}


def fit(name: str, b: Benchmark, seed: int, effort: float = 1.0) -> Model:
    """A model of the registry, fitted to the training experiments; effort: fraction of its training steps."""
    with one_thread():
        return make(name, b, seed, effort).fit(b.train)


def run_one(name: str, model: str, seed: int, effort: float = 1.0) -> dict:
    """Fit and score one model; the row. effort: fraction of its training steps, 1 in the record."""
    now = code(name, model, effort)
    if name in OTHERS:
        check_effort(name, effort)
        return OTHERS[name].run_one(name, model, seed) | {"code": now}
    b = setting(name, seed)
    started = time.perf_counter()
    fitted = fit(model, b, seed, effort)
    seconds = time.perf_counter() - started
    if is_outside(model):
        fitted = Checked(fitted, model)
    values = score(fitted, b) | {"seconds": seconds, "parameters": fitted.n_parameters}
    return make_row(name, model, seed, values) | {"code": now}


def settings() -> list[str]:
    """Names of all settings: tasks A to E, published protocol, explanations, edges, cells, molecules, compositions."""
    return [*SETTINGS, *OTHERS]


def models(name: str, wanted: Iterable[str] = ("all",)) -> list[str]:
    """Models of a setting; wanted: names or GROUPS; `all` is without the others. ModelError for an unknown name."""
    other = pick(dict.fromkeys(SETTINGS) | OTHERS, name, "setting", ExperimentError)  # None: models of the registry
    own = {"all": other.MODELS, "ablations": getattr(other, "ABLATIONS", ())} if other else GROUPS
    groups = dict.fromkeys(GROUPS, ()) | own
    found = [model for given in wanted for model in groups.get(given, [given])]
    for model in found:
        rests_on(name, model)
    return found


def rests_on(name: str, model: str) -> tuple[str, ...]:
    """What a row rests on: the modules of its entry; how it is scored; its setting, and its entry in the table."""
    if name not in OTHERS:
        return (*entry(model).modules, "evaluation.benchmark#score", f"evaluation.benchmark#{name}")
    family = OTHERS[name]
    place = getattr(family, "__name__", type(family).__module__).removeprefix("hmlm_lib.")
    source = (ROOT / "hmlm_lib" / place.replace(".", "/")).with_suffix(".py").read_text()
    return (*family.entry(model).modules, *defined(place, source, ("run_one", type(family).__name__, model, name)))


def code(name: str, model: str, effort: float = 1.0) -> str:
    """What a row has to say of its code to count: the hash; then the family's mark of what the code was given, or that
    of a class of your own, and the effort where that is not 1, so that no trial enters the record.
    """
    mark = getattr(OTHERS.get(name), "mark", mark_outside)(model)
    return code_hash(rests_on(name, model)) + mark + ("" if effort == 1 else f"@{effort:g}")


def check_fraction(effort: float) -> None:
    """ExperimentError for a fraction of the training steps that is out of range."""
    if not 0 < effort <= 1:
        raise ExperimentError(f"effort {effort:g}; allowed: above 0, at most 1")


def check_effort(name: str, effort: float) -> None:
    """ExperimentError for a fraction out of range, or a setting whose models know no effort."""
    check_fraction(effort)
    if name in OTHERS and effort != 1:
        raise ExperimentError(f"setting {name!r} is always trained completely; with an effort: {', '.join(SETTINGS)}")


def run(
    wanted: Iterable[str],
    chosen: Iterable[str],
    seeds: Iterable[int],
    report: Callable[[str], None] = print,
    effort: float = 1.0,
    into: Path | None = None,
) -> None:
    """Every run of these settings and models that has no valid row yet; one line each.

    effort: fraction of the training steps; rows of another effort than 1 do not count in the record. into: a file of
    this job's own that gets the rows in place of the record, those that the record has already as well; HmlmError for
    a file that holds something else, and before a run whose row could not be written.
    """
    seeds = list(seeds)
    for seed in seeds:
        check_seed(seed, ExperimentError)
    if into is not None:
        check_own(into)
    plan = [(name, models(name, tuple(chosen))) for name in wanted]
    for name, _ in plan:
        check_effort(name, effort)
    for name, those in plan:
        path = into or setting_file(name)
        for seed, model in product(map(int, seeds), those):  # NumPy's integers are none of JSON
            wanted_code = code(name, model, effort)
            if _row(path, name, model, seed, wanted_code):
                continue
            known = _row(setting_file(name), name, model, seed, wanted_code) if into else None
            if not known:
                check_append(path)
            row = known or run_one(name, model, seed, effort)
            append(path, row)
            report(f"{name:14s} {model:18s} seed {seed}  {'known' if known else _short(row['values'])}")


def check_own(path: Path) -> None:
    """HmlmError for a file that is there, not empty, and neither rows nor what a killed job left of the first one."""
    if path.is_file() and path.stat().st_size and not read_file(path)[0] and not path.read_bytes().startswith(b"{"):
        raise HmlmError(f"{path} holds something that is no row; allowed: a new file, or rows of this job")


def _row(path: Path, name: str, model: str, seed: int, wanted_code: str) -> dict | None:
    """The row of one run in a file, the last if there are several; None where there is none of this code."""
    wanted = {"setting": name, "model": model, "seed": seed, "code": wanted_code}
    found = [row for row in read_file(path)[0] if wanted.items() <= row.items()]
    return found[-1] if found else None


SHORT = re.compile(
    "[ABDP]/mse_(all|unseen|k.*)|[HN]/mse.*|[CO]/(rest_)?effect_.*|[EF]/.*|R/rmse|L/(balanced.*|random|unseen)|"
    "M/(test|clean|random|valid)"
)


def _short(values: dict) -> str:
    shown = "  ".join(f"{measure} {value:.5g}" for measure, value in values.items() if SHORT.fullmatch(measure))
    return f"{shown}  {values['seconds']:.0f} s"


def codes(name: str, effort: float = 1.0, own: Iterable[str] = ()) -> dict[str, str]:
    """Model -> code that its rows of a setting must have, all models of all groups.

    own: classes of your own beside them, as far as they can be imported; none for settings with models of their own.
    """
    beside = [model for model in own if name in SETTINGS and importable(model)]
    return {model: code(name, model, effort) for model in (*models(name, GROUPS), *beside)}


def outside(rows: Iterable[dict]) -> list[str]:
    """Classes of your own that rows name with the mark of a file, each once: they will be imported."""
    named = dict.fromkeys(row["model"] for row in rows if "+" in row["code"])
    return [model for model in named if is_outside(model)]


def rows(name: str) -> list[dict]:
    """Valid rows of a setting, all models of all groups; those of task B also on new sets of inputs alone."""
    every = read_rows(name)
    found = valid(every, codes(name, own=outside(every)))
    return [with_new(row) for row in found] if name in SETTINGS else found
