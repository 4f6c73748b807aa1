"""The equations of the simulator: normalized-Hill gates, AND groups, OR over reactions, relaxation.

Every species s relaxes toward a drive with its own time constant, Eq. (1):

    tau_s dy_s/dt = ymax_s f_s(y) - y_s

The drive is the OR of the species' stimulus u_s and its reactions r, each the AND of its reactants, Eq. (2):

    f_s = 1 - (1 - u_s) prod_r (1 - w_r prod_j g_rj),    g = a(x) for an activator, 1 - a(x) for an inhibitor

and the gate is the normalized Hill function, with a(0) = 0, a(EC50) = 1/2, a(1) = 1, Eq. (3):

    a(x) = (1 - E) p / (E (1 - p) + (1 - E) p),    p = min(x, 1)^n,  E = EC50^n

Eq. (3) is the published form B x^n / (B - 1 + x^n), B = (EC50^n - 1) / (2 EC50^n - 1), multiplied out: the
odds of a are the odds of p divided by the odds of E. Written so, nothing is singular at EC50^n = 1/2 and no root
is taken, so the published n = 1.25, EC50 = 0.6 (where B < 0 and an export that takes the root of B - 1 returns
NaN) needs no special case. Pulling the weight w out of the gates turns the published AND, product / w^(k-1),
into w times the product.

Source: Kraeutler et al., BMC Syst Biol 2010;4:157 (normalized Hill); Rogers and Richardson, eLife 2022;11:e62856.
Ours: the odds form and the layout by levels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.network.network import NetworkArrays

SMALLEST = 1e-20  # log(0) is -inf and its gradient NaN; much smaller, and its power is a slow denormal in float32


def power(x: Float[Tensor, "*#shape"], n: Float[Tensor, "*#shape"]) -> Float[Tensor, "*#shape"]:
    """p = min(x, 1)^n for x >= 0, by way of the logarithm: three times as fast as `torch.pow`."""
    return torch.exp(n * torch.log(x.clamp(SMALLEST, 1.0)))


def activation(
    x: Float[Tensor, "*#shape"], n: Float[Tensor, "*#shape"], ec50: Float[Tensor, "*#shape"]
) -> Float[Tensor, "*#shape"]:
    """Normalized Hill activation, Eq. (3): fraction of maximum in [0, 1] for x in [0, 1]; 1 for x > 1."""
    p, half = power(x, n), ec50**n
    return (1 - half) * p / (half * (1 - p) + (1 - half) * p)


def product_by_level(values: Float[Tensor, "item batch"], levels: list[Tensor]) -> Tensor:
    """Products over ragged groups: row g of the result is prod_k values[levels[k][g]].

    Groups stand in order of falling size, so level k holds the k-th member of the first len(levels[k]) groups and
    the groups that have no k-th member are final. Cost is one multiplication a member, whatever the sizes;
    no padding, no atomic scatter (so the result does not depend on thread order).
    """
    product = values.index_select(0, levels[0])
    if not product.requires_grad:
        for level in levels[1:]:
            product[: level.shape[0]] *= values.index_select(0, level)
        return product
    finished: list[Tensor] = []
    for level in levels[1:]:
        finished.append(product[len(level) :])
        product = product[: len(level)] * values.index_select(0, level)
    return torch.cat([product, *finished[::-1]])


def _levels(group: np.ndarray, n_groups: int, default: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Order of the groups by falling size, and for each level k the member that is k-th in its group.

    group [member]: the group of each member. A group without members gets the one member `default`.
    """
    size = np.bincount(group, minlength=n_groups)
    order = np.argsort(-size, kind="stable")
    members = np.append(np.argsort(group, kind="stable"), default)
    start = np.where(size > 0, np.cumsum(size) - size, len(group))[order]
    size = np.maximum(size, 1)[order]
    return order, [members[start[size > k] + k] for k in range(int(size.max(initial=0)))]


@dataclass(frozen=True)
class HillParameters:
    """Parameters of Eq. (1)-(3) with a trailing batch axis of 1 (shared) or B (one set a trajectory).

    w, n, ec50: [reaction, 1 or B]; tau (hours), ymax: [species, 1 or B].
    """

    w: Tensor
    n: Tensor
    ec50: Tensor
    tau: Tensor
    ymax: Tensor

    def batch(self, keep: Tensor) -> "HillParameters":
        """The parameters of the trajectories `keep` (indices or mask); shared ones stay as they are."""
        return HillParameters(*(take(p, keep) for p in (self.w, self.n, self.ec50, self.tau, self.ymax)))


