"""The record as tables of reports/results.md, from valid rows only: settings side by side, each alone, paired tests."""

import re
from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import wilcoxon

from hmlm_lib.chmr import imputed, leaks
from hmlm_lib.chmr import record as molecules
from hmlm_lib.chmr.benchmarks import SETS
from hmlm_lib.composition import record as composition
from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation import (
    benchmark,
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
from hmlm_lib.evaluation.rows import as_table
from hmlm_lib.evaluation.shots import SHOTS
from hmlm_lib.real.courses import LINES

SHORT = (
    "hmlm",
    "hmlm_flat",
    "hmlm_chosen",
    "hmlm_fine",
    "hill_fitted",
    "hill_fitted_fine",
    "gru",
    "neural_ode",
    "gnn",
    "graph_ode",
    "cellbox",
    "lembas",
    "lembas_chosen",
    "mlp",
    "ridge",
    "mean",
    "persistence",
)
TASKS = {
    "A/mse_all": "A",
    "B/mse_all": "B",
    "B/mse_new": "B, new sets of inputs",
    "C/effect_mse": "C, effect",
    "C/effect_r": "C, r",
    "C/rest_effect_mse": "C, effect on the others",
    "C/rest_effect_r": "C, r there",
}
STRONGER = {
    "O/effect_mse": "over-expression, effect",
    "O/effect_r": "r",
    "O/rest_effect_mse": "on the other species",
    "O/rest_effect_r": "r there",
    "O/mse_all": "whole course",
}
POINTS = {"A/mse_all": "A"}
ELSEWHERE = {(name, "A") for name in frompoints.BESIDE.values()}  # tests that stand with the points alone
CELLS = {"D/mse_all": "D, all seen", "D/mse_unseen": "D, 30 seen: the other 79", "D/mse_plain": "without GP"}
NETWORKS = {
    f"N/mse_{n}": f"B, {n} experiment{'s' * (n != 1)}" for n in SHOTS[::-1]
}  # the last column is empty for most models
NETWORKS |= {f"N/effect_r_{n}": f"C, r, {n} experiments" for n in (SHOTS[-1], SHOTS[0])}
MOLECULES = {"M/test": "test", "M/clean": "test, clean", "M/random": "other scaffolds", "M/valid": "validation"}
IMPUTED = {
    f"I/{name}_{where}": title + text
    for where, text in {"random": "", "scaffold": ", new scaffolds"}.items()
    for name, title in {"error": "error / the mean's", "r": "r"}.items()
}
COMPOSED = {"L/random": "new peptides", "L/unseen": "of unseen alleles", "parameters": "trained", "features": "pooled"}
EXPLAINED = {"F/spearman": "Spearman r", "F/signed": "with signs", "F/precision": "of the 100 strongest pairs"}
EDGES = {"E/auroc": "AUROC", "E/auprc": "AUPRC"}
REAL = {"R/rmse": "RMSE, log2"} | {f"R/{line}": line for line in LINES}
LITERATURE = {
    "L/balanced_accuracy": "balanced accuracy",
    "L/accuracy": "accuracy",
    "L/recall_increase": "recall, Increase",
    "L/recall_no_change": "No Change",
    "L/recall_decrease": "Decrease",
    "L/auroc_increase": "AUROC, Increase",
    "L/auroc_decrease": "Decrease",
}
HELD_OUT = {"H/mse": "MSE, markers", "H/mse_combined": "combined held out", "H/time_r": "r over time"}
COURSE = {f"P/mse_k{k}": f"{k} points" for k in (4, 8, 16)}


def measures(name: str) -> dict[str, str]:
    """Measure -> column title of a setting."""
    families = [
        (overexpressed, STRONGER),
        (frompoints, POINTS),
        (newcell, CELLS),
        (newnetwork, NETWORKS),
        (onecourse, COURSE),
        (heldout, HELD_OUT),
        (molecules, MOLECULES),
        (imputed, IMPUTED),
        (faithfulness, EXPLAINED),
        (realcells, REAL),
        (observations, LITERATURE),
        (composition, COMPOSED),
    ]
    families += [(family, EDGES) for family in edges.FAMILIES]
    return next((found for family, found in families if name in family.SETTINGS), TASKS)


def larger_is_better(name: str, measure: str = "") -> bool:
    """Whether a larger value of a setting's measure (its first unless said) is better."""
    if name in molecules.SETTINGS:
        return SETS[molecules.SETTINGS[name]].score == "auroc"
    return "effect_r" in measure or measures(name) in (EXPLAINED, EDGES, LITERATURE, COMPOSED)


def together(name: str) -> list[dict]:
    """Valid rows of a setting; where its models know the points alone, those of the setting beside it as well."""
    return [row for one in (name, frompoints.BESIDE.get(name)) if one for row in benchmark.rows(one)]


def table(name: str, wanted: Collection[str] | None = None, worlds_of: str | None = None) -> pd.DataFrame:
    """Mean, sd and n a measure of a setting's valid rows, by model: as `wanted`, or the best first.

    worlds_of: only the worlds of this model, and only models that have them all.
    """
    rows = together(name)
    if worlds_of is not None:
        worlds: dict[str, set[int]] = {}
        for row in rows:
            worlds.setdefault(row["model"], set()).add(row["seed"])
        shared = worlds.get(worlds_of, set())
        rows = [row for row in rows if row["seed"] in shared and shared <= worlds[row["model"]]]
    found = as_table(rows, measures(name))
    if wanted is not None:
        return found.reindex([model for model in wanted if model in found.index])
    first = (next(iter(measures(name))), "mean")
    return found.sort_values(first, ascending=not larger_is_better(name), kind="stable")


def explanations() -> pd.DataFrame:
    """Faithfulness of every explanation that has rows: columns name, explanation, group, mean, sd (0 for one), n."""
    found = table("faithful_k8")["F/spearman"].rename_axis("name").reset_index()
    rows = []
    for name in found["name"]:
        entry = faithfulness.entry(name)
        of = f", {entry.of}".replace("_", " ") if entry.of else ""
        rows.append((faithfulness.label(entry.kind) + of, _group(entry.of)))
    labels = pd.DataFrame(rows, columns=["explanation", "group"], index=found.index)
    return pd.concat([found[["name"]], labels, found[["mean", "sd", "n"]].fillna({"sd": 0.0})], axis=1)


def _group(of: str) -> str:
    if not of:
        return "without a model"
    return "controls" if of in faithfulness.CONTROLS else "HMLM" if of.startswith("hmlm") else "other models"


def recovered(name: str) -> pd.DataFrame:
    """Methods of a setting of edges: columns method, group, auroc, auprc, auroc_sd, auprc_sd."""
    found = table(name)
    own = [str(m).startswith("hmlm") or m == "score_test" for m in found.index]
    labels = ["transducer score test" if m == "score_test" else str(m).replace("_", " ") for m in found.index]
    columns = {"method": labels, "group": np.where(own, "HMLM", "without a model")}
    for measure in ("auroc", "auprc"):
        columns[measure] = found[f"E/{measure}", "mean"].to_numpy()
        columns[f"{measure}_sd"] = found[f"E/{measure}", "sd"].fillna(0.0).to_numpy()
    return pd.DataFrame(columns)


def tested(name: str) -> list[str]:
    """Tasks of a setting whose rows hold an error for every condition: the first part of `*/by_condition`, B first."""
    return _tasks(together(name))


def _tasks(rows: list[dict]) -> list[str]:
    found = {task for row in rows for task in _by_condition(row["values"])}
    return sorted(found, key=lambda task: (task != "B", task))


def paired(name: str, model: str = "hmlm", task: str | None = None) -> pd.DataFrame:
    """A model against each other one over the same test conditions of all worlds (real cells: lines) that both have.

    task: one of `tested` (default: the first); rows without its errors are left out, ExperimentError for another name.

    Columns: conditions, better (fraction where the model's error is smaller), p (two-sided Wilcoxon signed-rank); index
    model. Conditions of one world share its kinetics, so p is optimistic: read it beside the spread over worlds.
    """
    rows = together(name)
    tasks = _tasks(rows)
    if task is not None and task not in tasks:
        known = ", ".join(tasks) or "none, it has no such rows"
        raise ExperimentError(f"{name}: no errors by condition of task {task!r}; allowed: {known}")
    task = task or next(iter(tasks), None)
    errors: dict[str, dict[int, np.ndarray]] = {}
    for row in rows:
        parts = _by_condition(row["values"])
        if task in parts:
            errors.setdefault(row["model"], {})[row["seed"]] = parts[task]
    own, found = errors.pop(model, {}), []
    for other, theirs in errors.items():
        seeds = sorted(set(own) & set(theirs))
        if not seeds:
            continue
        a, b = (np.concatenate([e[s] for s in seeds]) for e in (own, theirs))
        known = ~np.isnan(a + b)
        a, b = a[known], b[known]
        if len(a):
            p = float(wilcoxon(a, b).pvalue) if (a != b).any() else 1.0
            found.append({"model": other, "conditions": len(a), "better": float((a < b).mean()), "p": p})
    columns = ["model", "conditions", "better", "p"]
    return pd.DataFrame(found, columns=columns).set_index("model").sort_values("better", kind="stable")


def real_cells() -> pd.DataFrame:
    """RMSE of every model and protocol that has rows: columns protocol, model, mean, sd (0 for one seed), n."""
    parts = []
    for name, setting in realcells.SETTINGS.items():
        found = table(name)["R/rmse"].rename_axis("model").reset_index()
        parts.append(found.assign(protocol=setting["protocol"]))
    return pd.concat(parts, ignore_index=True)[["protocol", "model", "mean", "sd", "n"]].fillna({"sd": 0.0})


def shots() -> pd.DataFrame:
    """MSE of every model on a network never seen, by experiments: columns setting, model, count, mean, sd, n."""
    parts = []
    for name in newnetwork.SETTINGS:
        found = table(name)
        for count in SHOTS:
            one = found[f"N/mse_{count}"].rename_axis("model").reset_index().dropna(subset="mean")
            parts.append(one.assign(setting=name, count=count))
    return pd.concat(parts, ignore_index=True)[["setting", "model", "count", "mean", "sd", "n"]].fillna({"sd": 0.0})


def _by_condition(values: dict) -> dict[str, Float[np.ndarray, " condition"]]:
    """Task -> its errors, one list after the other; NaN where a condition has none."""
    parts: dict[str, list] = {}
    for key, errors in values.items():
        if key.endswith("/by_condition"):
            parts.setdefault(key.split("/")[0], []).extend(errors)
    return {task: np.array(errors, dtype=float) for task, errors in parts.items()}


def markdown(name: str, wanted: Collection[str] | None = None) -> list[str]:
    """The table of a setting as lines of Markdown; none without rows."""
    found, titles = table(name, wanted), measures(name)
    if not len(found):
        return []
    without_worlds = (heldout, molecules, imputed, realcells, composition)
    draws = "seeds" if any(name in family.SETTINGS for family in without_worlds) else "worlds"
    lines = [f"| {name} | {' | '.join(titles.values())} | {draws} |", "|---" * (len(titles) + 2) + "|"]
    for model, row in found.iterrows():
        cells = [cell(row[measure, "mean"], row[measure, "sd"], digits(measure)) for measure in titles]
        lines.append(f"| {str(model).replace('_', ' ')} | {' | '.join(cells)} | {int(row[next(iter(titles)), 'n'])} |")
    return [*lines, ""]


def digits(measure: str) -> int:
    """Decimal places of a measure."""
    if measure in ("parameters", "features"):
        return 0
    return (
        3
        if measure.endswith("_r") or "effect_r" in measure or measure[:2] in ("E/", "F/", "I/", "L/", "M/", "R/")
        else 5
    )


def cell(mean: float, sd: float, places: int) -> str:
    """`mean ± sd`, the mean alone where there is no sd, a dash where there is neither."""
    if np.isnan(mean):
        return "-"
    if not places:  # counts
        return f"{mean:,.0f}"
    form = f"{{:.{places}f}}"
    return form.format(mean) + ("" if np.isnan(sd) else " ± " + form.format(sd))


def across(
    measure: str, title: str, settings: Iterable[str] = tuple(benchmark.SETTINGS), models: Collection[str] = SHORT
) -> list[str]:
    """One measure of several settings: a row a model, a column a setting that has rows, worlds or seeds in brackets."""
    tables = {name: found for name in settings if len(found := table(name, models))}
    if not tables:
        return []
    heads = [re.sub("^(molecules|hpn|reconstruct)_", "", name) for name in tables]
    lines = [f"| {title} | {' | '.join(heads)} |", "|---" * (len(tables) + 1) + "|"]
    for model in models:
        rows = [found.loc[model] if model in found.index else None for found in tables.values()]
        if any(row is not None for row in rows):
            cells = [_across_cell(row, measure) for row in rows]
            lines.append(f"| {model.replace('_', ' ')} | {' | '.join(cells)} |")
    return [*lines, ""]


def _across_cell(row: pd.Series | None, measure: str) -> str:
    if row is None:
        return "-"
    return f"{cell(row[measure, 'mean'], row[measure, 'sd'], digits(measure))} ({int(row[measure, 'n'])})"


def overview() -> list[str]:
    """Settings side by side, for the models that matter most."""
    lines = across("B/mse_all", "B, MSE") + across("C/effect_r", "C, r of the effect")
    lines += across("A/mse_all", "A, MSE", frompoints.SETTINGS, (*SHORT, *frompoints.MODELS))
    found = [name for family in edges.FAMILIES for name in family.SETTINGS]
    every = tuple(dict.fromkeys(model for name in found for model in benchmark.models(name)))
    lines += across("E/auroc", "edges, AUROC", found, every)
    lines += across("R/rmse", "real cells, RMSE", realcells.SETTINGS, tuple(realcells.MODELS))
    for measure, title in {"M/test": "published test", "M/clean": "clean test"}.items():
        lines += across(measure, title, molecules.SETTINGS, (*molecules.MODELS, *molecules.ABLATIONS))
    return lines


def _tests(name: str, task: str) -> list[str]:
    """Paired tests of one task as lines of Markdown; none where HMLM has no errors by condition."""
    tests = paired(name, task=task)
    if not len(tests):
        return []
    what = "" if task == "R" else f" ({task})"
    lines = [f"HMLM against each, condition by condition{what}:", "", "| model | conditions | HMLM better | p |"]
    lines += ["|---|---|---|---|"]
    lines += [f"| {m} | {int(r['conditions'])} | {r['better']:.2f} | {r['p']:.1g} |" for m, r in tests.iterrows()]
    return [*lines, ""]


def full() -> str:
    """Every setting, model and paired test that has rows."""
    lines = [
        "# Results", "", "Written by `python -m hmlm_lib results` from the rows of today's code: complete training, ",
        "mean ± sd over worlds. MSE in squared fractions of maximum; r of the effect of unseen knock-outs.",
        "New sets of inputs: the test combinations, 21 to 24 of 40, whose inputs no training condition steps together.",
        "C on the others (there): all species but the one knocked out, of a third to three quarters of the squared",
        "effect; zeroed: the model told that what is knocked out is silent, and no more. A dash: older rows.",
        "Over-expressions (overexpressed_k8): task C's species with ymax doubled in place of knocked out; the effect,",
        "and that on all species but the doubled one, whose own doubling is most of it.",
        "A (reconstruct_k...): a trajectory from its points: curves and a Gaussian process of time see these alone",
        "(last rows); a model of other experiments is corrected there by a Gaussian process (persistence, mean too).",
        "Explanations (faithful_k8): rank correlation with true knock-out effects. Edges: AUROC and AUPRC.",
        "Real cells (hpn_...): RMSE in log2 units, mean over signals, then over four cell lines. Hints of the gp rows",
        "were kept by the scores of hpn_inhibitor itself, kernel and noise of samples in sight of them (gp alike",
        ".242 before, .232 after), HMLM's settings by inner folds of the training part. No gp here is untouched; as",
        "first written, gp and gp all lines had .241 and .235 there, still below HMLM and the linear maps.",
        "Literature: recall by class of 118 observations, models trained on simulated cells alone.",
        "Molecules: AUROC, Biogen mean absolute error, mean over tasks, mean ± sd over seeds.",
        "Imputed cells: a fifth of the measured profiles hidden, at random or by scaffolds; error / the mean's error.",
        "New networks: MSE of B and r of C by the experiments shown; a dash: the model says nothing without any.",
        "Compositions: AUROC on new peptides with swap decoys, of alleles seen in training and of unseen ones; trained",
        "parameters and pooled features.", "",
    ]  # fmt: skip
    lines += ["## Settings side by side", "", *overview(), *leaks.markdown(), "## Every setting", ""]
    for name in benchmark.settings():
        part = markdown(name)
        if not part:
            lines += [f"{name}: no rows yet.", ""]
            continue
        lines += part
        for task in tested(name):
            if (name, task) not in ELSEWHERE:
                lines += _tests(name, task)
    return "\n".join(lines)
