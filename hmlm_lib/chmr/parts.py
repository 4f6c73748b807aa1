"""CHMR without each of its parts, as encoders of the record: what a part is worth on the real sets.

    no_tree        no Tree-VQ: decoders read the anchor itself
    no_alignment   neither InfoNCE nor VICReg: cells are targets of the walks, and share the tree
    no_cpr         nothing is reconstructed along walks
    zero           cells nobody measured are 0 in units of their sd, in place of propagation

Source: CHMR paper, ablations (ChEMBL2K and Biogen).
"""

from dataclasses import dataclass, replace

from hmlm_lib.chmr.settings import WHOLE, Variant


@dataclass(frozen=True)
class Part(Variant):
    """A variant and how missing cells are filled in: one of `material.IMPUTATIONS`."""

    fill: str = "propagation"


PARTS: dict[str, Part] = {
    "no_tree": Part(replace(WHOLE, depth=0)),
    "no_alignment": Part(replace(WHOLE, align=0.0)),
    "no_cpr": Part(replace(WHOLE, reconstruct=0.0)),
    "zero": Part(WHOLE, fill="zero"),
}


def encoder(variant: Variant) -> Part:
    """Any variant with its filling, which is propagation unless it says something else."""
    return variant if isinstance(variant, Part) else Part(variant.config, variant.cells)
