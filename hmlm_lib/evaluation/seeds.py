"""Models scored over seeds: a seed has a world, a draw of experiments and a start of training of its own.

A table of scores has a line a model, number of points k and seed: columns model, k, seed and the measures.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import pandas as pd

from hmlm_lib.baselines import Model
from hmlm_lib.device import side_by_side
from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation import benchmark, conditions, frompoints, score, summary
from hmlm_lib.evaluation.rows import as_table
from hmlm_lib.evaluation.tasks import SCORED, Benchmark
from hmlm_lib.evaluation.tasks import benchmark as draw

CURVES = ("linear", "log_linear", "pchip", "gp_of_time")
Key = tuple[str, int, int]  # model, k, seed
DRAWN: dict[tuple[int, int], Benchmark] = {}  # by k and seed, 5 MB each; each costs the simulator seconds


def draw_all(wanted: Iterable[tuple[int, int]]) -> None:
    """Experiments of every k and seed, side by side, kept for `experiments`; ExperimentError for k < 1."""
    new = [key for key in dict.fromkeys(wanted) if key not in DRAWN]
    jobs = [(seed, k) for k, seed in new]
    DRAWN.update(zip(new, side_by_side(draw, jobs) if len(jobs) > 1 else [draw(*job) for job in jobs], strict=True))


def experiments(k: int, seed: int) -> Benchmark:
    """Tasks A, B and C of a seed, every training experiment seen at k points; ExperimentError for k < 1."""
    draw_all([(k, seed)])
    return DRAWN[k, seed]


def said(seeds: Sequence[int]) -> str:
    """How a caption names them; ExperimentError for none."""
    if not len(seeds):
        raise ExperimentError("no seed; allowed: one or more")
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"mean and sd of seeds {seeds[0]} to {seeds[-1]}"


def as_scores(values: Mapping[Key, Mapping[str, float | list[float]]]) -> pd.DataFrame:
    """A table of scores; measures that are lists are left out."""
    rows = [
        {"model": model, "k": k, "seed": seed} | {m: v for m, v in of.items() if not isinstance(v, list)}
        for (model, k, seed), of in values.items()
    ]
    return pd.DataFrame(rows)


def scores(
    names: Iterable[str],
    points: Iterable[int],
    seeds: Iterable[int],
    effort: float = 1.0,
    known: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Scores of models at every number of points and seed, fitted side by side; by k, then model, then seed.

    effort: fraction of the training steps. known: scores that were computed before, which are not computed again.
    """
    wanted = [(name, k, seed) for k, name, seed in product(points, names, seeds)]
    before = {} if known is None else {(row.pop("model"), row.pop("k"), row.pop("seed")): row for row in _rows(known)}
    jobs = [key for key in wanted if key not in before]
    draw_all((k, seed) for _, k, seed in jobs)
    fitted = side_by_side(_score, [(name, experiments(k, seed), seed, effort) for name, k, seed in jobs])
    found = before | dict(zip(jobs, fitted, strict=True))
    return as_scores({key: found[key] for key in wanted})


def _rows(table: pd.DataFrame) -> list[dict]:
    return table.to_dict("records")


def _score(name: str, b: Benchmark, seed: int, effort: float) -> dict:
    return benchmark.score(benchmark.fit(name, b, seed, effort), b)


def fit(names: Sequence[str], k: int, seeds: Iterable[int], effort: float = 1.0) -> dict[Key, Model]:
    """Models of every seed, fitted side by side, where more than their scores is asked for."""
    keys = [(name, k, seed) for seed, name in product(seeds, names)]
    draw_all((k, seed) for _, _, seed in keys)
    found = side_by_side(benchmark.fit, [(name, experiments(k, seed), seed, effort) for name, _, seed in keys])
    return dict(zip(keys, found, strict=True))


def score_fitted(fitted: Mapping[Key, Model]) -> pd.DataFrame:
    """Scores of models that are fitted, side by side, and their number of parameters."""
    found = side_by_side(benchmark.score, [(model, experiments(k, seed)) for (_, k, seed), model in fitted.items()])
    sizes = [{"parameters": model.n_parameters} for model in fitted.values()]
    return as_scores({key: one | size for key, one, size in zip(fitted, found, sizes, strict=True)})


def by_condition(fitted: Mapping[Key, Model], names: Iterable[str]) -> pd.DataFrame:
    """r of the change in the paper's conditions, columns model, condition, seed, r; by model, then seed."""
    drawn = {(k, seed): experiments(k, seed) for _, k, seed in fitted}
    paper = {key: conditions.paper_conditions(b.world, b.train.network) for key, b in drawn.items()}
    rows = []
    for name in names:
        for (model, k, seed), found in fitted.items():
            if model == name:
                said_of = conditions.change_correlations(found, paper[k, seed]).items()
                rows += [{"model": name, "condition": where, "seed": seed, "r": r} for where, r in said_of]
    return pd.DataFrame(rows)


def interpolated(points: Iterable[int], seeds: Iterable[int]) -> pd.DataFrame:
    """Task A of curves through or along the k points, no model behind them: column `A/mse_all`."""
    values, points, seeds = {}, tuple(points), tuple(seeds)
    draw_all(product(points, seeds))
    for k, kind, seed in product(points, CURVES, seeds):
        b = experiments(k, seed)
        curve = frompoints.MODELS[kind].run(b.seen, SCORED)
        values[kind, k, seed] = {"A/mse_all": score.mse(curve, b.combine.activity)}
    return as_scores(values)


def spread(table: pd.DataFrame, measures: Sequence[str], by: str = "model") -> pd.DataFrame:
    """Over seeds: index `by` in its order, columns (measure, mean | sd | n); sd is NaN for one seed."""
    rows = ({"model": row[by], "values": row} for row in _rows(table))
    return as_table(rows, measures).reindex(table[by].unique()).rename_axis(by)


def shown(found: pd.DataFrame, places: int) -> pd.DataFrame:
    """A `spread` to read, `mean ± sd` (the mean alone for one seed); columns the measures, or whatever stands there."""
    columns = found.columns.get_level_values(0).unique()
    text = {
        name: [summary.cell(*one, places) for one in found[name][["mean", "sd"]].itertuples(index=False)]
        for name in columns
    }
    return pd.DataFrame(text, index=found.index)


def by_points(table: pd.DataFrame, measure: str, places: int = 5) -> pd.DataFrame:
    """To read: a measure of every model (row) at every k (column), `mean ± sd` over seeds, the mean alone for one."""
    parts = {k: shown(spread(rows, [measure]), places)[measure] for k, rows in table.groupby("k")}
    return pd.DataFrame(parts).sort_index().rename_axis("k", axis=1)
