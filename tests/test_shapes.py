"""The shapes written in the annotations, checked by beartype while the library does its ordinary work.

In a process of its own: the check slows the simulator several times, and the tests of bad input pass on purpose
what the annotations forbid.
"""

import subprocess
import sys

WORK = """
import warnings
warnings.simplefilter("ignore")
import sys, types
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook
sys.modules["tower"] = types.SimpleNamespace(check=beartype(conf=BeartypeConf(is_pep484_tower=True)))  # int is a float
install_import_hook("hmlm_lib", "tower.check")

import numpy as np
import torch
from hmlm_lib import features, figures, metrics
from hmlm_lib.dynamics import Condition, Parameters, four_conditions, observe, simulate, trajectories
from hmlm_lib.network import load_network

core = load_network("fibroblast-core")
core.summary(), core.to_hetero(), core.to_networkx()
times = np.linspace(0.0, 6.0, 7)
ramp = Condition("ramp", stimulus={"NE": [(0.0, 0.1), (4.0, 0.9)]}, interpolation="linear", knockout="smad3")
course = simulate(core, [*four_conditions(core), ramp], times, tolerance=1e-3)
simulate(core, Condition("pulse", {"NE": [(0, 0.9), (2, 0.1)]}), times, dtype=torch.float32, tolerance=1e-3)
observe(course, times[:3], 0.1, seed=0, species=["proCI"])
w = torch.tensor(core.arrays.w, requires_grad=True)
level = torch.as_tensor(core.arrays.input_level)[None]
trajectories(core.arrays, [0.0, 1.0], level, parameters=Parameters(w=w), tolerance=1e-3).sum().backward()
assert w.grad.abs().sum() > 0
features.temporal_features(course)
prior = features.topology_prior(core)
features.refined_prior(prior, features.lagged_correlation(course.values, times, 1))
features.module_mean(course.values, core.arrays.module)
figures.fig_network(core)
metrics.record("01_network/a/b/c", [1.0, 2.0])

from hmlm_lib.evaluation import benchmark, design, frompoints, heldout, newcell, pointwise, reconstruct, tasks
from hmlm_lib.evaluation.cells import cells
from hmlm_lib.evaluation.registry import make
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.published import protocol
from hmlm_lib.training import Training

rules = ["=> a", "=> b", "=> c", "a & !b => r", "r => g", "c => g", "g => h"]
small = SignalingNetwork.from_rules("small", rules, tau={"h": 5.0})
data = tasks.benchmark(0, 3, size=tasks.Size(3, 2, 1, 2, 2, 1), network=small)
for name in ("hmlm", "hmlm_softmax", "mean", "additive", "ridge", "dbn", "mlp", "gru", "transformer", "neural_ode",
             "gnn", "graph_ode", "cellbox", "lembas", "hill_wrong", "hill_fitted"):
    benchmark.score(make(name, data, 0, effort=0.01).fit(data.train), data)
half = cells(0, 3, species=4, train=12, test=3, network=small)
for name in newcell.MODELS:
    model = newcell.entry(name).build(0)
    if hasattr(model, "schedule"):
        model.schedule = Training(steps=2)
    newcell.settled(model.fit(half.train), half.seen, tasks.SCORED)
model = HMLM.from_network(small, HMLMConfig(width=4, dense=False, proposals=True))
model.attention(data.combine, [1.0])
from hmlm_lib.interpret import contexts, crosstalk, cuts, explain, faithful, infer, recover
model.horizon_h = 60.0
for explained in (explain.attention, explain.gradient_input, explain.knockout):
    faithful.scores(explain.rollout(explained(model, data.combine, 5.0))[0], np.eye(len(small.species_names)), False, 3)
explain.integrated(model, data.combine, 5.0, steps=2)
explain.published(data.combine, data.combine.to_data_array())
crosstalk.arrival(crosstalk.modules(contexts.simulator(data.world), data.combine, np.array([1.0, 5.0])))
cuts.in_model(model, data.combine, 5.0), cuts.in_world(data.world, data.combine, 5.0)
cuts.loss_without(model, data.train), cuts.response_without(model, data.train)
recover.wanted(model, data.train), recover.by_pair(recover.edge_weights(model), model)
question = recover.planted(recover.with_planted(small, 0.4, 0), small)
for method in infer.METHODS.values():
    recover.score(method(recover.residual(model, data.train)), question)
reconstruct.interpolate(data.seen, tasks.SCORED, "pchip")
for curve in frompoints.MODELS.values():
    curve.run(data.seen, tasks.SCORED)
design.best_times(np.array([1.0, 5.0, 20.0]), 2, tasks.SCORED, 0.9, 0.05, 0.03)
protocol.run_protocol([0], points=[4])
pointwise.run([0], points=[4])
heldout.TRAINING = Training(steps=2)
heldout.run([0], ["hmlm", "masked_ridge", "ridge", "additive", "nearest", "oracle"], ["combined"])
print("done")
"""


def test_annotated_shapes_hold_in_ordinary_work():
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "done\n"
