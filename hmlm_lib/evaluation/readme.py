"""Tables of README and findings: ours beside the best other of every question; `write` brings both, and the reports, up
to date.

The best other is chosen by its mean on the test experiments themselves, among those with as many worlds or seeds as
ours: picked afterwards, in its favour. Every model and setting stands in reports/results.md.
"""

from collections.abc import Callable, Iterable

import numpy as np

from hmlm_lib import environment
from hmlm_lib.chmr import imputed
from hmlm_lib.chmr import record as molecules
from hmlm_lib.chmr.table import over_splits, published
from hmlm_lib.composition import record as composition
from hmlm_lib.errors import HmlmError
from hmlm_lib.evaluation import benchmark, flat, newcell, newnetwork, overexpressed, realcells, registry
from hmlm_lib.evaluation.aims import AIMS, Aim
from hmlm_lib.evaluation.rows import rows_dir
from hmlm_lib.evaluation.summary import cell, digits, full, larger_is_better, table
from hmlm_lib.files import write_whole
from hmlm_lib.paths import ROOT

BEGIN, END = "<!-- results: written by `python -m hmlm_lib results` -->", "<!-- end of results -->"
WORLDS = {
    "k8": "8 points",
    "k4": "4 points",
    "k16": "16 points",
    "missing15_k8": "15 % of the reactions hidden",
    "massaction_k8": "mass action",
    "additive_k8": "regulators add up",
    "delays_k8": "delays",
    "flipped10_k8": "10 % of the signs flipped",
}
KNOCKED_OUT = ("k8", "missing15_k8", "additive_k8", "flipped10_k8")
SIMULATED = [
    *((name, "B/mse_all", f"B, {title}", "hmlm") for name, title in WORLDS.items()),
    *((name, "B/mse_new", f"B, {WORLDS[name]}, new sets of inputs alone", "hmlm") for name in KNOCKED_OUT),
    ("k8", "C/effect_mse", "C, MSE of the effect, 8 points", "hmlm"),
    *((name, "C/effect_r", f"C, r, {WORLDS[name]}", "hmlm") for name in KNOCKED_OUT),
    *((name, "C/rest_effect_r", f"C, r on the other species, {WORLDS[name]}", "hmlm") for name in KNOCKED_OUT),
    *(
        (name, f"O/{measure}", f"C, r, over-expression{where}", "hmlm")
        for name in overexpressed.SETTINGS
        for measure, where in {"effect_r": "", "rest_effect_r": ", on the other species"}.items()
    ),
    *((name, "D/mse_all", f"D, {name.removeprefix('newcell_k')} points", "hmlm") for name in newcell.SETTINGS),
    *((name, "D/mse_unseen", "D, species nobody measured", "hmlm") for name in newcell.SETTINGS if name.endswith("k8")),
    *(
        ("published_noise05", f"P/mse_k{k}", f"published, noise .05, {k} points{how}", model)
        for model, how in {"hmlm": "", "hmlm_curves": "; HMLM and two curves, averaged"}.items()
        for k in (4, 8, 16)
    ),
    *((name, "B/mse_all", f"B, {WORLDS[name]}; HMLM's form chosen", "hmlm_chosen") for name in WORLDS),
    ("k8", "B/mse_all", f"B, {WORLDS['k8']}; HMLM on 80 steps", "hmlm_fine"),
]
MECHANISMS = {"hill": "", "mass_action": ", mass action", "additive": ", regulators add up"}
OTHERS = [
    *(
        (
            name,
            f"N/mse_{count}",
            f"a network never seen{MECHANISMS[setting['mechanism']]}, {count} experiments, MSE",
            "hmlm_pretrained",
        )
        for name, setting in newnetwork.SETTINGS.items()
        for count in (0, 4, 16)
    ),
    ("faithful_k8", "F/spearman", "effect of every knock-out on every species, rank correlation", "knockout_hmlm_flat"),
    ("planted10_k8", "E/auroc", "edges that are false, AUROC", "hmlm_weight"),
    ("hidden10_k8", "E/auroc", "edges that are hidden, AUROC", "hmlm_consensus"),
    ("insilico", "E/auroc", "wiring from nothing, AUROC", "hmlm_residual_score_test"),
    *(
        (name, "R/rmse", f"blots, {setting['protocol'].replace('_', ' ')}, RMSE in log2", "hmlm")
        for name, setting in realcells.SETTINGS.items()
    ),
    ("literature", "L/balanced_accuracy", "literature observations, balanced accuracy", "hmlm"),
    *(
        (name, f"I/error_{where}", f"real {setting['modality']} filled in, {title}, error / the mean's", "propagation")
        for name, setting in imputed.SETTINGS.items()
        for where, title in {"random": "at random", "scaffold": "new scaffolds"}.items()
    ),
    *(
        (name, measure, f"peptides and MHC, {title}, AUROC", "composition")
        for name in composition.SETTINGS
        for measure, title in {"L/random": "alleles seen", "L/unseen": "alleles unseen"}.items()
    ),
]
# The README's short table: (setting, measure, ours) -> the question in plain words.
HIGHLIGHTS = {
    ("k8", "B/mse_all", "hmlm"): "combinations of stimuli never seen, from 8 noisy points, MSE",
    ("missing15_k8", "B/mse_all", "hmlm"): "the same, 15 % of the reactions hidden",
    ("massaction_k8", "B/mse_all", "hmlm"): "the same, cells of mass action",
    ("additive_k8", "B/mse_all", "hmlm"): "the same, regulators add up",
    ("k8", "C/rest_effect_r", "hmlm"): "what a knock-out never seen does to the other species, r",
    ("missing15_k8", "C/rest_effect_r", "hmlm"): "the same, 15 % of the reactions hidden",
    ("newcell_k8", "D/mse_all", "hmlm"): "a cell with other kinetics, from 8 points, MSE",
    ("published_noise05", "P/mse_k8", "hmlm"): "the paper's own protocol with noise, 8 points, MSE",
    (
        "newnetwork_massaction_k8",
        "N/mse_16",
        "hmlm_pretrained",
    ): "a network never seen, mass action, 16 experiments, MSE",
    (
        "faithful_k8",
        "F/spearman",
        "knockout_hmlm_flat",
    ): "effects of all knock-outs, asked of a model, rank correlation",
    ("hpn_inhibitor", "R/rmse", "hmlm"): "real blots, an inhibitor left out, RMSE in log2",
    ("literature", "L/balanced_accuracy", "hmlm"): "literature observations, balanced accuracy",
    ("molecules_toxcast", "M/test", "chmr_committee"): "ToxCast, 617 assays, AUROC",
    ("molecules_clintox", "M/test", "chmr_committee"): "ClinTox, 2 tasks, AUROC",
    ("composition_16k", "L/unseen", "composition"): "peptides and MHC, alleles never seen, AUROC",
}
# Models, ablations and controls of the method itself.
OWN = ("hmlm", "chmr", "composition", "untrained", "shuffled", "score_test", "propagation", "learned")
# Half of the vote is a forest's: they stand in a table of their own, and nothing of it in another.
FORESTS = {"chmr_forest": "CHMR and a forest", "mlp_descriptors_forest": "the same without an encoder"}
Fits = Callable[[str], bool]


