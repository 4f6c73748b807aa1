"""Tree-VQ: a latent vector as a path through a binary tree of unit codes, coarse to fine.

    level l holds 2^(l+1) codes, children of c are 2c and 2c + 1;   c_l = argmin_child of 1 - cos(z, e)      Eq. (1)
    L = mean over levels of (1 - cos(sg z, e)) + beta (1 - cos(z, sg e))                                     Eq. (2)

The quantised vector of a level is z + sg(|z| e - z): forward the code at the length of z, backward the identity
(straight-through). Two latents that are both at least alpha similar to one code satisfy
cos(z_1, z_2) >= 2 alpha^2 - 1 for alpha >= 0, Eq. (3): angles to the code add up at most.
Source: CHMR paper, tree-structured vector quantization. Revival of codes that nobody uses is ours.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hmlm_lib.errors import MoleculeError

MOST_CODES = 2**20  # of the last level; more than there are molecules to tell apart


class Quantised(NamedTuple):
    """levels: the quantised vectors; path: the code of every level; loss: Eq. (2)."""

    levels: Float[Tensor, "row level width"]
    path: Int[Tensor, "row level"]
    loss: Float[Tensor, ""]


def unit(x: Float[Tensor, "*row width"]) -> Float[Tensor, "*row width"]:
    """x at length 1; zeros stay zeros."""
    return nn.functional.normalize(x, dim=-1)


def similarity_bound(alpha: float) -> float:
    """Eq. (3): least similarity of two latents that are both at least alpha similar to the same code."""
    return 2 * alpha**2 - 1 if alpha >= 0 else -1.0


def check_codes(depth: int, branch: int) -> None:
    """MoleculeError for a tree with more than `MOST_CODES` codes at its last level."""
    if depth * math.log(branch) > math.log(MOST_CODES) + 1e-9:
        raise MoleculeError(
            f"depth = {depth} with branch = {branch} is too many codes; allowed: branch ** depth at most {MOST_CODES:,}"
        )


class TreeVQ(nn.Module):
    """depth levels of 2, 4, 8 ... codes of a width; commitment: beta of Eq. (2).

    branch: children of a code; depth 1 and many branches make a flat codebook.
    """

    def __init__(self, depth: int, width: int, commitment: float = 0.25, branch: int = 2):
        super().__init__()
        if depth < 1 or width < 1 or branch < 2:
            raise MoleculeError(
                f"depth = {depth}, width = {width}, branch = {branch}; allowed: 1 or more, branch 2 or more"
            )
        check_codes(depth, branch)
        self.depth, self.commitment, self.branch = depth, commitment, branch
        self.codes = nn.ParameterList(unit(torch.randn(branch ** (level + 1), width)) for level in range(depth))
        for level in range(depth):
            self.register_buffer(f"uses_{level}", torch.zeros(branch ** (level + 1)))

    def uses(self, level: int) -> Float[Tensor, " code"]:
        """How often each code was chosen in training since the last revival."""
        return getattr(self, f"uses_{level}")

    def path(self, z: Float[Tensor, "row width"]) -> Int[Tensor, "row level"]:
        """Eq. (1): the best of the children, level by level."""
        direction, parent, chosen = unit(z), torch.zeros(len(z), dtype=torch.long, device=z.device), []
        for codes in self.codes:
            children = self.branch * parent[:, None] + torch.arange(self.branch, device=z.device)
            likeness = torch.einsum("rw,rcw->rc", direction, unit(codes)[children])
            parent = children.gather(1, likeness.argmax(1, keepdim=True))[:, 0]
            chosen.append(parent)
        return torch.stack(chosen, dim=1)

    def forward(self, z: Float[Tensor, "row width"]) -> Quantised:
        if len(z) == 0:
            raise MoleculeError("no latent vector to quantise; allowed: at least one")
        with torch.no_grad():
            path = self.path(z)
        codes = torch.stack([unit(e)[path[:, level]] for level, e in enumerate(self.codes)], dim=1)
        direction = unit(z)[:, None]
        towards_code = 1 - (direction.detach() * codes).sum(-1)
        commitment = 1 - (direction * codes.detach()).sum(-1)
        length = z.norm(dim=-1, keepdim=True)[:, None]
        straight = z[:, None] + (length * codes - z[:, None]).detach()
        if self.training:
            for level in range(self.depth):
                self.uses(level).add_(torch.bincount(path[:, level], minlength=len(self.codes[level])))
        return Quantised(straight, path, towards_code.mean() + self.commitment * commitment.mean())

    @torch.no_grad()
    def revive(self, z: Float[Tensor, "row width"], generator: torch.Generator, share: float = 0.01) -> int:
        """Put codes that hardly anybody chose beside latents that came their parent's way; returns how many.

        A code is revived if it took less than `share` of what its parent would give it at even use. Counts start anew.
        """
        revived = 0
        for level, codes in enumerate(self.codes):
            path = self.path(z)
            for code in self._idle(level, share).tolist():
                here = path[:, level - 1] == code // self.branch if level else torch.ones(len(z), dtype=torch.bool)
                rows = here.nonzero()[:, 0]
                if not len(rows):
                    continue
                sibling = unit(codes[self._busiest(level, code // self.branch)])
                # The latent least like that sibling, among a few: it is what the sibling serves worst.
                few = rows[torch.randint(len(rows), (8,), generator=generator)]
                codes[code] = unit(z[few[(unit(z[few]) @ sibling).argmin()]])
                revived += 1
            self.uses(level).zero_()
        return revived

    def _busiest(self, level: int, parent: int) -> int:
        """The child of a parent that was chosen most often."""
        first = self.branch * parent
        return first + int(self.uses(level)[first : first + self.branch].argmax())

    def _idle(self, level: int, share: float) -> Int[Tensor, " code"]:
        uses = self.uses(level)
        family = uses.view(-1, self.branch).sum(1).repeat_interleave(self.branch)
        return ((uses < share * family / self.branch) | (family == 0)).nonzero()[:, 0]


def usage(path: Int[Tensor, "row level"], branch: int = 2) -> list[float]:
    """Fraction of a level's codes that occur, a level."""
    return [path[:, level].unique().numel() / branch ** (level + 1) for level in range(path.shape[1])]


def perplexity(path: Int[Tensor, "row level"]) -> list[float]:
    """exp(entropy) of the codes, a level: their number where all are used alike, 1 after a collapse."""
    found = []
    for level in range(path.shape[1]):
        share = torch.bincount(path[:, level]).double() / len(path)
        found.append(float(torch.exp(-torch.special.xlogy(share, share).sum())))
    return found
