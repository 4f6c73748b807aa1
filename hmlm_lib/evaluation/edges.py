"""Recovery of edges as rows: hidden ones found, planted ones rejected, and a graph inferred from nothing.

Three tables of one form: an explanation or a classical method scores every pair, AUROC and AUPRC against the truth.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.stats import rankdata

from hmlm_lib.device import one_thread
from hmlm_lib.errors import pick
from hmlm_lib.evaluation.faithfulness import FLAT
from hmlm_lib.evaluation.registry import HMLM_CODE, learned, shortened
from hmlm_lib.evaluation.rows import COMMON, make_row
from hmlm_lib.evaluation.tasks import benchmark
from hmlm_lib.experiments import Experiments
from hmlm_lib.features import topology_prior
from hmlm_lib.hmlm.model import HMLM, TRAINING, HMLMConfig
from hmlm_lib.interpret import cuts, infer, insilico, recover
from hmlm_lib.memory import halving
from hmlm_lib.network import load_network
from hmlm_lib.training import Training

HIDDEN = PLANTED = 0.1  # of the edges
INFER_CODE = (*COMMON, "baselines.protocol", "interpret.infer", "interpret.recover")
LEARNED_CODE = (*INFER_CODE, *HMLM_CODE)
OPEN = replace(FLAT, proposals=True)
# The HMLM that knows no wiring: a basal drive, and proposals among all species.
WITHOUT_WIRING = HMLMConfig(hierarchy=False, proposals=True, sums=False, proposal_penalty=0.01)
WITHOUT_WIRING_STEPS = 500
CUT_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Task:
    """Experiments on a given wiring, which pairs are asked, and samples for the methods that read them."""

    experiments: Experiments
    question: recover.Question
    samples: infer.Samples
    seed: int
    own: tuple[int, ...] | None = None  # species that are scored; None: all


@lru_cache(maxsize=2)
def hidden(seed: int) -> Task:
    """A tenth of the reactions are missing from the wiring that models are given."""
    b, true = benchmark(seed, 8, missing=HIDDEN), load_network("fibroblast-core")
    return _on_network(b.train, recover.hidden(b.train.network, true), seed)


@lru_cache(maxsize=2)
def planted(seed: int) -> Task:
    """The wiring that models are given holds a tenth of edges too many."""
    b, true = benchmark(seed, 8), load_network("fibroblast-core")
    given = recover.with_planted(true, PLANTED, seed)
    return _on_network(replace(b.train, network=given), recover.planted(given, true), seed)


def _on_network(experiments: Experiments, question: recover.Question, seed: int) -> Task:
    return Task(experiments, question, infer.samples(experiments, experiments.network.arrays.tau), seed)


@lru_cache(maxsize=1)
def from_nothing(seed: int) -> Task:
    """The HPN-DREAM in-silico set; nothing is known of the wiring."""
    data = insilico.load()
    asked = ~np.eye(len(data.species), dtype=bool)
    return Task(data.experiments, recover.Question(asked, data.edge), data.samples(), seed, tuple(data.own()))


@lru_cache(maxsize=2)
def trained(task: Task, config: HMLMConfig, effort: float = 1.0) -> HMLM:
    """HMLM on the given wiring; effort: fraction of the training steps."""
    training = TRAINING if config != WITHOUT_WIRING else Training(WITHOUT_WIRING_STEPS, TRAINING.learning_rate)
    training = shortened(replace(training, seed=task.seed), effort)
    with one_thread():
        return learned(task.experiments, config, training)


Said = Callable[[Task, float], recover.Pairs]


def _inferred(method: Callable[[infer.Samples], recover.Pairs]) -> Said:
    return lambda task, _: method(task.samples)


def _residual(method: Callable[[infer.Samples], recover.Pairs]) -> Said:
    def said(task: Task, effort: float) -> recover.Pairs:
        found = recover.residual(trained(task, FLAT, effort), task.experiments)
        return method(found if task.own is None else found.of(task.own))

    return said


def _proposed(config: HMLMConfig) -> Said:
    def said(task: Task, effort: float) -> recover.Pairs:
        found = recover.proposals(trained(task, config, effort))
        return found if task.own is None else found[np.ix_(task.own, task.own)]

    return said


def _consensus(parts: Sequence[Said]) -> Said:
    """Mean rank over several explanations, as in Marbach et al., Nat Methods 2012;9:796."""

    def said(task: Task, effort: float) -> recover.Pairs:
        ranks = [rankdata(part(task, effort)).reshape(task.question.asked.shape) for part in parts]
        return np.mean(ranks, axis=0)

    return said


def _gradient(task: Task, effort: float) -> recover.Pairs:
    return recover.wanted(trained(task, OPEN, effort), task.experiments)


def _by_cuts(strength: Callable[[HMLM, Experiments, int], np.ndarray]) -> Callable[[HMLM, Experiments], np.ndarray]:
    """What cutting an edge does, CUT_AT_ONCE edges at once or as many as fit into memory."""
    return lambda model, given: halving(lambda edges: strength(model, given, edges), CUT_AT_ONCE, "cut edges")


def _of_edges(strength: Callable[[HMLM, Experiments], np.ndarray]) -> Said:
    def said(task: Task, effort: float) -> recover.Pairs:
        model = trained(task, FLAT, effort)
        return recover.by_pair(strength(model, task.experiments), model)

    return said


CLASSICAL = {name.replace(" ", "_"): _inferred(method) for name, method in infer.METHODS.items()}
PRIOR: dict[str, Said] = {"prior": lambda task, _: topology_prior(task.experiments.network)}
RESIDUAL = {
    f"hmlm_residual_{name}": _residual(infer.METHODS[name.replace("_", " ")])
    for name in ("score_test", "ridge", "lasso")
}
FINDING = {
    "hmlm_proposals": _proposed(OPEN),
    "hmlm_gradient": _gradient,
    **RESIDUAL,
    "hmlm_consensus": _consensus([_gradient, *RESIDUAL.values()]),
}
REJECTING = {
    "hmlm_weight": _of_edges(lambda model, _: recover.edge_weights(model)),
    "hmlm_cut": _of_edges(_by_cuts(cuts.response_without)),
    "hmlm_loss": _of_edges(_by_cuts(cuts.loss_without)),
}


@dataclass(frozen=True)
class Entry:
    """said(task, effort) -> pairs; modules: code its rows depend on."""

    said: Said
    modules: tuple[str, ...]


class Family:
    """One table: a setting, its tasks by seed, and who says what; modules: code of the task or of its own methods."""

    def __init__(
        self,
        setting: str,
        task: Callable[[int], Task],
        said: Mapping[str, Said],
        reject: bool = False,
        modules: tuple[str, ...] = (),
    ):
        self.SETTINGS: dict[str, dict] = {setting: {}}
        self.task, self.reject = task, reject
        self.MODELS = {
            name: Entry(one, (*(LEARNED_CODE if name.startswith("hmlm") else INFER_CODE), *modules, "features"))
            for name, one in said.items()
        }

    def entry(self, name: str) -> Entry:
        """The entry of a method; ModelError with the nearest name otherwise."""
        return pick(self.MODELS, name, "method", where="here")

    def score(self, name: str, seed: int, effort: float = 1.0) -> dict[str, float]:
        """auroc and auprc of a method; planted edges should be the weak ones."""
        task = self.task(seed)
        said = self.entry(name).said(task, effort)
        return recover.score(-said if self.reject else said, task.question)

    def run_one(self, setting: str, model: str, seed: int) -> dict:
        """One method on one seed; the row."""
        started = time.perf_counter()
        values = {f"E/{name}": value for name, value in self.score(model, seed).items()}
        values["seconds"] = time.perf_counter() - started
        return make_row(setting, model, seed, values)


FAMILIES = (
    Family("hidden10_k8", hidden, PRIOR | CLASSICAL | FINDING),
    Family("planted10_k8", planted, CLASSICAL | REJECTING, reject=True, modules=("interpret.cuts",)),
    Family(
        "insilico",
        from_nothing,
        CLASSICAL | {"hmlm_proposals": _proposed(WITHOUT_WIRING)} | RESIDUAL,
        modules=("interpret.insilico", "midas"),
    ),
)