def _without_equations(model: str) -> bool:
    found = registry.MODELS.get(model)
    return not model.startswith(("hmlm", "hill")) and (found is None or found.knows != "equations")


def _equations(name: str) -> Fits:
    """Fits the equations that are shown beside a setting: fitted, on 40 steps or 80, or from typical kinetics."""
    return lambda model: model.startswith("hill_typical" if name in newnetwork.SETTINGS else "hill_fitted")


def _foreign(model: str) -> bool:
    return model not in FORESTS and not any(name in model for name in OWN)


def _rivals(name: str) -> Fits:
    """Fits the models that ours stands beside: where cells are simulated, those that do not know the equations."""
    return _without_equations if name in (*WORLDS, *newcell.SETTINGS, *newnetwork.SETTINGS) else _foreign


def best(name: str, measure: str, ours: str, fits: Fits) -> str | None:
    """The fitting model with the best mean, of those with as many worlds or seeds as ours; None without any."""
    found = table(name)
    least = found.loc[ours, (measure, "n")] if ours in found.index else 1
    fitting = [str(model) for model in found.index if fits(str(model)) and found.loc[model, (measure, "n")] >= least]
    means = found.loc[fitting, (measure, "mean")].dropna()
    if not len(means):
        return None
    return str(means.idxmax() if larger_is_better(name, measure) else means.idxmin())


