"""HMLM on real time courses: gates, proposals, scales and transducer of the model, told as changes from the start.

Blots have no zero and no maximum, so the state of a signal says where it stands in its own range, 1/2 at the start:

    y_v = 1/2 + change_v / (2 span_v),    change_v: log2 of the signal minus log2 at its start                Eq. (1)
    D_v = 1/2 + kept_v [raw_v(y, u) - raw_v(rest, 0) + sum_k (a + a_l)_vk(t) u_k] + sum_i (b + b_l)_vi x_i    Eq. (2)
    kept_v = exp(-sum_i beta_vi x_i),  beta >= 0

The state moves toward 1/2 + tanh(2 D_v - 1) / 2. raw is the drive of `hmlm/model.py`, u the stimuli, x the drugs of the
inhibitor treatment; a and b are what a treatment does at once, to all cell lines and (index l) in one; a(t) is a part
that stays and a part that fades. So a drug adds to a signal and damps what stimuli do to it, and one that was never
seen does neither. A condition of which more than the start is shown adds a number of its own to each D_v. All these
numbers are drawn to 0 (`SHRINK`). Ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hmlm_lib.data import fetch
from hmlm_lib.device import current
from hmlm_lib.files import digest
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.transducer import between, transduce
from hmlm_lib.moving import moved
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.network.sif import read_sif
from hmlm_lib.real.baselines import log_linear
from hmlm_lib.real.courses import NONE, Courses, check_times_alike, parts
from hmlm_lib.real.drugs import drugs_of
from hmlm_lib.real.protocols import Values
from hmlm_lib.real.standin import simulated
from hmlm_lib.training import Training, train

CONFIG = HMLMConfig(
    width=8, heads=1, and_groups=False, pace=False, grid=16, corrections=1, proposal_penalty=0.03, shift_penalty=0.01
)
TRAINING = Training(steps=120, learning_rate=0.03)
TAU_H, FADES_H = 0.15, 0.25  # time constants at the start, and of what fades
EARLY_H = 0.1  # the grid is uniform in log(1 + t / 0.1 h): signals rise within minutes
MARGIN = 1.25  # span of a signal over its largest change
DATA_WEIGHT = 0.1  # of the mean square error, in units of the signals' mean square
SHRINK = {"at_once": 0.01, "at_once_line": 0.05, "added": 0.01, "added_line": 0.05, "damped": 0.002, "apart": 0.02}
WEAK = -2.0  # logit of every edge's weight at the start: blots move by a part of their range
UNDAMPED = -3.0  # softplus of this is taken as no damping


@dataclass(frozen=True, eq=False)
class Given:
    """Treatment of every condition. stimulus, drug: 0 or 1; apart: -1, or its own number."""

    line: Int[Tensor, " condition"]
    stimulus: Float[Tensor, "condition k"]
    drug: Float[Tensor, "condition i"]
    apart: Int[Tensor, " condition"]

    def of(self, rows: Int[Tensor, " row"]) -> "Given":
        return Given(*(value[rows] for value in vars(self).values()))


def given(every: Sequence[Courses]) -> tuple[Given, tuple[str, ...]]:
    """Treatments of all courses one after the other, and the stimuli by name; `A + B` is both A and B.

    Conditions of the first courses that show more than the start are numbered apart.
    """
    stimulus = [parts(name) for c in every for name in c.stimulus]
    stimuli = tuple(sorted({one for names in stimulus for one in names}))
    taken = drugs_of([name for c in every for name in c.inhibitor])
    agents = sorted({drug for names in taken for drug in names})
    lines = list(dict.fromkeys(c.line for c in every))
    u = np.array([[k in names for k in stimuli] for names in stimulus]).reshape(len(stimulus), len(stimuli))
    x = np.array([[i in names for i in agents] for names in taken]).reshape(len(stimulus), len(agents))
    shows = informed(every[0])
    own = np.concatenate([np.where(shows, np.arange(len(shows)), -1), *(np.full(len(c), -1) for c in every[1:])])
    line = [lines.index(c.line) for c in every for _ in range(len(c))]
    return Given(torch.tensor(line), torch.tensor(u).float(), torch.tensor(x).float(), torch.tensor(own)), stimuli


def informed(courses: Courses) -> Bool[np.ndarray, " condition"]:
    """Conditions that show anything after the start."""
    return ~np.isnan(courses.change[:, 1:]).all((1, 2))


def wiring(prior: SignalingNetwork | None, signals: Sequence[str], stimuli: Sequence[str]) -> SignalingNetwork:
    """The prior network with a species for every signal and an input for every stimulus, its communities as modules.

    Names match whatever their case; prior None: no edge at all.
    """
    known = {} if prior is None else {name.casefold(): name for name in prior.species_names}
    inputs = [known.get(name.casefold(), name) for name in stimuli]
    species = [*known.values(), *(n for n in dict.fromkeys([*signals, *stimuli]) if n.casefold() not in known)]
    edges = [] if prior is None else list(prior.signed_edges[["source", "target"]].itertuples(index=False))
    rules = [] if prior is None else [str(r) for r in prior.rules if r.reactants and r.product not in inputs]
    rules += [f"=> {name}" for name in inputs]
    weight = [0.0 if rule.startswith("=>") else 1.0 for rule in rules]
    reactions = pd.DataFrame({"rule": rules, "w": weight}, index=[f"r{i}" for i in range(len(rules))])
    table = pd.DataFrame({"module": communities(species, edges), "tau": TAU_H}, index=species)
    return SignalingNetwork("no wiring" if prior is None else prior.name, table, reactions)


def communities(species: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[str]:
    """Module of every species: communities by greedy modularity; species without edges are one module, `apart`."""
    graph = nx.Graph(edges)
    found = dict.fromkeys(species, "apart")
    for k, group in enumerate(nx.community.greedy_modularity_communities(graph) if edges else []):
        found |= dict.fromkeys(group, f"community {k + 1}")
    return [found[name] for name in species]


class ChangeHMLM(HMLM):
    """Eq. (2) on top of an HMLM; rest is 1/2 for species and 0 for inputs."""

    FREE = (*HMLM.FREE, *SHRINK)

    def __init__(self, network: SignalingNetwork, config: HMLMConfig, inputs: list[int], shape: tuple[int, int, int]):
        """inputs: the stimuli's species; shape: numbers of drugs, of lines, of conditions apart."""
        super().__init__(network, config)
        size, (n_drugs, n_lines, n_apart) = len(network.species_names), shape
        rest = torch.full((size, 1), 0.5)
        rest[inputs] = 0.0
        self.register_buffer("_rest", rest, persistent=False)
        self._inputs = inputs
        shapes = {
            "at_once": (1, size, len(inputs), 2), "at_once_line": (n_lines, size, len(inputs), 2),
            "added": (1, size, n_drugs), "added_line": (n_lines, size, n_drugs),
            "damped": (size, n_drugs), "apart": (size, n_apart),
        }  # fmt: skip
        for name, dims in shapes.items():
            setattr(self, name, nn.Parameter(torch.zeros(dims)))
        nn.init.constant_(self.weight, WEAK)

    def raw(self, stimulus: Float[Tensor, "species #batch"]):
        """Drive of a state that has a column a condition, before it is bounded; and the shifts of the hierarchy."""
        token, shifts, current = self.token(), [], {"step": -1, "shift": 0.0}
        quiet = self._logic_quiet(token, None)
        beyond = None if self.off_graph is None else self.off_graph.drive()

        def level(y: Tensor, step: int) -> Tensor:
            found = 1 - (1 - stimulus) * quiet(y)
            if beyond is not None:
                found = found + beyond(y)
            if self.config.hierarchy and step != current["step"] and step % self.config.refresh == 0:
                current["step"], current["shift"] = step, self.hierarchy(token, self._read(), y)
                shifts.append(current["shift"])
            return found + current["shift"]

        return level, shifts

    def treated(self, g: Given) -> tuple[Tensor, Tensor, Tensor]:
        """What stimuli do at once, what is added, and kept of Eq. (2), each [species, condition]."""
        at_once = torch.einsum("cvkf,ck->fvc", (self.at_once + self.at_once_line)[g.line], g.stimulus)
        added = torch.einsum("cvi,ci->vc", (self.added + self.added_line)[g.line], g.drug)
        if self.apart.numel():
            added = added + torch.where(g.apart >= 0, self.apart[:, g.apart.clamp(min=0)], 0.0)
        none = nn.functional.softplus(self._rest.new_tensor(UNDAMPED))
        beta = nn.functional.softplus(self.damped + UNDAMPED) - none
        return at_once, added, torch.exp(-torch.einsum("vi,ci->vc", beta, g.drug))

    def course(self, g: Given, grid: Float[np.ndarray, " point"]) -> tuple[Tensor, Tensor]:
        """States [point, species, condition] and the penalty."""
        size, many = len(self._rest), len(g.line)
        g = moved(g, self._rest.device)
        u = self._rest.new_zeros(size, many)
        u[self._inputs] = g.stimulus.T
        silent, _ = self.raw(self._rest.new_zeros(size, 1))
        level, shifts = self.raw(u)
        at_rest = silent(self._rest, 0)
        at_once, added, kept = self.treated(g)
        is_input = torch.zeros(size, 1, dtype=torch.bool, device=u.device)
        is_input[self._inputs] = True

        fades = np.exp(-grid / FADES_H)

        def drive(y: Tensor, step: int) -> Tensor:
            direct = at_once[0] + float(fades[step]) * at_once[1]
            moved = self._rest + kept * (level(y, step) - at_rest + direct) + added
            return torch.where(is_input, u, 0.5 + 0.5 * torch.tanh(2 * moved - 1))

        states = transduce(drive, self._rest.expand(size, many), self.tau(), grid, self.config.corrections)
        penalty = self._penalty(shifts)
        for name, weight in SHRINK.items():
            penalty = penalty + weight * getattr(self, name).square().sum() / size
        return states, penalty


