"""Peptides and proteins whose interaction is planted, so that the best possible AUROC is known.

A protein has two pockets, each of two residues; together they decide which of four kinds of residue (positive,
negative, small, aromatic) the pocket takes: pocket B the peptide's second residue, pocket F its last. A peptide p
binds protein a

    listed for a with odds w(p, a) = exp(K m(p, a)),    m: matching anchors, 0, 1 or 2                         (1)

and with swap decoys over proteins of frequency f, no model can do better than the likelihood ratio

    log P(a | p, true) / P(a | decoy) = K m(p, a) - log sum_a' f_a' exp(K m(p, a'))                            (2)

Ours; a check of methods, no claim about MHC. Each residue of a pocket says one binary digit of the kind it takes.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from hmlm_lib.composition.pairs import Ligands, Pairs
from hmlm_lib.composition.residues import AMINO_ACIDS
from hmlm_lib.errors import SequenceError

KINDS = ("KRH", "DE", "AGSC", "FWY")  # what a pocket takes
LENGTH = 24  # residues of a protein
POCKETS = {"B": (5, 10), "F": (15, 20)}  # places of their two residues, from 0
DOORS = "KE"  # what stands there
SHARPNESS = 2.0  # K


def kind_of(residue: str) -> int:
    """Which of `KINDS` a residue belongs to, or -1."""
    return next((k for k, members in enumerate(KINDS) if residue in members), -1)


def anchors(peptide: str) -> tuple[int, int]:
    """Kinds of the second and the last residue."""
    return kind_of(peptide[1]), kind_of(peptide[-1])


def pockets(protein: str) -> tuple[int, int]:
    """Kinds that pockets B and F take: the number whose two binary digits are the doors, 0 for K and 1 for E."""
    return tuple(2 * DOORS.index(protein[a]) + DOORS.index(protein[b]) for a, b in POCKETS.values())


def matches(peptides: list[str], proteins: list[str]) -> Int[np.ndarray, "peptide protein"]:
    """m of Eq. (1)."""
    need, have = np.array([pockets(p) for p in proteins]), np.array([anchors(p) for p in peptides])
    return (have[:, None, :] == need[None, :, :]).sum(-1)


def planted(peptides: int = 20_000, proteins: int = 64, seed: int = 0) -> Ligands:
    """Peptides of 8 to 10 residues, each listed for one protein drawn by Eq. (1)."""
    if peptides < 1 or proteins < 16:
        raise SequenceError(f"{peptides} peptides, {proteins} proteins; allowed: from 1 and from 16 on")
    rng = np.random.default_rng((seed, 60))
    letters = np.array(list(AMINO_ACIDS))
    names, chains = [f"P{k:03d}" for k in range(proteins)], []
    for k in range(proteins):
        chain = rng.choice(letters, LENGTH)
        for place, digit in zip([p for pocket in POCKETS.values() for p in pocket], f"{k % 16:04b}", strict=True):
            chain[place] = DOORS[int(digit)]
        chains.append("".join(chain))
    drawn = list(dict.fromkeys(_peptide(rng, letters) for _ in range(peptides)))
    weight = np.exp(SHARPNESS * matches(drawn, chains))
    chance = np.cumsum(weight / weight.sum(1, keepdims=True), 1)
    own = (rng.random((len(drawn), 1)) < chance).argmax(1)
    listed = {p: frozenset([names[a]]) for p, a in zip(drawn, own, strict=True)}
    return Ligands(dict(zip(names, chains, strict=True)), listed)


def _peptide(rng: np.random.Generator, letters: np.ndarray) -> str:
    """Any residues inside, one of the four kinds at both anchors."""
    chain = rng.choice(letters, rng.integers(8, 11))
    for place in (1, -1):
        chain[place] = rng.choice(list(KINDS[rng.integers(len(KINDS))]))
    return "".join(chain)


def best(pairs: Pairs) -> Float[np.ndarray, " pair"]:
    """Eq. (2) for every pair; its AUROC is what no model is expected to exceed."""
    m = SHARPNESS * matches(list(pairs.left), list(pairs.right))
    frequency = np.bincount(pairs.j, minlength=len(pairs.right)) / len(pairs)
    return m[pairs.i, pairs.j] - logsumexp(m + np.log(frequency), axis=1)[pairs.i]