def averages(name: str, measure: str, *models: str | None) -> list[float]:
    """Means of models over worlds or seeds; NaN without rows."""
    found = table(name)
    return [float(found.loc[model, (measure, "mean")]) if model in found.index else np.nan for model in models]


def said(name: str, measure: str, model: str | None, named: bool = True, worlds_of: str | None = None) -> str:
    """A model's mean ± sd, and its name; a dash without rows. worlds_of: as in `table`."""
    found = table(name, worlds_of=worlds_of)
    if model is None or model not in found.index:
        return "-"
    text = cell(found.loc[model, (measure, "mean")], found.loc[model, (measure, "sd")], digits(measure))
    return f"{text} ({model.replace('_', ' ')})" if named else text


def _lines(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    heads = list(heads)
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)] + [""]


def highlights() -> list[str]:
    """A line a question, as many as a README bears; the equations apart, where they are a rival."""
    rows = []
    for (name, measure, ours), question in HIGHLIGHTS.items():
        known = said(name, measure, best(name, measure, ours, _equations(name)), False)
        other = said(name, measure, best(name, measure, ours, _rivals(name)))
        rows.append((question, said(name, measure, ours), other, known))
    return _lines(("question", "ours", "best other", "the equations, fitted"), rows)


def simulated() -> list[str]:
    """HMLM, the best that does not know the equations, and these, fitted."""
    rows = [
        (
            title,
            said(name, measure, ours, False),
            said(name, measure, best(name, measure, ours, _without_equations)),
            said(name, measure, best(name, measure, ours, _equations(name)), False),
        )
        for name, measure, title, ours in SIMULATED
    ]
    return _lines(("simulated cells", "HMLM", "best without the equations", "the equations, fitted"), rows)


def others() -> list[str]:
    """Explanations, edges, real cells and compositions."""
    rows = [
        (title, said(name, measure, ours), said(name, measure, best(name, measure, ours, _foreign)))
        for name, measure, title, ours in OTHERS
    ]
    return _lines(("other questions", "ours", "best other"), rows)


def assays() -> list[str]:
    """The nine sets, published test and its clean part; what the CHMR paper prints, from data that are not public."""
    heads = [
        "nine sets",
        "CHMR",
        "with a kernel in the vote",
        "best other",
        "clean test",
        "best other",
        "published CHMR",
    ]
    rows, printed = [], published().loc["CHMR"].dropna()
    for name, short in molecules.SETTINGS.items():
        cells = [short, said(name, "M/test", "chmr", False)]
        for measure in ("M/test", "M/clean"):
            cells.append(said(name, measure, "chmr_committee", False))
            cells.append(said(name, measure, best(name, measure, "chmr_committee", _foreign)))
        rows.append([*cells, f"{printed[short]:.3f}" if short in printed else "-"])
    return _lines(heads, rows)


def scaffolds() -> list[str]:
    """The nine sets again, on scaffolds drawn by seed: how far ours is ahead of the best other, and how surely."""
    heads = ["nine sets, other scaffolds", "with a kernel in the vote", "best other", "splits", "ahead by", "95 %"]
    rows, ours, measure = [], "chmr_committee", "M/random"
    for name, short in molecules.SETTINGS.items():
        other = best(name, measure, ours, _foreign)
        cells = [said(name, measure, ours, False), said(name, measure, other)]
        count, gain, low, high = over_splits(short, ours, other or "")
        sure = "-" if np.isnan(low) else f"{low:.3f} to {high:.3f}"
        rows.append([short, *cells, str(count), "-" if np.isnan(gain) else f"{gain:.3f}", sure])
    return _lines(heads, rows)


def forests() -> list[str]:
    """The nine sets with half of the vote given to a forest, and that forest alone, all of the same seeds and splits.

    A set without rows of ours has no line; without any there is no table.
    """
    models, ours = {**FORESTS, "forest": "the forest alone"}, "chmr_forest"
    measures = {"M/test": "", "M/random": ", other scaffolds"}
    heads = [f"{title}{where}" for where in measures.values() for title in models.values()]
    rows = []
    for name, short in molecules.SETTINGS.items():
        found = table(name, worlds_of=ours)
        if ours in found.index:
            cells = [said(name, measure, model, False, ours) for measure in measures for model in models]
            rows.append([short, *cells, str(int(found.loc[ours, ("M/test", "n")]))])
    return _lines(["nine sets, a forest in the vote", *heads, "seeds"], rows) if rows else []


