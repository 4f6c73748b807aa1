"""From sequences to tokens: one token a residue, the vocabulary in plain sight, nothing cut off in silence."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from hmlm_lib.errors import SequenceError, check_whole

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
PAD, MASK = 0, 1  # tokens that stand for no residue
SPECIAL = 2


def check_residues(sequence: str, what: str, residues: str = AMINO_ACIDS) -> None:
    """SequenceError for a residue outside the alphabet; what: the sequence by name."""
    unknown = [at for at, residue in enumerate(sequence) if residue not in residues]
    if unknown:
        raise SequenceError(
            f"{what} ({sequence[:20]}), position {unknown[0] + 1}: residue {sequence[unknown[0]]!r}; "
            f"allowed: {residues}"
        )


@dataclass(frozen=True)
class Vocabulary:
    """Residues that a model knows, one letter each, and the longest sequence it reads (tokens).

    SequenceError for no residue, one that is named twice, or a length below 1.
    """

    residues: str = AMINO_ACIDS
    longest: int = 48

    def __post_init__(self) -> None:
        if not isinstance(self.residues, str) or not self.residues or len(set(self.residues)) < len(self.residues):
            raise SequenceError(f"residues is {self.residues!r}; allowed: one letter or more, each once")
        check_whole(self.longest, "longest", 1, SequenceError)

    @property
    def size(self) -> int:
        """Tokens: the residues, padding and the mask."""
        return len(self.residues) + SPECIAL

    def tokens(self, sequences: Sequence[str]) -> Int[Tensor, "sequence token"]:
        """One row a sequence, padded at the end to the longest of them.

        SequenceError for no sequence, an empty one, a residue outside the vocabulary (naming it and where), or a
        sequence longer than `longest`: it is never cut.
        """
        if isinstance(sequences, str):
            raise SequenceError(f"one text, {sequences!r}; allowed: a list of sequences")
        if not len(sequences):
            raise SequenceError("no sequence; allowed: at least one")
        number = {residue: i + SPECIAL for i, residue in enumerate(self.residues)}
        rows = torch.full((len(sequences), max(map(len, sequences))), PAD)
        for i, sequence in enumerate(sequences):
            if not sequence:
                raise SequenceError(f"sequence {i} is empty; allowed: 1 to {self.longest} residues")
            if len(sequence) > self.longest:
                raise SequenceError(
                    f"sequence {i} ({sequence[:12]}...) has {len(sequence)} residues; allowed: at most {self.longest}"
                )
            check_residues(sequence, f"sequence {i}", self.residues)
            rows[i, : len(sequence)] = torch.tensor([number[residue] for residue in sequence])
        return rows
