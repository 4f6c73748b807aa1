"""Worlds: one wiring, many cells. Each draws its own kinetics, and may even obey another mechanism.

Every mechanism is a relaxation with its own rate and target, Eq. (1):

    dy/dt = rate(y) (target(y) - y)

- `hill`: the published equations, rate 1 / tau, target ymax f(y) of `dynamics/hill.py`.
- `delays`: the same, but what a reaction sends arrives through two relays, together 0.5 to 4 h late.
- `additive`: no AND gates; activators add, inhibitors subtract, the sum x saturates, x^2 / (x^2 + .36).
- `mass_action`: activators, as dimers, multiply into an activation rate A, an inhibitor divides it by 1 + 5 y, and the
  species is switched off at rate 1 / tau: rate (1 + A) / tau, target A / (1 + A).

Ours: the paper has one mechanism; the models of this study share its form, so others are needed to test them.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.hill import HillDrive, HillParameters, activation
from hmlm_lib.dynamics.simulate import BASELINE_H, Parameters, resolve, trajectories
from hmlm_lib.errors import ExperimentError, did_you_mean
from hmlm_lib.network.network import NetworkArrays, SignalingNetwork, check_network
from hmlm_lib.seeds import check_seed

MECHANISMS = ("hill", "delays", "additive", "mass_action")
INPUT_LEVEL = 0.1
STEP_H = 0.02  # of mechanisms without an adaptive integrator; halving it moves no activity by more than 5e-3


@dataclass(frozen=True, eq=False)
class World:
    """A network with the kinetics of one cell line: arrays holds the drawn tau, w, n and EC50."""

    network: SignalingNetwork
    arrays: NetworkArrays
    mechanism: str
    seed: int

    @property
    def baseline(self) -> Float[np.ndarray, " species"]:
        """Input levels before any stimulus."""
        return np.where(self.arrays.has_input, INPUT_LEVEL, 0.0)

    @cached_property
    def rest(self) -> Float[np.ndarray, " species"]:
        """State after 80 h of baseline inputs."""
        one = self.baseline[None]
        return self.simulate(one, np.ones_like(one), self.arrays.y0[None], np.array([BASELINE_H]))[0, 0]

    def simulate(
        self,
        stimulus: Float[np.ndarray, "condition species"],
        factor: Float[np.ndarray, "condition species"],
        y0: Float[np.ndarray, "condition species"],
        times_h: Float[np.ndarray, " time"],
    ) -> Float[np.ndarray, "condition time species"]:
        """True activities at times_h, from y0 at t = 0, under held stimuli and factors on ymax."""
        with one_thread(), torch.no_grad():
            return self._simulate(stimulus, factor, y0, np.asarray(times_h, dtype=float))

    def _simulate(self, stimulus: np.ndarray, factor: np.ndarray, y0: np.ndarray, times: np.ndarray) -> np.ndarray:
        held, start = torch.as_tensor(stimulus), torch.as_tensor(np.array(y0))
        if self.mechanism == "hill":
            grid = times if times[0] == 0 else np.concatenate([[0.0], times])
            own = Parameters(ymax=self.arrays.ymax * factor)
            return trajectories(self.arrays, grid, held, start, own)[:, len(grid) - len(times) :].numpy()
        system = SYSTEMS[self.mechanism](self.arrays, held, torch.as_tensor(factor), self.seed)
        return relax(system, start, times)


def draw_kinetics(network: SignalingNetwork, count: int, rng: np.random.Generator) -> Parameters:
    """One row a cell: n ~ U(1.3, 2.2), EC50 ~ U(.4, .58), w x U(.85, 1) a reaction, tau x lognormal(.3) a species."""
    arrays = network.arrays
    shape = count, len(arrays.product)
    return Parameters(
        n=rng.uniform(1.3, 2.2, shape),
        ec50=rng.uniform(0.4, 0.58, shape),
        w=arrays.w * rng.uniform(0.85, 1.0, shape),
        tau=arrays.tau * rng.lognormal(0.0, 0.3, (count, len(arrays.tau))),
    )


def draw_world(network: SignalingNetwork, seed: int, mechanism: str = "hill") -> World:
    """A cell line with kinetics of its own; ExperimentError for an unknown mechanism, or a seed below 0."""
    check_network(network)
    check_seed(seed, ExperimentError)
    if mechanism not in MECHANISMS:
        raise ExperimentError(
            f"no mechanism {mechanism!r}{did_you_mean(mechanism, MECHANISMS)}; allowed: {', '.join(MECHANISMS)}"
        )
    own = draw_kinetics(network, 1, np.random.default_rng((seed, 1)))
    drawn = replace(network.arrays, n=own.n[0], ec50=own.ec50[0], w=own.w[0], tau=own.tau[0])
    return World(network, drawn, mechanism, seed)


def true_gates(world: World, levels: Float[np.ndarray, " level"]) -> Float[np.ndarray, "edge level"]:
    """Openness of every reactant's gate in a `hill` world, at given activities of its source."""
    arrays, y = world.arrays, torch.as_tensor(levels)[None]
    n, ec50 = (torch.as_tensor(p[arrays.reaction])[:, None] for p in (arrays.n, arrays.ec50))
    rise = activation(y.expand(len(n), -1), n, ec50).numpy()
    return np.where(arrays.inhibits[:, None], 1 - rise, rise)


