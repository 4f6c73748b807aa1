"""Peptides and proteins whose interaction is planted, so that the best possible AUROC is known.

A protein has two pockets. The residue at the bottom of each, its door, decides which of four kinds of residue the
pocket takes (positive, negative, small, aromatic): pocket B the peptide's second residue, pocket F its last. A
peptide p is

    listed for protein a with odds w(p, a) = exp(K m(p, a)),    m: matching anchors, 0, 1 or 2                 (1)

and with swap decoys over proteins of frequency f, no model can do better than the likelihood ratio

    log P(a | p, true) / P(a | decoy) = K m(p, a) - log sum_a' f_a' exp(K m(p, a'))                            (2)

Most of a protein is the same in all of them, as in the real ones; some other places vary and mean nothing. A language
model can learn which residues stand where, and nothing about who binds whom. Ours; a check of methods, no claim about
MHC.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from hmlm_lib.composition.pairs import Ligands, Pairs
from hmlm_lib.composition.residues import AMINO_ACIDS
from hmlm_lib.errors import SequenceError, check_whole

KINDS = ("KRH", "DE", "AGSC", "FWY")  # what a pocket takes
FRAME = "GSHSMRYFATAVSRPGRGEP"  # what all proteins share
POCKETS = {"B": 5, "F": 14}  # places of the doors, from 0
DOORS = "DKFG"  # a door's residue, in the order of `KINDS`
IDLE = (2, 8, 11, 17)  # places that vary without meaning
SHARPNESS = 3.0  # K


def kind_of(residue: str) -> int:
    """Which of `KINDS` a residue belongs to, or -1."""
    return next((k for k, members in enumerate(KINDS) if residue in members), -1)


def anchors(peptide: str) -> tuple[int, int]:
    """Kinds of the second and the last residue."""
    return kind_of(peptide[1]), kind_of(peptide[-1])


def pockets(protein: str) -> tuple[int, int]:
    """Kinds that pockets B and F take."""
    return tuple(DOORS.index(protein[place]) for place in POCKETS.values())


def matches(peptides: list[str], proteins: list[str]) -> Int[np.ndarray, "peptide protein"]:
    """m of Eq. (1)."""
    need, have = np.array([pockets(p) for p in proteins]), np.array([anchors(p) for p in peptides])
    return (have[:, None, :] == need[None, :, :]).sum(-1)


def planted(peptides: int = 20_000, proteins: int = 64, seed: int = 0) -> Ligands:
    """Peptides of 8 to 10 residues, each listed for one protein drawn by Eq. (1)."""
    for value, name, least in ((peptides, "peptides", 1), (proteins, "proteins", 16), (seed, "seed", 0)):
        check_whole(value, name, least, SequenceError)
    rng = np.random.default_rng((seed, 60))
    letters = np.array(list(AMINO_ACIDS))
    names, chains = [f"P{k:03d}" for k in range(proteins)], []
    for k in range(proteins):
        chain = list(FRAME)
        for place in IDLE:
            chain[place] = str(rng.choice(letters))
        for place, door in zip(POCKETS.values(), divmod(k % len(KINDS) ** 2, len(KINDS)), strict=True):
            chain[place] = DOORS[door]
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
