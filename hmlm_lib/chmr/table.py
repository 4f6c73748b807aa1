"""Rows as tables for readers: the nine sets, published figures apart; what real cells are worth; who fills them in."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import t as student

from hmlm_lib.chmr import imputed, record
from hmlm_lib.chmr.benchmarks import SETS, SHUFFLED
from hmlm_lib.evaluation import benchmark
from hmlm_lib.evaluation.rows import as_table

FEWEST = 6  # tasks: the spread of fewer says nothing of others
CONTROLS = {
    "shuffled cells": "chmr_shuffled",
    "no cells": "chmr_no_cells",
    "an untrained encoder": "chmr_untrained",
}
WITHOUT = {
    "no tree": "chmr_no_tree",
    "no alignment": "chmr_no_alignment",
    "no walks": "chmr_no_cpr",
    "zeros for missing cells": "chmr_zero",
}


def scores(measure: str = "M/test") -> pd.DataFrame:
    """Columns set, model, mean, sd (0 for one seed), n: all that has rows, in the order of the record."""
    found = [
        as_table(benchmark.rows(f"molecules_{name}"), [measure])[measure].rename_axis("model").assign(set=name)
        for name in SETS
    ]
    table = pd.concat(found).reset_index()[["set", "model", "mean", "sd", "n"]].fillna({"sd": 0.0})
    order = {name: i for i, name in enumerate([*SETS, *record.MODELS, *record.ABLATIONS])}
    return table.sort_values(["set", "model"], key=lambda column: column.map(order)).reset_index(drop=True)


def published() -> pd.DataFrame:
    """What the papers print: index model, columns sets. Their sources stand in published.csv."""
    table = pd.read_csv(Path(__file__).with_name("published.csv"))
    return table.pivot(index="model", columns="set", values="score")


def worth(model: str = "chmr", controls: dict[str, str] = CONTROLS) -> pd.DataFrame:
    """Mean gain of a model over its controls with its 95 % interval, by set; above 0 is better, for errors too.

    controls: title -> model; `CONTROLS` ask for the cells, `WITHOUT` for the parts of the method.
    Seeds that both have are paired, task by task. The interval is that of `_both` over seeds and tasks; with fewer than
    `FEWEST` tasks Student's over the seeds, NaN for fewer than three. Either speaks of other trainings and tasks, not
    of other test molecules. Columns control, set, tasks, seeds, gain, low, high; without a pair of rows no line.
    """
    found = []
    for (title, control), name in product(controls.items(), SETS):
        gain = _gains(name, model, control, "M/by_task")
        if not len(gain):
            continue
        gain = gain[:, ~np.isnan(gain).any(0)]
        low, high = _both(gain) if gain.shape[1] >= FEWEST else _student(gain.mean(1))
        found.append((title, name, gain.shape[1], len(gain), gain.mean(), low, high))
    return pd.DataFrame(found, columns=["control", "set", "tasks", "seeds", "gain", "low", "high"])


def _both(gain: Float[np.ndarray, "seed task"]) -> tuple[float, float]:
    """95 % interval of the mean where seeds and tasks are draws, NaN for one seed.

    Variance: that of the seeds' means / seeds + that of the tasks' means / tasks, a = A + B; Student's t with
    a^2 / (A^2 / (seeds - 1) + B^2 / (tasks - 1)) degrees of freedom (Satterthwaite 1946). It holds the true mean in 90
    to 98 of a hundred simulated tables of two to five seeds; a bootstrap over both held it in 72 to 98.
    """
    if len(gain) < 2:
        return np.nan, np.nan
    part = np.array([gain.mean(1 - axis).var(ddof=1) / count for axis, count in enumerate(gain.shape)])
    if not part.any():
        return gain.mean(), gain.mean()
    free = part.sum() ** 2 / (part**2 / (np.array(gain.shape) - 1)).sum()
    half = student.ppf(0.975, free) * np.sqrt(part.sum())
    return gain.mean() - half, gain.mean() + half


def _student(gain: Float[np.ndarray, " seed"], shared: float = 0.0) -> tuple[float, float]:
    """95 % interval of the mean by Student's t, NaN for n < 3; shared: added to 1 / n where samples overlap."""
    if len(gain) < 3:
        return np.nan, np.nan
    half = student.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) * np.sqrt(1 / len(gain) + shared)
    return gain.mean() - half, gain.mean() + half


def _gains(name: str, model: str, control: str, measure: str) -> Float[np.ndarray, "seed ..."]:
    """A measure of a model minus that of a control, errors turned round, for every seed that both have rows of."""
    by = {
        (row["model"], row["seed"]): np.array(row["values"][measure], float)
        for row in benchmark.rows(f"molecules_{name}")
        if row["model"] in (model, control)
    }
    seeds = sorted({s for m, s in by if m == model} & {s for m, s in by if m == control})
    sign = 1.0 if SETS[name].score == "auroc" else -1.0
    return sign * np.array([by[model, seed] - by[control, seed] for seed in seeds])


def over_splits(name: str, model: str, control: str) -> tuple[int, float, float, float]:
    """Splits, mean gain of a model over a control on other scaffolds, and its 95 % interval; above 0 is better.

    The rows of a seed share a split, and are paired. Splits overlap, so the variance of the mean is that of a gain
    times 1 / splits + test / train (Nadeau and Bengio 2003, corrected resampled t); NaN for fewer than three splits.
    """
    gain = _gains(name, model, control, "M/random")
    train, _, test = SHUFFLED
    return len(gain), gain.mean() if len(gain) else np.nan, *_student(gain, test / train)


def filled_in() -> pd.DataFrame:
    """Error of hidden real profiles, in units of the mean's: columns modality, model, where, error, sd, r, n."""
    found = []
    for name, setting in imputed.SETTINGS.items():
        measures = [f"I/{value}_{where}" for value in ("error", "r") for where in ("random", "scaffold")]
        rows = as_table(benchmark.rows(name), measures)
        for where in ("random", "scaffold"):
            error = rows[f"I/error_{where}"].fillna({"sd": 0.0}).rename(columns={"mean": "error"})
            found.append(
                error.assign(r=rows[f"I/r_{where}", "mean"], modality=setting["modality"], where=where)
                .rename_axis("model")
                .reset_index()
            )
    order = {name: i for i, name in enumerate(imputed.MODELS)}
    table = pd.concat(found)[["modality", "model", "where", "error", "sd", "r", "n"]]
    return table.sort_values("model", key=lambda column: column.map(order), kind="stable").reset_index(drop=True)