def _check_fraction(fraction: float) -> None:
    if not 0 <= fraction <= 1:
        raise ExperimentError(f"fraction is {fraction}; allowed: 0 to 1")


def incomplete(network: SignalingNetwork, fraction: float, seed: int) -> SignalingNetwork:
    """The network without a random fraction of its reactions; inputs stay.

    Reactions of one, two, three ... reactants lose the same fraction each, so every draw has the same size.
    """
    _check_fraction(fraction)
    if not fraction:
        return network
    rng = np.random.default_rng((seed, 2))
    size = np.array([len(rule.reactants) for rule in network.rules])
    gone: list[int] = []
    for arity in np.unique(size[size > 0]):
        rows = np.flatnonzero(size == arity)
        gone += rng.choice(rows, round(fraction * len(rows)), replace=False).tolist()
    kept = np.setdiff1d(np.arange(len(size)), gone)
    name = f"{network.name} without {len(gone)} reactions"
    return SignalingNetwork(name, network.species, network.reactions.iloc[kept], network.citation)


def with_flipped_signs(network: SignalingNetwork, fraction: float, seed: int) -> SignalingNetwork:
    """The network with the sign of a random fraction of its reactants turned round."""
    _check_fraction(fraction)
    if not fraction:
        return network
    rng = np.random.default_rng((seed, 7))
    total = sum(len(rule.reactants) for rule in network.rules)
    wrong = set(rng.choice(total, round(fraction * total), replace=False).tolist())
    texts, count = [], 0
    for rule in network.rules:
        signs = [r.inhibits != (count + i in wrong) for i, r in enumerate(rule.reactants)]
        count += len(rule.reactants)
        left = " & ".join("!" * sign + r.species for sign, r in zip(signs, rule.reactants, strict=True))
        texts.append(f"{left} => {rule.product}")
    name = f"{network.name} with {len(wrong)} signs turned"
    return SignalingNetwork(name, network.species, network.reactions.assign(rule=texts), network.citation)


class Hill:
    """Eq. (1) of `hill.py` as rate and target; the base of the mechanisms that share its gates."""

    def __init__(self, arrays: NetworkArrays, stimulus: Tensor, factor: Tensor, seed: int):
        value = resolve(arrays, Parameters(ymax=arrays.ymax * factor.numpy()), torch.float64, "cpu")
        value.pop("y0")
        self.arrays, self.stimulus, self.ymax = arrays, stimulus, value["ymax"].T
        self.drive = HillDrive(arrays, HillParameters(**value))
        self.tau = torch.as_tensor(arrays.tau)
        self.rng = np.random.default_rng((seed, 3))

    def start(self, y0: Float[Tensor, "condition species"]) -> Tensor:
        """The state that is integrated; its first columns are the species."""
        return y0

    def __call__(self, y: Tensor) -> tuple[Tensor, Tensor]:
        untouched = self.ymax * (1 - self.stimulus)
        return 1 / self.tau, self.drive(y.T.contiguous(), untouched.T.contiguous()).T


class Additive(Hill):
    """Activators add, inhibitors subtract, whatever their AND gates say."""

    def __init__(self, arrays: NetworkArrays, stimulus: Tensor, factor: Tensor, seed: int):
        super().__init__(arrays, stimulus, factor, seed)
        size = len(arrays.tau)
        sign = np.where(arrays.inhibits, -1.0, 1.0) * arrays.w[arrays.reaction]
        matrix = np.zeros((size, size))
        np.add.at(
            matrix, (arrays.source, arrays.product[arrays.reaction]), sign * self.rng.uniform(0.6, 1.4, len(sign))
        )
        self.matrix = torch.as_tensor(matrix)

    def __call__(self, y: Tensor) -> tuple[Tensor, Tensor]:
        x = (y @ self.matrix).clamp(min=0.0)
        driven = x**2 / (x**2 + 0.36)
        return 1 / self.tau, self.ymax * (1 - (1 - self.stimulus) * (1 - driven))


