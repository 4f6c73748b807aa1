"""Strategies that turn the frozen states of two models into one answer, binds or not.

    single            f(mean h_left)
    concatenation     f([mean h_left, mean h_right])
    contrastive       s cos(P h_left, R h_right) + b
    composition       after some layers    h_to <- h_to + Norm(Attention(h_to, h_of)),    then f(mean h_L)      (1)

In a composition both models run in lock-step and gradients pass through frozen layers; trained are attentions, norms
and f. With its sites at the last hidden state it is cross-attention as usually done; with several there, the control
with as many parameters. Source: composition paper (Communications Chemistry 2026), strategies 1 to 6; ours: either
direction or both, and sites that may repeat.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hmlm_lib.composition.attention import Attention, Weights
from hmlm_lib.composition.language_models import LanguageModel
from hmlm_lib.composition.states import States, mean
from hmlm_lib.errors import ModelError, check_chance, check_pair, check_whole, is_pair

SIDES = ("left", "right")
Site = tuple[int, int]  # hidden state of the left and of the right model


def other(side: str) -> str:
    """The side across."""
    return SIDES[1 - SIDES.index(side)]


def spread(depths: tuple[int, int], count: int) -> tuple[Site, ...]:
    """`count` sites from the first layer to the last, evenly in both models; the paper has 1, 4 and 6 of 6.

    ModelError for depths or a count below 1.
    """
    check_pair(depths, "depths", 1, ModelError)
    check_whole(count, "count", 1, ModelError)
    at = torch.linspace(0, 1, count).tolist() if count > 1 else [1.0]
    return tuple(tuple(1 + round(share * (depth - 1)) for depth in depths) for share in at)


@dataclass(frozen=True)
class ComposeConfig:
    """sites: hidden states after which attention is put, rising, may repeat; into: sides that receive.

    dropout: on what a site adds and within f; hide: chance of a token of the other side to be left out, in training;
    gain: of a site's norm before training (0: starts as the plain encoder). ModelError for one that is out of range.
    """

    sites: tuple[Site, ...]
    into: tuple[str, ...] = ("right",)
    heads: int = 4
    dropout: float = 0.1
    hide: float = 0.0
    gain: float = 1.0
    hidden: int = 64

    def __post_init__(self) -> None:
        check_sites(self.sites)
        check_sides(self.into, "into")
        for name, least in (("heads", 1), ("hidden", 0)):
            check_whole(getattr(self, name), name, least, ModelError)
        for name in ("dropout", "hide"):
            check_chance(getattr(self, name), name, ModelError)
        if not isinstance(self.gain, Real) or not math.isfinite(self.gain):
            raise ModelError(f"gain is {self.gain!r}; allowed: a finite number")


def check_sites(sites: object) -> None:
    """ModelError unless these are pairs of hidden states that do not fall; how deep a model is, is not known here."""
    pairs = isinstance(sites, tuple | list) and len(sites) > 0 and all(is_pair(site, 0) for site in sites)
    if not pairs or not all(one[i] <= two[i] for one, two in pairwise(sites) for i in (0, 1)):
        raise ModelError(f"sites {sites}; allowed: pairs of hidden states that do not fall, from 0 on, at least one")


def check_sides(sides: object, name: str) -> None:
    """ModelError unless these are one side or both, each once."""
    if not isinstance(sides, tuple | list) or tuple(sides) not in (SIDES, SIDES[::-1], *((side,) for side in SIDES)):
        raise ModelError(f"{name} {sides}; allowed: ('left',), ('right',) or both")


def answer(features: int, hidden: int, dropout: float) -> nn.Sequential:
    """f: a perceptron with one hidden layer; `hidden` = 0: linear. ModelError for sizes out of range."""
    check_whole(hidden, "hidden", 0, ModelError)
    check_chance(dropout, "dropout", ModelError)
    if not hidden:
        return nn.Sequential(nn.LayerNorm(features), nn.Linear(features, 1))
    return nn.Sequential(
        nn.LayerNorm(features), nn.Linear(features, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
    )


class Strategy(nn.Module):
    """reads: hidden states it needs of each side; features: pooled numbers that f sees."""

    reads: dict[str, tuple[int, ...]]
    features: int

    def forward(self, left: States, right: States) -> Float[Tensor, " row"]:
        """Logit of every pair."""
        raise NotImplementedError

    @property
    def n_parameters(self) -> int:
        """Trained numbers."""
        return sum(p.numel() for p in self.parameters())


class Pooled(Strategy):
    """Means of the last hidden states of the sides named, then f."""

    def __init__(self, models: Sequence[LanguageModel], sides: tuple[str, ...], hidden: int = 64, dropout: float = 0.1):
        super().__init__()
        check_sides(sides, "sides")
        of = dict(zip(SIDES, models, strict=True))
        self.last = {side: of[side].depth for side in sides}
        self.reads = {side: (self.last[side],) if side in sides else () for side in SIDES}
        self.features = sum(of[side].width for side in sides)
        self.answer = answer(self.features, hidden, dropout)

    def forward(self, left: States, right: States) -> Float[Tensor, " row"]:
        states = {"left": left, "right": right}
        pooled = [states[side].mean(k) for side, k in self.last.items()]
        return self.answer(torch.cat(pooled, 1))[:, 0]


class Contrastive(Strategy):
    """Two projections into one space; the logit is a scaled cosine."""

    def __init__(self, models: Sequence[LanguageModel], width: int = 64, dropout: float = 0.1):
        super().__init__()
        check_whole(width, "width", 1, ModelError)
        check_chance(dropout, "dropout", ModelError)
        self.last = {side: model.depth for side, model in zip(SIDES, models, strict=True)}
        self.reads = {side: (k,) for side, k in self.last.items()}
        self.features = sum(model.width for model in models)
        self.project = nn.ModuleDict()
        for side, model in zip(SIDES, models, strict=True):
            self.project[side] = nn.Sequential(
                nn.LayerNorm(model.width), nn.Linear(model.width, width), nn.GELU(), nn.Dropout(dropout),
                nn.Linear(width, width),
            )  # fmt: skip
        self.scale, self.shift = nn.Parameter(torch.tensor(5.0)), nn.Parameter(torch.tensor(0.0))

    def forward(self, left: States, right: States) -> Float[Tensor, " row"]:
        pooled = {"left": left.mean(self.last["left"]), "right": right.mean(self.last["right"])}
        found = {side: project(pooled[side]) for side, project in self.project.items()}
        return self.scale * nn.functional.cosine_similarity(found["left"], found["right"]) + self.shift


class Composition(Strategy):
    """Eq. (1). The models stay outside `parameters()`: they are frozen, and may serve many compositions."""

    def __init__(self, models: Sequence[LanguageModel], config: ComposeConfig):
        super().__init__()
        self._models = dict(zip(SIDES, models, strict=True))  # a dict does not register modules
        for model in models:
            model.requires_grad_(False)
        self.config = config
        _check_depth(config.sites, {side: model.depth for side, model in self._models.items()})
        self.cross, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for k in range(len(config.sites)):
            for side in config.into:
                width, guest = self._models[side].width, self._models[other(side)].width
                self.cross[f"{side}_{k}"] = Attention(width, config.heads, guest)
                self.norms[f"{side}_{k}"] = nn.LayerNorm(width)
                nn.init.constant_(self.norms[f"{side}_{k}"].weight, config.gain)
        self.drop = nn.Dropout(config.dropout)
        self.features = sum(self._models[side].width for side in config.into)
        self.answer = answer(self.features, config.hidden, config.dropout)
        first = dict(zip(SIDES, config.sites[0], strict=True))
        given = {side: tuple(sorted({site[i] for site in config.sites})) for i, side in enumerate(SIDES)}
        self.reads = {side: (first[side],) if side in config.into else given[side] for side in SIDES}

    def forward(self, left: States, right: States) -> Float[Tensor, " row"]:
        states = {"left": left, "right": right}
        last, _ = self.run(left, right)
        pooled = [mean(last[side], states[side].exists) for side in self.config.into]
        return self.answer(torch.cat(pooled, 1))[:, 0]

    def run(self, left: States, right: States) -> tuple[dict[str, Tensor], dict[str, Weights]]:
        """Last hidden states of the sides that receive, and the weights of every attention by `side_site`."""
        states, seen = {"left": left, "right": right}, {}
        at = dict(zip(SIDES, self.config.sites[0], strict=True))
        h = {side: states[side].hidden[k] for side, k in at.items()}
        for k, site in enumerate(self.config.sites):
            here = dict(zip(SIDES, site, strict=True))
            given = {
                side: self._advance(side, h[side], at[side], here[side], states[side])
                if side in self.config.into
                else states[side].hidden[here[side]]
                for side in SIDES
            }
            at, h = here, dict(given)
            for side in self.config.into:
                name, across = f"{side}_{k}", other(side)
                added, seen[name] = self.cross[name](given[side], given[across], self._visible(states[across].exists))
                h[side] = given[side] + self.drop(self.norms[name](added))
        ends = {side: self._models[side].depth for side in self.config.into}
        return {side: self._advance(side, h[side], at[side], ends[side], states[side]) for side in ends}, seen

    def _visible(self, exists: Tensor) -> Tensor:
        """Tokens that a site may look at: in training some are left out, so that none is relied upon."""
        if not self.training or not self.config.hide:
            return exists
        kept = exists & (torch.rand(exists.shape).to(exists.device) >= self.config.hide)
        return torch.where(kept.any(1, keepdim=True), kept, exists)

    def _advance(self, side: str, hidden: Tensor, start: int, end: int, states: States) -> Tensor:
        """From hidden state `start` to `end` through the frozen layers."""
        for i in range(start, end):
            hidden = self._models[side].layer(i, hidden, states.exists)
        return hidden


def _check_depth(sites: Sequence[Site], depths: dict[str, int]) -> None:
    if any(k > depth for site in sites for k, depth in zip(site, depths.values(), strict=True)):
        raise ModelError(
            f"sites {sites}; allowed: pairs of hidden states that do not fall, from 0 to "
            f"{depths['left']} on the left and {depths['right']} on the right, at least one"
        )
