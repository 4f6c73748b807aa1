"""What acts on the species from outside: levels that stay, jump at given times, or are interpolated between them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

SAME_TIME = 1e-9  # hours: a step that ends this close to a knot has reached it


class Stimulus:
    """Stimulus level of every species over time, in [0, 1].

    knots_h [knot]: increasing times in hours; levels [knot, species, 1 or batch]. `step`: the level of the last knot
    passed holds (the first one also before it). `linear`: straight lines between knots, constant outside.
    """

    def __init__(
        self,
        knots_h: Float[Tensor, " knot"],
        levels: Float[Tensor, "knot species batch"],
        interpolation: str = "step",
    ):
        self.knots_h, self.levels, self.interpolation = knots_h.double(), levels, interpolation
        self.constant = len(knots_h) == 1

    @classmethod
    def hold(cls, level: Float[Tensor, "species batch"]) -> "Stimulus":
        """The same level at all times."""
        return cls(torch.zeros(1, device=level.device), level[None])

    def batch(self, keep: Tensor) -> "Stimulus":
        """The stimulus of the trajectories `keep`."""
        levels = self.levels if self.levels.shape[-1] == 1 else self.levels[..., keep]
        return Stimulus(self.knots_h, levels, self.interpolation)

    def segment(self, t: Float[Tensor, " batch"]) -> Int[Tensor, " batch"]:
        """Index of the last knot that each trajectory has reached (0 before the first)."""
        if self.constant:
            return torch.zeros_like(t, dtype=torch.long)
        return (torch.searchsorted(self.knots_h - SAME_TIME, t, right=True) - 1).clamp(min=0)

    def level(self, segment: Int[Tensor, " batch"], t: Float[Tensor, " batch"]) -> Float[Tensor, "species batch"]:
        """Levels at times t, which lie in `segment` or at its end (where a jump has not happened yet)."""
        if self.constant:
            return self.levels[0]
        here = self._at(segment)
        if self.interpolation == "step":
            return here
        last = len(self.knots_h) - 1
        after = (segment + 1).clamp(max=last)
        width = (self.knots_h[after] - self.knots_h[segment]).clamp(min=SAME_TIME)
        part = ((t - self.knots_h[segment]) / width).clamp(0, 1).to(here.dtype)
        return here + part * (self._at(after) - here)

    def _at(self, knot: Int[Tensor, " batch"]) -> Float[Tensor, "species batch"]:
        column = torch.arange(len(knot), device=knot.device)
        return self.levels[knot, :, column if self.levels.shape[-1] > 1 else 0].T

    def clip(self, t: Tensor, h: Tensor) -> Tensor:
        """Step lengths that end at the next knot where they would pass it or nearly reach it."""
        if self.constant:
            return h
        after = self.segment(t) + 1
        knot = torch.cat([self.knots_h, self.knots_h.new_tensor([float("inf")])])[after]
        gap = knot - t
        return torch.where(gap < 1.1 * h, gap, h)

    def jumps(self, t: Tensor, t_next: Tensor) -> Tensor:
        """Which trajectories meet a jump of the stimulus at t_next."""
        if self.constant or self.interpolation == "linear":
            return torch.zeros_like(t, dtype=torch.bool)
        return self.segment(t_next) > self.segment(t)
