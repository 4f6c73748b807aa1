"""Every model of the results table: how it is made for a benchmark and a seed, what it knows, which code it rests on.

To add a model: implement `fit` and `predict` (`baselines/protocol.py`) and put an Entry here. Settings of trained
models were chosen among the candidates of `tuning.py`, on worlds that are not reported.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hmlm_lib.baselines import Model, gnn, markov, mechanistic, networks, regression, trivial, wired
from hmlm_lib.baselines.zeroed import Zeroed
from hmlm_lib.device import current
from hmlm_lib.errors import pick
from hmlm_lib.evaluation.believed import believed
from hmlm_lib.evaluation.chosen import LEMBAS, LEMBAS_BASE, Chosen
from hmlm_lib.evaluation.oracle import Oracle
from hmlm_lib.evaluation.outside import is_outside, made
from hmlm_lib.evaluation.rows import COMMON
from hmlm_lib.evaluation.shuffle import shuffled
from hmlm_lib.evaluation.tasks import Benchmark
from hmlm_lib.evaluation.unwired import unwired
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, TRAINING, HMLMConfig
from hmlm_lib.memory import halving, parted
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import Training

HMLM_PARTS = ("attention", "kinetics", "model", "scales", "tokens", "transducer")
# Of an HMLM with sums=False.
CORE_CODE = (*COMMON, *(f"hmlm.{name}" for name in HMLM_PARTS), "training")
HMLM_CODE = (*CORE_CODE, "hmlm.sums")
BASELINE_CODE = (*COMMON, "baselines.protocol")


Rewire = Callable[[SignalingNetwork, int], SignalingNetwork]
SHORT_WARMUP = 0.3  # of a shortened training; a tenth of few steps is too abrupt for any model


def learned(experiments: Experiments, config: HMLMConfig, training: Training) -> HMLM:
    """An HMLM trained on all experiments at every step, or on as many as fit into memory; back on the CPU."""

    def once(batch: int) -> HMLM:
        model = HMLM.from_network(experiments.network, config, training.seed).to(current())
        return model.fit(experiments, training, batch=batch).cpu()

    return halving(once, len(experiments), "training conditions", "trained anew; a step then sees a part of them")


class HMLMEntry:
    """HMLM under the protocol of the table; rewire(network, seed): the wiring it is given instead (an ablation)."""

    def __init__(self, config: HMLMConfig, training: Training = TRAINING, rewire: Rewire | None = None):
        self.config, self.schedule, self.rewire = config, training, rewire

    def _on(self, experiments: Experiments) -> Experiments:
        if self.rewire is None:
            return experiments
        return replace(experiments, network=self.rewire(experiments.network, self.schedule.seed))

    def fit(self, experiments: Experiments) -> "HMLMEntry":
        experiments = self._on(experiments)
        self.model = learned(experiments, self.config, self.schedule)
        self.n_parameters = self.model.n_parameters
        return self

    def predict(self, experiments: Experiments, times_h: np.ndarray | None = None) -> np.ndarray:
        return parted(self.model.predict)(self._on(experiments), times_h)


@dataclass(frozen=True)
class Entry:
    """build(benchmark, seed) -> model. knows: `nothing`, `wiring` or `equations`. modules: code its rows depend on."""

    build: Callable[[Benchmark, int], Model]
    knows: str
    modules: tuple[str, ...]


def _hmlm(**config: object) -> Entry:
    def build(_: Benchmark, seed: int) -> Model:
        return HMLMEntry(HMLMConfig(**config), replace(TRAINING, seed=seed))

    return Entry(build, "wiring", HMLM_CODE)


def _rewired(rewire: Rewire, *modules: str) -> Entry:
    def build(_: Benchmark, seed: int) -> Model:
        return HMLMEntry(HMLMConfig(), replace(TRAINING, seed=seed), rewire)

    return Entry(build, "nothing", (*HMLM_CODE, *modules))


def _without_wiring(network: SignalingNetwork, _: int) -> SignalingNetwork:
    return unwired(network)


def _plain(make: Callable[[], Model], knows: str, module: str) -> Entry:
    return Entry(lambda _, __: make(), knows, (*BASELINE_CODE, f"baselines.{module}"))


def _seeded(make: Callable[[int], Model], knows: str, module: str) -> Entry:
    return Entry(lambda _, seed: make(seed), knows, (*BASELINE_CODE, f"baselines.{module}"))


def _trained(model: type, knows: str, module: str, **settings: object) -> Entry:
    def build(_: Benchmark, seed: int) -> Model:
        return model(replace(model.training_defaults, seed=seed), **settings)

    needs = ("hmlm.attention", "hmlm.transducer", "hmlm.tokens") if knows != "nothing" else ()
    return Entry(build, knows, (*BASELINE_CODE, f"baselines.{module}", "training", *needs))


def _hill_wrong(b: Benchmark, seed: int) -> Model:
    wrong = mechanistic.perturbed(b.world.arrays, seed)
    return mechanistic.HillGiven(believed(b.train.network.arrays, wrong))


def _zeroed(of: Entry) -> Entry:
    return Entry(lambda b, seed: Zeroed(of.build(b, seed)), of.knows, (*of.modules, "baselines.zeroed"))


MODELS: dict[str, Entry] = {
    "hmlm": _hmlm(),
    "hmlm_flat": _hmlm(hierarchy=False, proposals=False),
    "persistence": _plain(trivial.Persistence, "nothing", "trivial"),
    "mean": _plain(trivial.Mean, "nothing", "trivial"),
    "mean_zeroed": _zeroed(_plain(trivial.Mean, "nothing", "trivial")),
    "additive": _plain(trivial.Additive, "nothing", "trivial"),
    "ridge": _seeded(regression.ridge, "nothing", "regression"),
    "gp": _seeded(regression.gaussian_process, "nothing", "regression"),
    "forest": _seeded(regression.random_forest, "nothing", "regression"),
    "boosting": _seeded(regression.Boosting, "nothing", "regression"),
    "lds": _plain(markov.LinearDynamics, "nothing", "markov"),
    "masked_ridge": _plain(lambda: markov.LinearDynamics(masked=True), "wiring", "markov"),
    "dbn": _plain(lambda: markov.LinearDynamics(masked=True, bayesian=True), "wiring", "markov"),
    "mlp": _trained(networks.MLP, "nothing", "networks"),
    "gru": _trained(networks.GRU, "nothing", "networks"),
    "gru_zeroed": _zeroed(_trained(networks.GRU, "nothing", "networks")),
    "transformer": _trained(networks.Transformer, "nothing", "networks"),
    "neural_ode": _trained(networks.NeuralODE, "nothing", "networks"),
    "gnn": _trained(gnn.GNN, "wiring", "gnn"),
    "graph_ode": _trained(wired.GraphODE, "wiring", "wired"),
    "cellbox": _trained(wired.CellBox, "wiring", "wired"),
    "lembas": _trained(wired.Lembas, "wiring", "wired"),
    "hill_wrong": Entry(_hill_wrong, "equations", (*COMMON, "baselines.mechanistic", "evaluation.believed")),
    "hill_fitted": _trained(mechanistic.HillFitted, "equations", "mechanistic"),
    "oracle": Entry(lambda b, _: Oracle(b.world), "equations", (*BASELINE_CODE, "evaluation.oracle")),
}

ABLATIONS: dict[str, Entry] = {
    "hmlm_softmax": _hmlm(attention="softmax", layers=2),
    "hmlm_no_topology": _rewired(_without_wiring, "evaluation.unwired"),
    "hmlm_shuffled": _rewired(shuffled, "evaluation.shuffle"),
    "hmlm_no_signs": _hmlm(signs=False),
    "hmlm_no_and": _hmlm(and_groups=False),
    "hmlm_no_hierarchy": _hmlm(hierarchy=False),
    "hmlm_no_proposals": _hmlm(proposals=False),
    "hmlm_no_sums": _hmlm(sums=False),
    "hmlm_no_pace": _hmlm(pace=False),
    "hmlm_no_pathway": _hmlm(pathway=False),
    "hmlm_no_cell": _hmlm(cell=False),
    "hmlm_fixed_tau": _hmlm(learn_tau=False),
    "hmlm_one_head": _hmlm(heads=1),
    "hmlm_four_heads": _hmlm(heads=4),
    "hmlm_three_layers": _hmlm(layers=3),
    "hmlm_width_8": _hmlm(width=8),
    "hmlm_width_32": _hmlm(width=32),
    "hmlm_shared": _hmlm(identity=False),
}


HMLM_FORMS = {"whole": "hmlm", "flat": "hmlm_flat"}


def _chosen_hmlm(b: Benchmark, seed: int) -> Chosen:
    return Chosen({form: MODELS[name].build(b, seed) for form, name in HMLM_FORMS.items()}, seed)


def _chosen_lembas(_: Benchmark, seed: int) -> Chosen:
    base = Training(**LEMBAS_BASE, seed=seed)
    return Chosen({str(change): wired.Lembas(replace(base, **change)) for change in LEMBAS}, seed)


# A form a world, at several times the cost: in the record only.
CHOSEN: dict[str, Entry] = {
    "hmlm_chosen": Entry(
        _chosen_hmlm,
        "wiring",
        (*HMLM_CODE, *(f"evaluation.registry#{name}" for name in HMLM_FORMS.values()), "evaluation.chosen"),
    ),
    "lembas_chosen": Entry(_chosen_lembas, "wiring", (*MODELS["lembas"].modules, "evaluation.chosen")),
}

# Both models that roll equations or gates out on a grid, on twice its 40 steps: in the record only.
FINE: dict[str, Entry] = {
    "hmlm_fine": _hmlm(grid=80),
    "hill_fitted_fine": _trained(mechanistic.HillFitted, "equations", "mechanistic", grid=80),
}


def entry(name: str) -> Entry:
    """The entry of a model of any group, or of a class of your own; ModelError with the nearest name otherwise."""
    if is_outside(name):
        return Entry(lambda _, seed: made(name, seed), "nothing", BASELINE_CODE)
    found = pick(MODELS | ABLATIONS | CHOSEN | FINE, name, "model")
    return replace(found, modules=(*found.modules, f"evaluation.registry#{name}"))


def shortened(training: Training, effort: float) -> Training:
    """A training with a fraction of its steps, at least 10; effort 1 leaves it as it is."""
    if effort == 1.0:
        return training
    return replace(training, steps=max(10, round(effort * training.steps)), warmup=SHORT_WARMUP)


def make(name: str, b: Benchmark, seed: int, effort: float = 1.0) -> Model:
    """A model ready to be fitted; effort: fraction of its training steps (for a quick look; the record uses 1)."""
    model = entry(name).build(b, seed)
    for one in model.candidates.values() if isinstance(model, Chosen) else [model]:
        if hasattr(one, "schedule"):
            one.schedule = shortened(one.schedule, effort)
    return model