@dataclass(frozen=True, eq=False)
class Measured:
    """Changes of all conditions on the union of signals, NaN where unknown, and the two scales of every signal."""

    signals: tuple[str, ...]
    change: Float[np.ndarray, "condition time signal"]
    span: Float[np.ndarray, " signal"]
    typical: Float[np.ndarray, " signal"]

    @classmethod
    def of(cls, every: Sequence[Courses]) -> "Measured":
        """Of courses at the same times; ExperimentError where these differ."""
        check_times_alike(every)
        signals = tuple(dict.fromkeys(s for c in every for s in c.signals))
        parts = []
        for c in every:
            part = np.full((len(c), len(c.times) - 1, len(signals)), np.nan)
            part[:, :, [signals.index(s) for s in c.signals]] = c.change[:, 1:]
            parts.append(part)
        change = np.concatenate(parts)
        known = np.nan_to_num(change)
        count = np.maximum((~np.isnan(change)).sum((0, 1)), 1)
        span = MARGIN * np.abs(known).max((0, 1)) + 0.05
        return cls(signals, change, span, np.sqrt(np.square(known).sum((0, 1)) / count) + 1e-3)


@dataclass(frozen=True, eq=False)
class Task:
    """Everything training reads: treatments, changes, where signals are among the species, when."""

    given: Given
    data: Measured
    at: list[int]
    times_h: Float[np.ndarray, " time"]
    grid: Float[np.ndarray, " point"]

    def said(self, model: ChangeHMLM, rows: Int[Tensor, " row"]) -> tuple[Tensor, Tensor]:
        """Changes of some conditions after the start, in units of what is typical of a signal, and the penalty."""
        states, penalty = model.course(self.given.of(rows), self.grid)
        gain = states.new_tensor(2 * self.data.span / self.data.typical)
        return (between(states, self.grid, self.times_h[1:])[:, self.at].permute(2, 0, 1) - 0.5) * gain, penalty

    def learn(self, model: ChangeHMLM, rows: Int[np.ndarray, " row"], training: Training) -> None:
        """Train on the measured changes of some conditions."""
        rows = rows[~np.isnan(self.data.change[rows]).all((1, 2))]
        target = torch.as_tensor(self.data.change[rows] / self.data.typical, dtype=torch.float32).to(model._rest.device)
        mask, chosen = torch.isfinite(target), torch.as_tensor(rows)
        target = torch.where(mask, target, 0.0)

        def loss(_: torch.Generator) -> Tensor:
            found, penalty = self.said(model, chosen)
            return DATA_WEIGHT * ((found - target).square() * mask).sum() / mask.sum() + penalty

        train(model, loss, training, data=digest(target.cpu().numpy(), rows, self.times_h, self.grid))


