"""Simulated cell lines in the shape of real time courses: the same wiring, kinetics of their own, log2 intensities.

    log2 = log2(floor + gain x activity) + noise                                                              Eq. (1)

A line draws n, EC50, w, tau and the gain of every signal; an inhibitor takes away a fraction of its targets' maximum,
before the stimulus too. Ours: the stand-in where no data are at hand, and what a model can be trained on beforehand.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hmlm_lib.dynamics import Condition, simulate
from hmlm_lib.dynamics.simulate import Parameters
from hmlm_lib.network import load_network
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.real.courses import NONE, Courses

MINUTES = (0.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0)
FLOOR, NOISE, DOSE, INHIBITED = 0.05, 0.06, 0.9, 0.9
REST = 0.1  # level of every input before the stimulus, and of those that are not given
STIMULI = ("TGFB", "AngII", "PDGF", "IL1", "IL6", "TNFa", "ET1", "NE")
TARGETS = {"PI3Ki": ("PI3K",), "MEK1i": ("MEK1",), "PI3K_MEK1i": ("PI3K", "MEK1"), "TGFB1Ri": ("TGFB1R",)}
SIGNALS = 36


def simulated(
    network: SignalingNetwork,
    signals: Sequence[str],
    stimuli: Sequence[str],
    targets: Mapping[str, Sequence[str]],
    line: str,
    seed: int,
) -> Courses:
    """Every stimulus under every inhibitor and none; stimuli are inputs of the network, targets by inhibitor."""
    rng = np.random.default_rng((seed, 13))
    pairs = [(s, i) for i in (NONE, *targets) for s in stimuli]
    conditions = [
        Condition(f"{s}, {i}", {s: DOSE}, inhibit=dict.fromkeys(targets.get(i, ()), INHIBITED)) for s, i in pairs
    ]
    hours, arrays = np.array(MINUTES) / 60, network.arrays
    own = Parameters(
        n=rng.uniform(1.3, 2.2, len(arrays.product)),
        ec50=rng.uniform(0.4, 0.58, len(arrays.product)),
        w=arrays.w * rng.uniform(0.85, 1.0, len(arrays.product)),
        tau=arrays.tau * rng.lognormal(0.0, 0.3, len(arrays.tau)),
    )
    inputs = dict.fromkeys(network.input_species, REST)
    level = simulate(network, conditions, hours, inputs=inputs, parameters=own).sel(species=list(signals)).values
    log2 = np.log2(FLOOR + rng.lognormal(0.0, 0.5, len(signals)) * level) + rng.normal(0.0, NOISE, level.shape)
    for inhibitor in (NONE, *targets):  # the start is one sample, shared by all stimuli
        rows = np.flatnonzero([i == inhibitor for _, i in pairs])
        log2[rows, 0] = log2[rows[0], 0]
    names = (tuple(name for name, _ in pairs), tuple(name for _, name in pairs))
    return Courses(line, *names, np.array(MINUTES), tuple(signals), log2)


def fibroblasts(count: int = 4, seed: int = 0) -> tuple[Courses, ...]:
    """Lines on the bundled fibroblast network: its fastest species that are no inputs are measured."""
    network = load_network("fibroblast-core")
    table = network.species[~network.species["is_input"]]
    signals = list(table.sort_values("tau", kind="stable").index[:SIGNALS])
    return tuple(
        simulated(network, signals, STIMULI, TARGETS, f"simulated {k + 1}", seed * 1000 + k) for k in range(count)
    )
