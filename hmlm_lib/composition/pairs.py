"""Pairs that only their interaction can tell apart: swap decoys, and splits without a shared peptide.

Every peptide stands twice in a set: with a protein it is listed for (label 1) and with the protein of another peptide
that it is not listed for (label 0). The proteins of the decoys are those of the true pairs dealt out anew, so each
protein, too, is as often right as wrong, and whatever reads one side alone has an AUROC of exactly 1/2. Ours; the
public sets draw decoys otherwise, and peptides alone tell much there (`classical.peptide_alone`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from hmlm_lib.errors import HmlmError, SequenceError, check_pair, check_whole

POOLS = {"test": (0, 20), "valid": (20, 30), "train": (30, 100)}  # per cent of all peptides
TRIES = 200
FEWEST = 50  # peptides of a set to validate or to test on: held-out proteins may have fewer than asked for


@dataclass(frozen=True)
class Ligands:
    """Which peptides are known to bind which proteins.

    proteins: name -> sequence; listed: peptide -> names of the proteins it binds. Proteins of one sequence are one
    protein under one name. SequenceError for a peptide listed for a protein without a sequence.
    """

    proteins: Mapping[str, str]
    listed: Mapping[str, frozenset[str]]

    def __post_init__(self) -> None:
        for peptide, names in self.listed.items():
            for name in names:
                if name not in self.proteins:
                    raise SequenceError(
                        f"peptide {peptide} is listed for {name!r}, which has no sequence; "
                        f"allowed: the {len(self.proteins)} proteins with one"
                    )


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of two sequences with a label; sequences are kept once and pointed at.

    left, right: different sequences (peptides and proteins, or molecules and targets); i, j: which of them a pair
    joins; label: 1 binds, 0 does not.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    i: Int[np.ndarray, " pair"]
    j: Int[np.ndarray, " pair"]
    label: Bool[np.ndarray, " pair"]

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def of(cls, left: Sequence[str], right: Sequence[str], label: Sequence[int]) -> "Pairs":
        """Pairs given row by row; SequenceError unless there are as many of each, and every label is 0 or 1."""
        label = np.asarray(label)
        if not len(left) == len(right) == len(label):
            raise SequenceError(f"{len(left)} and {len(right)} sequences, {len(label)} labels; allowed: as many")
        wrong = np.flatnonzero(~np.isin(label, (0, 1)))
        if len(wrong):
            raise SequenceError(f"label of pair {wrong[0]} is {label[wrong[0]]}; allowed: 0, 1")
        lefts, i = np.unique(np.asarray(left), return_inverse=True)
        rights, j = np.unique(np.asarray(right), return_inverse=True)
        return cls(tuple(map(str, lefts)), tuple(map(str, rights)), i, j, label.astype(bool))

    def names(self, side: str) -> list[str]:
        """Sequence of every pair on a side, `left` or `right`."""
        chosen = self.i if side == "left" else self.j
        return [getattr(self, side)[k] for k in chosen]


def check_both(pairs: Pairs, where: str, error: type[HmlmError] = SequenceError) -> None:
    """error for pairs of one label alone, of which nothing can be learned and no AUROC exists."""
    binds = int(pairs.label.sum())
    if not 0 < binds < len(pairs):
        raise error(f"{where}: {binds} of {len(pairs)} pairs bind; allowed: some, not all")


@dataclass(frozen=True)
class Splits:
    """One training set, two questions: new peptides of proteins seen in training, and of proteins never seen."""

    train: Pairs
    valid: dict[str, Pairs]
    test: dict[str, Pairs]


def pool(peptide: str) -> str:
    """`train`, `valid` or `test`: fixed by the peptide itself, so that nothing pretrained has seen a test peptide."""
    share = int(hashlib.sha256(peptide.encode()).hexdigest()[:8], 16) % 100
    return next(name for name, (low, high) in POOLS.items() if low <= share < high)


def swap_decoys(ligands: Ligands, peptides: Sequence[str], names: frozenset[str], rng: np.random.Generator) -> Pairs:
    """Each peptide with one of its proteins among `names`, and with another's; SequenceError where that cannot be."""
    own = [str(rng.choice(sorted(ligands.listed[p] & names))) for p in peptides]
    wrong = _dealt(ligands, peptides, np.array(own), rng)
    sequence = [ligands.proteins[name] for name in [*own, *wrong]]
    return Pairs.of([*peptides, *peptides], sequence, [1] * len(own) + [0] * len(own))


def _dealt(ligands: Ligands, peptides: Sequence[str], own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same proteins in another order, none where it is listed: those that clash are swapped with random others."""
    dealt = own[rng.permutation(len(own))]
    clash = lambda k: dealt[k] in ligands.listed[peptides[k]]  # noqa: E731
    for _ in range(TRIES):
        bad = [k for k in range(len(own)) if clash(k)]
        if not bad:
            return dealt
        for k in bad:
            other = int(rng.integers(len(own)))
            dealt[k], dealt[other] = dealt[other], dealt[k]
            if clash(other) and not clash(k):
                dealt[k], dealt[other] = dealt[other], dealt[k]  # back: it would only move the trouble
    raise SequenceError(
        f"{len(own)} peptides of {len(set(own))} proteins cannot be dealt out without a listed pair; "
        "allowed: two proteins or more, none of them with most of the peptides"
    )


def splits(
    ligands: Ligands,
    seed: int,
    train: int = 8000,
    valid: int = 1000,
    test: int = 2500,
    unseen: tuple[int, int] = (10, 15),
) -> Splits:
    """Sets of that many peptides (twice as many pairs); unseen: proteins held out to validate, and to test.

    Peptides of different sets differ, by `pool`. Where the held-out proteins have fewer, the set is smaller;
    SequenceError below `FEWEST`, where there are too few to train on, and for a size below 1.
    """
    for size, name in ((train, "train"), (valid, "valid"), (test, "test")):
        check_whole(size, name, 1, SequenceError)
    check_pair(unseen, "unseen", 1, SequenceError)
    rng = np.random.default_rng((seed, 61))
    names = rng.permutation(sorted(ligands.proteins))
    if len(names) < sum(unseen) + 2:
        raise SequenceError(f"{len(names)} proteins, {sum(unseen)} of them held out; allowed: two left to train on")
    held = {"valid": frozenset(names[: unseen[0]]), "test": frozenset(names[unseen[0] : sum(unseen)])}
    seen = frozenset(names[sum(unseen) :])
    by_pool: dict[str, list[str]] = {name: [] for name in POOLS}
    for peptide in sorted(ligands.listed):
        by_pool[pool(peptide)].append(peptide)
    used: set[str] = set()

    def draw(of: str, among: frozenset[str], count: int) -> Pairs:
        fit = [p for p in by_pool[of] if p not in used and ligands.listed[p] & among]
        if len(fit) < min(count, FEWEST) or (of == "train" and len(fit) < count):
            raise SequenceError(f"{len(fit)} peptides to {of}, {count} asked for; allowed: at most {len(fit)}")
        chosen = [fit[k] for k in rng.choice(len(fit), min(count, len(fit)), replace=False)]
        used.update(chosen)
        return swap_decoys(ligands, chosen, among, rng)

    # The held-out proteins have the fewer peptides: they choose first.
    sets = {where: {"unseen": draw(where, held[where], n)} for where, n in (("valid", valid), ("test", test))}
    for where, n in (("valid", valid), ("test", test)):
        sets[where]["random"] = draw(where, seen, n)
    return Splits(draw("train", seen, train), sets["valid"], sets["test"])