def fine_early(horizon_h: float, steps: int) -> Float[np.ndarray, " point"]:
    """steps + 1 times from 0 to the horizon, equal steps of log(1 + t / EARLY_H)."""
    return EARLY_H * np.expm1(np.linspace(0.0, np.log1p(horizon_h / EARLY_H), steps + 1))


def prepared(
    every: Sequence[Courses], prior: SignalingNetwork | None, config: HMLMConfig, seed: int
) -> tuple[ChangeHMLM, Task]:
    """An untrained model for some courses, and what it is to learn from; the first courses are asked about."""
    treatment, stimuli = given(every)
    data = Measured.of(every)
    network = wiring(prior, data.signals, stimuli)
    place = {name.casefold(): i for i, name in enumerate(network.species_names)}
    at, inputs = ([place[name.casefold()] for name in names] for names in (data.signals, stimuli))
    shape = (treatment.drug.shape[1], int(treatment.line.max()) + 1, len(every[0]) * int(treatment.apart.max() >= 0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ChangeHMLM(network, config, inputs, shape)
    hours = every[0].times / 60
    return model, Task(treatment, data, at, hours, fine_early(float(hours[-1]), config.grid))


def predict(
    shown: Courses,
    learn_from: Sequence[Courses],
    prior: SignalingNetwork | None,
    before: Sequence[Courses] = (),
    config: HMLMConfig = CONFIG,
    training: Training = TRAINING,
) -> Values:
    """log2 of the shown conditions at all times; computed on the current device.

    learn_from: courses of the same and of other lines; before: simulated ones to train on first. What the model misses
    where something is shown is carried to other times in straight lines of log(1 + t).
    """
    every = (shown, *learn_from, *before)
    model, task = prepared(every, prior, config, training.seed)
    model.to(current())
    real = len(shown) + sum(map(len, learn_from))
    rows = np.arange(sum(map(len, every)))
    if before:
        task.learn(model, rows[real:], replace(training, checkpoint=None))  # a checkpoint is of the courses themselves
    task.learn(model, rows[:real], training)
    with torch.no_grad():
        change = task.said(model, torch.arange(len(shown)))[0].cpu().double().numpy() * task.data.typical
    own = [task.data.signals.index(name) for name in shown.signals]
    said = shown.log2[:, :1] + np.concatenate([np.zeros_like(change[:, :1]), change], 1)[:, :, own]
    return said + log_linear(learn_from[0], replace(shown, log2=shown.log2 - said))


def hpn_network() -> SignalingNetwork:
    """The prior network of the HPN-DREAM lines, by `fetch`."""
    return read_sif(fetch("merge_hpn_cmpr_CS"))


def simulated_before(courses: Courses, prior: SignalingNetwork, count: int = 2) -> tuple[Courses, ...]:
    """Simulated lines on the prior network: its signals and stimuli, inhibitors of the species with most targets."""
    stimuli = sorted(set(courses.stimulus) - {NONE})
    network = wiring(prior, (), stimuli)
    place = {name.casefold(): name for name in network.species_names}
    signals = [name for name in courses.signals if name in network.species_names]
    hubs = network.signed_edges["source"].value_counts().index
    hubs = [name for name in hubs if name not in network.input_species][:3]
    inputs = [place[name.casefold()] for name in stimuli]
    found = []
    for k in range(count):
        one = simulated(network, signals, inputs, {f"{hub}i": (hub,) for hub in hubs}, f"simulated {k + 1}", k)
        back = dict(zip(inputs, stimuli, strict=True))
        found.append(replace(one, stimulus=tuple(back[name] for name in one.stimulus)))
    return tuple(found)


def all_lines(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """HMLM on the prior network, from the other lines too."""
    return predict(shown, (train, *elsewhere), hpn_network())


def one_line(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """HMLM on the prior network, from the conditions of the same line alone."""
    return predict(shown, (train,), hpn_network())


def pretrained(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """`all_lines`, trained on simulated lines of the prior network first."""
    prior = hpn_network()
    return predict(shown, (train, *elsewhere), prior, simulated_before(train, prior))


def without_wiring(train: Courses, shown: Courses, elsewhere: tuple[Courses, ...] = ()) -> Values:
    """`all_lines` with every edge left to be proposed."""
    return predict(shown, (train, *elsewhere), None)
