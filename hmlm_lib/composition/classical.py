"""What needs no language model: one-hot logistic regressions, and tables of residue frequencies by protein.

`PositionTables` is the peer to fear: how often each residue stands at each of the peptide's first and last four places,
for every protein, with counts borrowed from proteins of similar sequence,

    C_a = sum_b exp(-d(a, b) / tau) c_b,    s(p, a) = sum_k log (C_a[k, p_k] + beta q_k[p_k]) / (|C_a| + beta)  (1)
    score = s(p, a) - log m(p, a)                                                                              (2)
    m(p, a) = sum_a' f_a' exp s(p, a')  if a was trained on,  prod_k q_k[p_k]  if not                          (3)

d: differing residues; q: frequencies over all proteins; f_a': share of a training protein among the true training
pairs. A protein never seen borrows everything. m is how common such peptides are: among the training proteins, or where
places know nothing of each other; which is better where was seen on validation pairs. Nothing but the training pairs
enters it, so the answer to a pair is its own, whatever else is asked. Source: position-specific scoring matrices and
their neighbours, the oldest predictors of MHC binding; Eq. (2) is ours, for swap decoys.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from hmlm_lib.composition.pairs import Pairs, check_both
from hmlm_lib.composition.residues import AMINO_ACIDS, check_residues
from hmlm_lib.errors import SequenceError

ENDS = 4  # places counted from each end of a peptide
TAUS, BETA = (0.5, 1.0, 2.0, 4.0), 5.0
NUMBER = {residue: i for i, residue in enumerate(AMINO_ACIDS)}


def aligned(proteins: Sequence[str], length: int | None = None) -> Int[np.ndarray, "protein place"]:
    """Number of the residue at every place; length: of all of them (None: that of the first).

    SequenceError for a protein of another length, or a residue outside the alphabet.
    """
    if not len(proteins):
        raise SequenceError("no protein; allowed: at least one")
    given, length = length, len(proteins[0]) if length is None else length
    for protein in proteins:
        check_residues(protein, "protein")
        if len(protein) != length:
            raise SequenceError(
                f"protein {protein[:20]!r} has {len(protein)} residues; allowed: {length}, as "
                + ("the first protein" if given is None else "in train")
            )
    return np.array([[NUMBER[r] for r in protein] for protein in proteins])


def places(peptides: Sequence[str]) -> Int[np.ndarray, "peptide place"]:
    """Number of the residue at the first and the last `ENDS` places.

    SequenceError for a shorter peptide, or a residue outside the alphabet.
    """
    if not len(peptides):
        raise SequenceError("no peptide; allowed: at least one")
    for peptide in peptides:
        check_residues(peptide, "peptide")
        if len(peptide) < ENDS:
            raise SequenceError(f"peptide {peptide!r} has {len(peptide)} residues; allowed: {ENDS} or more")
    return np.array([[NUMBER[r] for r in p[:ENDS] + p[-ENDS:]] for p in peptides])


def one_hot(numbers: Int[np.ndarray, "row place"]) -> Float[np.ndarray, "row feature"]:
    """A 1 at the residue of every place."""
    return np.eye(len(AMINO_ACIDS), dtype=np.float32)[numbers].reshape(len(numbers), -1)


def features(pairs: Pairs, length: int | None = None) -> Float[np.ndarray, "pair feature"]:
    """Both sides one-hot, side by side: no product of the two, so no interaction. length: as of `aligned`."""
    left = one_hot(places(pairs.left))
    right = one_hot(aligned(pairs.right, length))
    return np.concatenate([left[pairs.i], right[pairs.j]], 1)


class OneHot:
    """Logistic regression on `features`; SequenceError as `places`, `aligned` and `check_both`."""

    n_parameters = 0

    def fit(self, train: Pairs, valid: Pairs) -> "OneHot":
        check_both(train, "train")
        self.model = LogisticRegression(max_iter=300, C=0.1).fit(features(train), train.label)
        self.n_parameters, self.length = self.model.coef_.size + 1, len(train.right[0])
        return self

    def predict(self, pairs: Pairs) -> Float[np.ndarray, " pair"]:
        return self.model.decision_function(features(pairs, self.length))


class PositionTables:
    """Eq. (1) to (3); tau chosen on the validation pairs. SequenceError as `places`, `aligned` and `check_both`."""

    n_parameters = 0

    def fit(self, train: Pairs, valid: Pairs) -> "PositionTables":
        if not train.label.any():
            raise SequenceError(f"train: 0 of {len(train)} pairs bind; allowed: one at least")
        check_both(valid, "valid")
        aligned(train.right)
        self.proteins = train.right
        where = places(train.left)
        self.counts = np.zeros((len(train.right), where.shape[1], len(AMINO_ACIDS)))
        for i, j in zip(train.i[train.label], train.j[train.label], strict=True):
            self.counts[j, np.arange(where.shape[1]), where[i]] += 1
        self.n_parameters = self.counts.size
        self.share = self.counts[:, 0].sum(1) / self.counts[:, 0].sum()
        total = self.counts.sum(0) + 1
        self.common = total / total.sum(1, keepdims=True)
        score = {}
        for self.tau in TAUS:
            found = self.predict(valid)
            score[self.tau] = roc_auc_score(valid.label, found)
        self.tau = max(score, key=score.get)
        return self

    def tables(self, proteins: Sequence[str]) -> Float[np.ndarray, "protein place residue"]:
        """log frequency of the residues at every place, of proteins seen or not; SequenceError as `aligned`."""
        aligned(proteins, len(self.proteins[0]))
        apart = np.array([[sum(a != b for a, b in zip(x, y, strict=True)) for y in self.proteins] for x in proteins])
        borrowed = np.einsum("ab,bkr->akr", np.exp(-apart / self.tau), self.counts)
        size = borrowed.sum(2, keepdims=True)
        return np.log((borrowed + BETA * self.common) / (size + BETA))

    def predict(self, pairs: Pairs) -> Float[np.ndarray, " pair"]:
        """Eq. (2) of every pair."""
        where, place = places(pairs.left), np.arange(2 * ENDS)
        score = self.tables(pairs.right)[:, place, where].sum(-1)  # protein, peptide
        trained = self.tables(self.proteins)[:, place, where].sum(-1)
        seen = logsumexp(trained, axis=0, b=self.share[:, None])
        new = np.log(self.common)[place, where].sum(-1)
        usual = np.where(np.isin(pairs.right, self.proteins)[pairs.j], seen[pairs.i], new[pairs.i])
        return score[pairs.j, pairs.i] - usual


def peptide_alone(train: pd.DataFrame, test: pd.DataFrame) -> Float[np.ndarray, " row"]:
    """The trap: logits of a one-hot logistic regression that never sees the protein; columns peptide, label."""
    model = LogisticRegression(max_iter=300, C=0.1)
    model.fit(one_hot(places(train["peptide"].tolist())), train["label"])
    return model.decision_function(one_hot(places(test["peptide"].tolist())))