class MassAction(Hill):
    """Activators, as dimers, multiply into a rate of activation; an inhibitor divides it."""

    def __init__(self, arrays: NetworkArrays, stimulus: Tensor, factor: Tensor, seed: int):
        super().__init__(arrays, stimulus, factor, seed)
        self.source, self.reaction = torch.as_tensor(arrays.source), torch.as_tensor(arrays.reaction)
        self.product = torch.as_tensor(arrays.product)
        self.inhibits = torch.as_tensor(arrays.inhibits)
        self.k = torch.as_tensor(arrays.w * 5 * self.rng.lognormal(0.0, 0.3, len(arrays.w)))

    def __call__(self, y: Tensor) -> tuple[Tensor, Tensor]:
        x = y[:, self.source]
        factor = torch.where(self.inhibits, 1 / (1 + 5 * x), x**2)
        ones = torch.ones(len(y), len(self.k), dtype=y.dtype)
        speed = self.k * ones.scatter_reduce(1, self.reaction.expand(len(y), -1), factor, "prod")
        a = torch.zeros_like(y).index_add(1, self.product, speed)
        driven = 1 - (1 - self.stimulus) * (1 - a / (1 + a))
        return (1 + a) / self.tau, self.ymax * driven


class Delays(Hill):
    """What a reaction sends passes two relays before it arrives; the state is (species, relay 1, relay 2)."""

    def __init__(self, arrays: NetworkArrays, stimulus: Tensor, factor: Tensor, seed: int):
        super().__init__(arrays, stimulus, factor, seed)
        reactions = len(arrays.product)
        lag = torch.as_tensor(self.rng.uniform(0.5, 4.0, reactions))
        self.relay_rate = 2 / lag
        self.size, self.product = len(arrays.tau), torch.as_tensor(arrays.product)
        # One species a reaction: its drive is what this reaction alone sends.
        alone = replace(
            arrays,
            product=np.arange(reactions),
            tau=np.ones(reactions),
            ymax=np.ones(reactions),
        )
        value = resolve(replace(alone, y0=np.ones(reactions)), None, torch.float64, "cpu")
        value.pop("y0")
        self.sent = HillDrive(alone, HillParameters(**value))

    def start(self, y0: Tensor) -> Tensor:
        sent = self._send(y0)
        return torch.cat([y0, sent, sent], dim=1)

    def _send(self, y: Tensor) -> Tensor:
        ones = torch.ones(len(self.product), len(y), dtype=y.dtype)
        return self.sent(y.T.contiguous(), ones).T

    def __call__(self, state: Tensor) -> tuple[Tensor, Tensor]:
        y, first, second = state.split([self.size, len(self.product), len(self.product)], dim=1)
        quiet = torch.log1p(-second.clamp(max=1 - 1e-12))
        silent = torch.zeros_like(y).index_add(1, self.product, quiet).exp()
        target = self.ymax * (1 - (1 - self.stimulus) * silent)
        rate = torch.cat([1 / self.tau, self.relay_rate, self.relay_rate])
        return rate, torch.cat([target, self._send(y), first], dim=1)


SYSTEMS = {"hill": Hill, "delays": Delays, "additive": Additive, "mass_action": MassAction}


def relax(system: Hill, y0: Tensor, times_h: Float[np.ndarray, " time"], step_h: float = STEP_H) -> np.ndarray:
    """Eq. (1) by the exponential midpoint rule (second order, stable for fast species), at times_h."""
    state, size, now, out = system.start(y0), y0.shape[1], 0.0, []
    for time in times_h:
        steps = int(np.ceil((time - now) / step_h - 1e-9))
        for _ in range(steps):
            h = (time - now) / steps
            rate, target = system(state)
            middle = target + (state - target) * torch.exp(-0.5 * h * rate)
            rate, target = system(middle)
            state = target + (state - target) * torch.exp(-h * rate)
        now = float(time)
        out.append(state[:, :size])
    return torch.stack(out, dim=1).numpy()
