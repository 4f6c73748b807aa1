"""How settings of trained baselines were chosen: the same small budget for each, on a world that is never reported.

Every baseline may try at most four candidates on world 100 (k = 8, complete network); the one with the smallest error
on that world's test combinations is the default in its class (but the equations on 80 steps, better and twice as slow,
are a model of their own, `hill_fitted_fine`). HMLM is not among them: its form and settings were developed on worlds
100 and 101 with more than twenty settings, one run each (reports/LOG.md, 2026-11-21), so its budget is larger than
theirs. Models of new cells (`newcell_...`) choose with that world's cells, HMLM too; what counts is the mean of the
errors of cells seen whole and in part, each over the smallest one of its column. `python -m hmlm_lib tune` repeats the
choice; its rows are kept with the others (setting `tuning`).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from hmlm_lib.baselines import cells, gnn, mechanistic, networks, regression, wired
from hmlm_lib.baselines.cells import CellModel
from hmlm_lib.baselines.protocol import Model
from hmlm_lib.errors import ModelError, did_you_mean
from hmlm_lib.evaluation import newcell
from hmlm_lib.evaluation.benchmark import score, setting
from hmlm_lib.evaluation.chosen import LEMBAS, LEMBAS_BASE
from hmlm_lib.evaluation.rows import add_row, check_append, read_rows, setting_file
from hmlm_lib.training import Training

WORLD = 100

CANDIDATES: dict[str, list[tuple[type, dict, dict]]] = {  # model: (class, training, settings)
    "mlp": [
        (networks.MLP, {}, {}),
        (networks.MLP, {"steps": 2000, "learning_rate": 2e-3}, {"width": 256}),
        (networks.MLP, {"weight_decay": 0.1}, {}),
        (networks.MLP, {"steps": 2000}, {"dropout": 0.1}),
    ],
    "gru": [
        (networks.GRU, {}, {}),
        (networks.GRU, {"steps": 2000, "learning_rate": 3e-3}, {"width": 128}),
        (networks.GRU, {"weight_decay": 0.1}, {}),
        (networks.GRU, {"steps": 1500}, {"dropout": 0.2}),
    ],
    "transformer": [
        (networks.Transformer, {}, {}),
        (networks.Transformer, {"learning_rate": 2e-3, "steps": 600}, {}),
        (networks.Transformer, {"weight_decay": 0.1, "learning_rate": 2e-3}, {}),
        (networks.Transformer, {"learning_rate": 2e-3}, {"layers": 3}),
    ],
    "neural_ode": [
        (networks.NeuralODE, {}, {}),
        (networks.NeuralODE, {"steps": 1500, "learning_rate": 2e-3}, {"width": 128}),
        (networks.NeuralODE, {"weight_decay": 0.1}, {}),
        (networks.NeuralODE, {"steps": 1500, "weight_decay": 0.05}, {}),
    ],
    "gnn": [
        (gnn.GNN, {}, {}),
        (gnn.GNN, {"steps": 500, "learning_rate": 2e-3}, {}),
        (gnn.GNN, {"steps": 400, "weight_decay": 0.1}, {}),
        (gnn.GNN, {"steps": 300}, {"layers": 9}),
    ],
    "graph_ode": [
        (wired.GraphODE, {}, {}),
        (wired.GraphODE, {"learning_rate": 3e-2}, {}),
        (wired.GraphODE, {}, {"width": 32}),
        (wired.GraphODE, {"steps": 800}, {}),
    ],
    "cellbox": [
        (wired.CellBox, {}, {}),
        (wired.CellBox, {"steps": 800, "learning_rate": 5e-2}, {}),
        (wired.CellBox, {"steps": 800, "weight_decay": 0.01}, {}),
        (wired.CellBox, {"steps": 1500}, {}),
    ],
    "lembas": [(wired.Lembas, training, {}) for training in LEMBAS],
    "hill_fitted": [
        (mechanistic.HillFitted, {}, {}),
        (mechanistic.HillFitted, {"learning_rate": 2e-2}, {}),
        (mechanistic.HillFitted, {"steps": 800}, {}),
        (mechanistic.HillFitted, {"steps": 800}, {"grid": 80}),  # `hill_fitted_fine`
    ],
    "boosting": [
        (regression.Boosting, {}, {}),
        (regression.Boosting, {}, {"rounds": 300, "rate": 0.05}),
        (regression.Boosting, {}, {"leaves": 4}),
        (regression.Boosting, {}, {"leaves": 16, "rounds": 100}),
    ],
    "newcell_mlp": [
        (cells.CellMLP, {}, {}),
        (cells.CellMLP, {"learning_rate": 1e-3, "weight_decay": 0.05}, {}),
        (cells.CellMLP, {"learning_rate": 1e-3}, {"dropout": 0.3}),
        (cells.CellMLP, {"learning_rate": 1e-3}, {"width": 512, "dropout": 0.3}),
    ],
    "newcell_gnn": [
        (cells.GraphEncoder, {}, {"width": 32}),
        (cells.GraphEncoder, {"learning_rate": 1e-3}, {"width": 32}),
        (cells.GraphEncoder, {"steps": 3000, "learning_rate": 1e-3}, {"width": 32}),
        (cells.GraphEncoder, {}, {"width": 64}),
    ],
    "newcell_hill_fitted": [
        (cells.HillPerCell, {}, {"penalty": 1e-3}),
        (cells.HillPerCell, {}, {"penalty": 1e-4}),
        (cells.HillPerCell, {}, {"penalty": 1e-2}),
        (cells.HillPerCell, {"steps": 300}, {"penalty": 1e-3}),
    ],
    "newcell_hmlm": [
        (newcell.CellEntry, {}, {}),
        (newcell.CellEntry, {"steps": 1400}, {}),
    ],
}


def tune(models: Iterable[str], report: Callable[[str], None] = print) -> None:
    """Run every candidate that has no row yet; HmlmError before one whose row could not be written."""
    done = {(row["model"], row["candidate"]) for row in read_rows("tuning")}
    for name in models:
        if name not in CANDIDATES:
            raise ModelError(
                f"{name!r} has no candidates{did_you_mean(name, CANDIDATES)}; allowed: {', '.join(CANDIDATES)}"
            )
        for candidate, (kind, training, settings) in enumerate(CANDIDATES[name]):
            if (name, candidate) in done:
                continue
            check_append(setting_file("tuning"))
            schedule = {"training": replace(Training(**BASE[name]), **training)} if name in BASE else {}
            measure = _of_cells if name.startswith("newcell_") else _of_tasks
            kept = {k: float(f"{v:.6g}") for k, v in measure(kind(**schedule, **settings)).items()}
            row = {"model": name, "candidate": candidate, "training": training, "settings": settings, "values": kept}
            add_row("tuning", row)
            shown = ", ".join(f"{key} {value:.5f}" for key, value in kept.items())
            report(f"{name:12s} {candidate}  {training} {settings}  {shown}")


def _of_tasks(model: Model) -> dict[str, float]:
    values = score(model.fit(setting("k8", WORLD).train), setting("k8", WORLD))
    return {name: values[name] for name in ("B/mse_all", "C/effect_mse")}


def _of_cells(model: CellModel) -> dict[str, float]:
    whole, part = newcell.questions("newcell_k8", WORLD)
    values = newcell.score(model.fit(whole.train), whole, part)
    return {name: values[name] for name in ("D/mse_all", "D/mse_unseen")}


# Where every search began; not the defaults, which its outcome sets.
BASE: dict[str, dict] = {
    "mlp": {"steps": 800, "learning_rate": 5e-3, "weight_decay": 1e-2},
    "gru": {"steps": 800, "learning_rate": 1e-2, "weight_decay": 1e-2},
    "transformer": {"steps": 300, "learning_rate": 5e-3},
    "neural_ode": {"steps": 400, "learning_rate": 5e-3},
    "gnn": {"steps": 200, "learning_rate": 5e-3},
    "graph_ode": {"steps": 400, "learning_rate": 1e-2},
    "cellbox": {"steps": 400, "learning_rate": 2e-2},
    "lembas": LEMBAS_BASE,
    "hill_fitted": {"steps": 400, "learning_rate": 5e-2},
    "newcell_mlp": {"steps": 1500, "learning_rate": 3e-3, "weight_decay": 1e-2},
    "newcell_gnn": {"steps": 1500, "learning_rate": 3e-3, "weight_decay": 1e-2},
    "newcell_hill_fitted": {"steps": 150, "learning_rate": 5e-2},
    "newcell_hmlm": {"steps": 800, "learning_rate": 0.02, "shared_rate": 0.15},
}