def _reached(aim: Aim, ours: float, other: float, larger: bool) -> bool:
    """Whether a mean is within the bound, and within the share of the best other's."""
    within = aim.bound is None or (ours >= aim.bound if larger else ours <= aim.bound)
    return within and (aim.share is None or ours <= aim.share * other)


def aims() -> list[str]:
    """What was aimed at, what came out, and on how many of the nine sets CHMR is ahead of the best other."""
    heads = ["aimed at beforehand", "bound", "ours", "share of the best other's error", "is", "reached"]
    rows = []
    for aim in AIMS:
        name, measure, larger = aim.setting, aim.measure, larger_is_better(aim.setting, aim.measure)
        other = best(name, measure, aim.ours, _rivals(name))
        ours, theirs = averages(name, measure, aim.ours, other)
        bound = "-" if aim.bound is None else f"{'at least' if larger else 'at most'} {aim.bound:g}"
        ratio = "-" if aim.share is None or np.isnan(ours / theirs) else f"{ours / theirs:.2g}"
        share = ("-" if aim.share is None else f"at most {aim.share:g}", ratio)
        reached = "-" if np.isnan(ours) else "yes" if _reached(aim, ours, theirs, larger) else "no"
        rows.append((aim.title, bound, said(name, measure, aim.ours), *share, reached))
    for model in ("chmr", "chmr_committee"):
        for measure, title in {"M/test": "published test", "M/clean": "its clean part"}.items():
            ahead = sum(_ahead(name, measure, model) for name in molecules.SETTINGS)
            counts, reached = (f"all {len(molecules.SETTINGS)}", str(ahead)), ahead == len(molecules.SETTINGS)
            title = f"nine sets, {title}: ahead of the best other ({model.replace('_', ' ')})"
            rows.append((title, *counts, "-", "-", "yes" if reached else "no"))
    return _lines(heads, rows)


def _ahead(name: str, measure: str, model: str) -> bool:
    """Whether a model's mean is better than the best other's."""
    ours, theirs = averages(name, measure, model, best(name, measure, model, _foreign))
    return bool(ours > theirs if larger_is_better(name, measure) else ours < theirs)


FILES = {
    "README.md": (highlights,),
    "reports/findings.md": (simulated, others, assays, scaffolds, forests, aims),
}


def _set() -> list[str]:
    """A line that names what the user has set, so that no table passes for the public one."""
    found = [f"`{name}={value}`" for name, (value, *_) in environment.own().items()]
    return [f"With {', '.join(found)}: what rests on it is not the public record.", ""] if found else []


def _between(name: str) -> tuple[str, str]:
    """A file's text before and after its tables; HmlmError where it has lost its markers."""
    text = (ROOT / name).read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise HmlmError(f"{name}: needs the lines {BEGIN!r} and {END!r} once each")
    before, rest = text.split(BEGIN)
    return before, rest.split(END)[1]


def write() -> list[str]:
    """Bring README, findings and reports up to date; names of those written.

    HmlmError, before anything is written, where a file has lost its markers or there is no row of today's code.
    """
    around = {name: _between(name) for name in FILES}
    record = {name: benchmark.rows(name) for name in benchmark.settings()}
    if not any(record.values()):
        raise HmlmError(f"{rows_dir()}: no row of today's code; allowed: a folder of rows, so that no table is emptied")
    made = {
        "reports/results.md": "\n".join([*_set(), full()]),
        "reports/metrics.json": flat.as_lines(flat.metrics(record), 1),
        "reports/manifest.json": flat.as_lines(flat.manifest(record), 4),
    }
    for name, (before, after) in around.items():
        tables = "\n".join([*_set(), *(line for make in FILES[name] for line in make())])
        made[name] = f"{before}{BEGIN}\n\n{tables}\n{END}{after}"
    for name, content in made.items():
        write_whole(ROOT / name, content)
    return list(made)
