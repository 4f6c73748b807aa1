"""HMLM: molecules as tokens, attention along the signalling graph, three scales, an information transducer in time.

    drive    D_v = ymax_v clip(1 - (1 - u_v) quiet_v(y) + sum_j W_vj p_j(y_j) + s_v(y), 0, 1)                 Eq. (1)
             quiet_v = (1 - mu_v) prod_r (1 - w_r q_r(y)) + mu_v (1 - h_v(y))
    state    tau_v exp(-k_v D_v) dy_v/dt = D_v(y) - y_v                                                       Eq. (2)

q_r: attention of molecules to their AND groups; h_v: the same edges added up (`sums.py`); W: edges that nobody has
drawn, few (`attention.py`); s_v: what pathways and the cell say (`scales.py`); Eq. (2) is solved by `transducer.py`.
Trained end to end through the roll-out, on the measured points only.

Source: HMLM paper for tokens, scales, graph attention and transducer. Ours: how they are put together and trained.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor, nn

from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.errors import ModelError, check_finite, check_heads, check_whole
from hmlm_lib.experiments import Experiments, fingerprint, same_species, warn_beyond, warn_units, wiring
from hmlm_lib.files import digest
from hmlm_lib.hmlm.attention import Gates, GraphAttention, LogicAttention, Proposals
from hmlm_lib.hmlm.kinetics import Kinetics
from hmlm_lib.hmlm.scales import Hierarchy
from hmlm_lib.hmlm.sums import SumAttention
from hmlm_lib.hmlm.tokens import EDGE_FEATURES, SPECIES_FEATURES, Tokens, tokens
from hmlm_lib.hmlm.transducer import between, time_grid, transduce
from hmlm_lib.network.network import SignalingNetwork, check_network
from hmlm_lib.seeds import check_seed
from hmlm_lib.training import Progress, Training, train

TRAINING = Training(steps=800, learning_rate=0.05)  # chosen on worlds 100 and 101, see reports/LOG.md
DENSE_UP_TO = 400  # species; above it the sparse path is faster on a CPU


@dataclass(frozen=True)
class HMLMConfig:
    """Choices of the model; every `False` is an ablation.

    width: of tokens. heads: gates an edge has, and heads of every softmax. layers: of attention among pathways and cell
    (with attention="softmax": also among molecules). attention: `logic` (gates, AND, OR) or `softmax` (the paper's
    formula). sums: let a species also add up its regulators. pace: let it be faster when it is driven. identity: let
    species, edges and modules learn numbers of their own; without it a token is only its role, position and parameters,
    no parameter has a size of the network's, and the model can be moved to any other (`transfer.moved`, `load`).
    proposals: edges off the graph (None: where identity is learned and the network is small enough for all pairs).
    grid: steps over the horizon; corrections: sweeps a step; refresh: steps between two readings of the hierarchy.
    shift_penalty and proposal_penalty: weights in the loss of the mean square of the hierarchy's shift, and of sum_j
    |W_vj| averaged over v.
    """

    width: int = 16
    heads: int = 2
    layers: int = 1
    attention: str = "logic"
    hierarchy: bool = True
    pathway: bool = True
    cell: bool = True
    signs: bool = True
    and_groups: bool = True
    sums: bool = True
    learn_tau: bool = True
    pace: bool = True
    identity: bool = True
    proposals: bool | None = None
    grid: int = 40
    corrections: int = 2
    refresh: int = 4
    shift_penalty: float = 0.003
    proposal_penalty: float = 0.01
    dense: bool | None = None

    def __post_init__(self) -> None:
        if self.attention not in ("logic", "softmax"):
            raise ModelError(f"attention is {self.attention!r}; allowed: logic, softmax")
        for name, least in {"width": 1, "heads": 1, "grid": 1, "refresh": 1, "layers": 0, "corrections": 0}.items():
            check_whole(getattr(self, name), name, least, ModelError)
        for name in ("shift_penalty", "proposal_penalty"):
            check_finite(getattr(self, name), name, ModelError)
        check_heads(self.width, self.heads, ModelError)
        if self.proposals and not self.identity:
            raise ModelError("proposals are pairs of species that a network owns; allowed: only with identity=True")


class HMLM(nn.Module):
    """The model on one network. `from_network`, `fit`, `predict`, `attention`, `save`, `load`."""

    # Numbers of one species or edge: learned faster than shared layers.
    FREE = (
        "gate", "weight", "log_tau", "pace", "read", "sign", "off_graph.slope", "off_graph.threshold",
        *tuple(f"sums.{name}" for name in SumAttention.FREE),
    )  # fmt: skip

    def __init__(self, network: SignalingNetwork, config: HMLMConfig):
        super().__init__()
        self.network, self.config = network, config
        self.horizon_h, self.seed = 0.0, 0  # longest time it was trained on; what its parameters were drawn from
        t = tokens(network.arrays)
        self._remember(t)
        size, edges, reactions, d, h = t.n_species, len(t.source), len(t.product), config.width, config.heads
        own = size if config.identity else 0
        self.embed = nn.Sequential(nn.Linear(len(SPECIES_FEATURES), d), nn.Tanh(), nn.Linear(d, d))
        self.own = nn.Parameter(0.1 * torch.randn(own, d))
        self.log_tau = nn.Parameter(torch.zeros(size, 1)) if config.learn_tau and config.identity else None
        self.pace = None
        if config.pace and config.learn_tau and config.identity:
            self.pace = nn.Parameter(torch.zeros(size, 1))
        self.sums = None
        if config.attention == "logic":
            self._logic(t, edges, reactions, size)
        else:
            self.mix = nn.ModuleList(GraphAttention(d, h, 4) for _ in range(config.layers))
            self.feed = nn.ModuleList(
                nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
                for _ in range(config.layers)
            )
            self.carry, self.readout = nn.Linear(d, d), nn.Linear(d, 1)
            nn.init.constant_(self.readout.bias, -2.0)
        if config.hierarchy:
            self.hierarchy = Hierarchy(
                t.module, t.n_modules, d, h, config.layers, config.pathway, config.cell, named=config.identity
            )
            self.read = nn.Parameter(torch.zeros(own, d))
        wanted = size <= DENSE_UP_TO if config.proposals is None else config.proposals
        self.off_graph = Proposals(size) if wanted and config.identity else None

    def _remember(self, t: Tokens) -> None:
        for name in ("species", "edge", "source", "target", "tau_h", "inhibits"):
            self.register_buffer(f"_{name}", getattr(t, name), persistent=False)
        ymax = torch.as_tensor(self.network.arrays.ymax.copy(), dtype=torch.float32)
        self.register_buffer("_ymax", ymax[:, None], persistent=False)

    def _logic(self, t: Tokens, edges: int, reactions: int, size: int) -> None:
        """Parameters of gates and groups; without AND groups every reactant is a reaction of its own."""
        c = self.config
        reaction, product = (t.reaction, t.product) if c.and_groups else (torch.arange(edges), t.target)
        dense = size <= DENSE_UP_TO if c.dense is None else c.dense
        self.logic = LogicAttention(reaction, product, size, dense)
        self.register_buffer("_product", product, persistent=False)
        if c.sums:
            self.sums = SumAttention(t.target, size, dense, shared=not c.identity)
        self.hyper = nn.Sequential(
            nn.Linear(2 * c.width + len(EDGE_FEATURES), 2 * c.width), nn.Tanh(), nn.Linear(2 * c.width, 3 * c.heads)
        )
        nn.init.normal_(self.hyper[2].weight, std=0.05)
        nn.init.zeros_(self.hyper[2].bias)
        own = c.identity
        self.gate = nn.Parameter(0.3 * torch.randn(3 * c.heads, edges if own else 0, 1))
        self.weight = nn.Parameter(torch.full((len(product) if own else 1, 1), 2.5))
        self.sign = None if c.signs else nn.Parameter(torch.full((edges if own else 1, 1), 0.5))

    @classmethod
    def from_network(cls, network: SignalingNetwork, config: HMLMConfig | None = None, seed: int = 0) -> "HMLM":
        """An untrained model; the same seed gives the same parameters. ModelError for a seed that is none.

        NetworkError for what is no network.
        """
        check_network(network)
        check_seed(seed, ModelError)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seed))
            model = cls(network, config or HMLMConfig())
        model.seed = int(seed)
        return model

    @property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters())

    # What the network says before anything has happened

    def token(self) -> Float[Tensor, "species width"]:
        """Embedding of every molecule."""
        token = self.embed(self._species)
        return token + self.own if self.config.identity else token

    def tau(self) -> Float[Tensor, "species 1"]:
        """Time constants in hours: the network's, times a learned factor."""
        known = self._tau_h[:, None]
        return known if self.log_tau is None else known * torch.exp(self.log_tau)

    def gates(self, token: Float[Tensor, "species width"], cell: Kinetics | None = None) -> Gates:
        """Eq. (1) of `attention.py` for every edge: a hypernetwork on its two tokens and type, plus its own numbers."""
        heads = self.config.heads
        pair = torch.cat([token[self._source], token[self._target], self._edge], 1)
        raw = self.hyper(pair).T[..., None]
        raw = raw + self.gate if self.config.identity else raw
        raw = raw if cell is None else raw + cell.gate
        slope, threshold, mix = raw.split(heads)
        spread = torch.linspace(-0.8, 0.8, heads, device=raw.device)[:, None, None] if heads > 1 else 0.0
        slope = nn.functional.softplus(slope + 5.0).clamp(min=0.05)
        return Gates(slope, torch.sigmoid(threshold + spread), mix, self.signs())

    def signs(self) -> Float[Tensor, "edge 1"]:
        """1 for an activator, -1 for an inhibitor; learned, between the two, where config.signs is False."""
        sign = torch.where(self._inhibits, -1.0, 1.0)[:, None] if self.sign is None else torch.tanh(self.sign)
        return sign.expand(len(self._source), 1)

    def edge_kind(self) -> Int[Tensor, " edge"]:
        """Type of every edge: inhibits + 2 x shares an AND group; without signs or AND groups that part is 0."""
        inhibits = self._inhibits & self.config.signs
        return inhibits.long() + 2 * ((self._edge[:, 1] > 0) & self.config.and_groups).long()

    # Roll-out

    def _drive(
        self,
        stimulus: Float[Tensor, "species batch"],
        factor: Float[Tensor, "species batch"],
        cell: Kinetics | None,
    ) -> tuple[Callable[[Tensor, int], Tensor], list[Tensor]]:
        """Eq. (1) as a function of state and grid step, and the list in which shifts are left for the penalty."""
        token, shifts = self.token(), []
        untouched = 1 - stimulus
        quiet = self._logic_quiet(token, cell) if self.config.attention == "logic" else self._softmax_quiet(token)
        beyond = None if self.off_graph is None else self.off_graph.drive()
        current, most = {"step": -1, "shift": None}, factor * self._ymax

        def drive(y: Tensor, step: int) -> Tensor:
            level = 1 - untouched * quiet(y)
            if beyond is not None:
                level = level + beyond(y)
            if cell is not None:
                level = level + cell.drive
            if self.config.hierarchy:
                if step != current["step"] and step % self.config.refresh == 0:
                    current["step"], current["shift"] = step, self.hierarchy(token, self._read(), y)
                    shifts.append(current["shift"])
                level = level + current["shift"]
            return most * level.clamp(0.0, 1.0)

        return drive, shifts

    def _read(self) -> Float[Tensor, "species width"]:
        return self.read if self.config.identity else self.read.new_zeros(len(self._species), self.config.width)

    def _logic_quiet(self, token: Tensor, cell: Kinetics | None) -> Callable[[Tensor], Tensor]:
        gates = self.gates(token, cell)
        weight = self.weight.expand(len(self._product), 1)
        weight = torch.sigmoid(weight if cell is None else weight + cell.weight)
        if self.sums is None:
            return lambda y: self.logic(gates(y.index_select(0, self._source)), weight)
        share, sign = self.sums.share(), self.signs()

        def quiet(y: Tensor) -> Tensor:
            gate = gates(y.index_select(0, self._source))
            ways = (way.to(share.dtype) for way in (self.logic(gate, weight), self.sums(gate, sign)))  # under autocast
            return torch.lerp(*ways, share)

        return quiet

    def _softmax_quiet(self, token: Tensor) -> Callable[[Tensor], Tensor]:
        moving, kind = self.carry(token), self.edge_kind()

        def quiet(y: Tensor) -> Tensor:
            state = token + y.T[..., None] * moving
            for mix, feed in zip(self.mix, self.feed, strict=True):
                state = state + mix(state, self._source, self._target, kind)
                state = state + feed(state)
            return 1 - torch.sigmoid(self.readout(state)[..., 0]).T

        return quiet

    def rollout(
        self,
        stimulus: Float[Tensor, "batch species"],
        factor: Float[Tensor, "batch species"],
        y0: Float[Tensor, "batch species"],
        grid: Float[np.ndarray, " point"],
        cell: Kinetics | None = None,
    ) -> tuple[Float[Tensor, "point species batch"], Float[Tensor, ""]]:
        """States on the grid, and the penalty on what is beyond the wiring; cell: what each trajectory's cell adds."""
        factor = factor.T.contiguous()
        drive, shifts = self._drive(stimulus.T.contiguous(), factor, cell)
        tau = self.tau() if cell is None else self.tau() * torch.exp(cell.log_tau)
        states = transduce(drive, y0.T.contiguous(), tau, grid, self.config.corrections, self.pace)
        return states, self._penalty(shifts)

    def _penalty(self, shifts: list[Tensor]) -> Float[Tensor, ""]:
        penalty = self._tau_h.new_zeros(())
        if shifts:
            penalty = penalty + self.config.shift_penalty * torch.stack([s.square().mean() for s in shifts]).mean()
        if self.off_graph is not None:
            penalty = penalty + self.config.proposal_penalty * self.off_graph.size()
        return penalty

    # The protocol of every model: fit, predict

    def fit(
        self,
        experiments: Experiments,
        training: Training | None = None,
        report: Callable[[Progress], None] | None = None,
        batch: int | None = None,
    ) -> "HMLM":
        """Train on what was measured; experiments without any measurement, or on another network, are refused.

        batch: conditions a step (default all). Raises ModelError, TrainingError; warns of values that are no fractions.
        """
        training = training or TRAINING
        self._check_trainable(experiments, batch)
        self.horizon_h = float(experiments.times_h[-1])
        grid = time_grid(self.horizon_h, self.config.grid)
        held, factor, y0, target = self._tensors(experiments)
        mask = torch.isfinite(target)
        target = torch.where(mask, target, 0.0)

        def loss(generator: torch.Generator) -> Tensor:
            rows = slice(None)
            if batch is not None and batch < len(experiments):
                rows = torch.randperm(len(experiments), generator=generator)[:batch].to(target.device)
            states, penalty = self.rollout(held[rows], factor[rows], y0[rows], grid)
            predicted = between(states, grid, experiments.times_h).permute(2, 0, 1)
            error = (predicted - target[rows]).square() * mask[rows]
            return error.sum() / mask[rows].sum() + penalty

        train(self, loss, training, report, self._data(experiments, batch, self.config, self.seed))
        return self

    def _check_trainable(self, e: Experiments, batch: int | None) -> None:
        same_species(self.network, e)
        if not len(e) or not e.times_h[-1] > 0:
            raise ModelError("nothing to train on; allowed: at least one condition with a time after 0")
        if batch is not None:
            check_whole(batch, "batch (None: all conditions)", 1, ModelError)
        unseen = ~e.measured.any((1, 2))
        if unseen.any():
            name = e.names[int(np.flatnonzero(unseen)[0])]
            raise ModelError(f"condition {name!r} has no measured point; allowed: at least one")
        warn_units(e)

    def _data(self, e: Experiments, batch: int | None, config: object, seed: int) -> str:
        """What a checkpoint must share with the training that resumes it, beside the settings."""
        return digest(np.array([fingerprint(e), repr(config), repr((batch, seed)), wiring(self.network)]))

    def _tensors(self, e: Experiments) -> tuple[Tensor, ...]:
        like = self._tau_h
        return tuple(
            torch.as_tensor(np.array(v), dtype=like.dtype, device=like.device)
            for v in (e.stimulus, e.factor, e.y0, e.activity)
        )

    def predict(
        self, experiments: Experiments, times_h: Sequence[float] | np.ndarray | None = None
    ) -> Float[np.ndarray, "condition time species"]:
        """Trajectories from y0 at times_h (default: the experiments' own); measurements are not read.

        Warns where times lie beyond what the model was trained on.
        """
        same_species(self.network, experiments)
        times = experiments.times_h if times_h is None else check_times(times_h)
        warn_beyond(times, self.horizon_h)
        horizon = max(self.horizon_h, float(times[-1]), 1e-6)
        steps = round(self.config.grid * max(1.0, np.log1p(horizon / 2) / np.log1p((self.horizon_h or horizon) / 2)))
        grid = time_grid(horizon, steps)
        small = len(self._species) <= DENSE_UP_TO
        with one_thread() if small else nullcontext(), torch.no_grad():
            states, _ = self.rollout(*self._tensors(experiments)[:3], grid)
            return between(states, grid, times).permute(2, 0, 1).cpu().double().numpy()

    def attention(
        self, experiments: Experiments, times_h: Sequence[float] | np.ndarray | None = None
    ) -> dict[str, xr.DataArray]:
        """What attends to what: `molecular`, `aggregate`, `pathway` and `decompose`, by layer, head; `looking.py`."""
        from hmlm_lib.hmlm.looking import attention

        return attention(self, experiments, times_h)

    def edge_labels(self) -> list[str]:
        """`source -> target` for activation, `source -| target` for inhibition, in the order of the edges."""
        names, arrow = self.network.species_names, {False: "->", True: "-|"}
        rows = zip(self._source.tolist(), self._inhibits.tolist(), self._target.tolist(), strict=True)
        return [f"{names[s]} {arrow[i]} {names[t]}" for s, i, t in rows]

    def save(self, path: str | Path) -> Path:
        """Checkpoint without pickle; see `checkpoint.py`."""
        from hmlm_lib.hmlm.checkpoint import save

        return save(self, path)

    @classmethod
    def load(cls, path: str | Path, network: SignalingNetwork) -> "HMLM":
        """A saved model on its network, one without identity on any; ModelError as `checkpoint.load`."""
        from hmlm_lib.hmlm.checkpoint import load

        return load(path, network)