def take(parameter: Tensor, keep: Tensor) -> Tensor:
    """Columns `keep` of a per-trajectory parameter; a shared one (trailing axis 1) as it is."""
    return parameter if parameter.shape[-1] == 1 else parameter[..., keep]


class HillDrive:
    """Drive f of Eq. (2), times ymax, for a batch of states laid out [species, batch].

    Species lie on the first axis so that a gather over reactants copies whole rows and every operation runs over
    contiguous trajectories. Gates that share source, n, EC50 and sign are computed once.
    """

    def __init__(self, arrays: NetworkArrays, parameters: HillParameters):
        self.parameters = parameters
        device = parameters.w.device
        to = lambda index: torch.as_tensor(index, dtype=torch.long, device=device)  # noqa: E731
        # A species without reactions gets the silent reaction: one reactant, weight 0.
        silent = len(arrays.product)
        source, reaction = np.append(arrays.source, 0), np.append(arrays.reaction, silent)
        inhibits = np.append(arrays.inhibits, False)
        self.w, self.n, self.ec50 = (
            torch.cat([p, p.new_full((1, p.shape[1]), fill)])
            for p, fill in ((parameters.w, 0.0), (parameters.n, 1.0), (parameters.ec50, 0.5))
        )
        gate, gate_of_reactant = self._gates(source, reaction, inhibits)
        order, and_levels = _levels(reaction, silent + 1, default=-1)
        rank = np.argsort(order)
        species_order, or_levels = _levels(arrays.product, len(arrays.tau), default=silent)
        self.gate_source, self.gate_reaction = to(source[gate]), to(reaction[gate])
        self.gate_inhibits = torch.as_tensor(inhibits[gate], device=device)[:, None]
        self.reaction_order = to(order)
        self.and_levels = [to(gate_of_reactant[level]) for level in and_levels]
        self.or_levels = [to(rank[level]) for level in or_levels]
        self.species_rank = to(np.argsort(species_order))
        self._prepare()

    def _gates(self, source: np.ndarray, reaction: np.ndarray, inhibits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reactants whose gate is computed, and for every reactant which of these gates is its own."""
        n, ec50 = self.n, self.ec50
        if n.requires_grad or ec50.requires_grad or n.shape[-1] > 1 or ec50.shape[-1] > 1:
            every = np.arange(len(source))
            return every, every
        value = [p.cpu().double().numpy()[reaction, 0] for p in (n, ec50)]
        key = np.stack([source, inhibits, *value], axis=1)
        _, first, same = np.unique(key, axis=0, return_index=True, return_inverse=True)
        return first, same.reshape(-1)

    def _prepare(self) -> None:
        """What depends on the parameters alone, once and not at every evaluation.

        Activator and inhibitor are both ratios linear in p: a = (1 - E) p / (E + (1 - 2 E) p) and
        1 - a = (E - E p) / (E + (1 - 2 E) p), so one expression serves both signs.
        """
        half = (self.ec50**self.n)[self.gate_reaction]
        self.gate_n = self.n[self.gate_reaction]
        self.top = (
            torch.where(self.gate_inhibits, half, 0.0),
            torch.where(self.gate_inhibits, -half, 1 - half),
        )
        self.bottom = half, 1 - 2 * half
        self.minus_weight = -self.w[self.reaction_order]

    def batch(self, keep: Tensor) -> "HillDrive":
        """The same drive for the trajectories `keep` only."""
        smaller = object.__new__(HillDrive)
        smaller.__dict__.update(self.__dict__)
        smaller.parameters = self.parameters.batch(keep)
        smaller.gate_n = take(self.gate_n, keep)
        smaller.minus_weight = take(self.minus_weight, keep)
        smaller.top = tuple(take(part, keep) for part in self.top)
        smaller.bottom = tuple(take(part, keep) for part in self.bottom)
        return smaller

    def __call__(
        self, y: Float[Tensor, "source batch"], untouched: Float[Tensor, "species batch"]
    ) -> Float[Tensor, "species batch"]:
        """ymax f(y), Eq. (2): the activity every species relaxes toward; untouched = ymax (1 - stimulus).

        y: one row for every number that `arrays.source` holds, which is one a species.
        """
        p = power(y.index_select(0, self.gate_source), self.gate_n)
        gate = torch.addcmul(self.top[0], self.top[1], p) / torch.addcmul(*self.bottom, p)
        silent = 1 + self.minus_weight * product_by_level(gate, self.and_levels)
        product = product_by_level(silent, self.or_levels).index_select(0, self.species_rank)
        return self.parameters.ymax - untouched * product
