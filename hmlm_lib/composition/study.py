"""What notebook 08 asks: strategies side by side on small sets, what attention sees, what a changed residue does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict

from hmlm_lib.composition.checkpoint import shipped
from hmlm_lib.composition.classical import one_hot, peptide_alone, places
from hmlm_lib.composition.compose import SIDES, Composition
from hmlm_lib.composition.fit import Cached, FitConfig, Fitted, auroc, ranked
from hmlm_lib.composition.halved import fit, predict
from hmlm_lib.composition.language_models import TinyLM
from hmlm_lib.composition.pairs import Pairs, Splits, pool
from hmlm_lib.composition.planted import best
from hmlm_lib.composition.record import CLASSICAL, QUESTIONS, entry, interval
from hmlm_lib.composition.residues import AMINO_ACIDS
from hmlm_lib.composition.settings import STRATEGIES
from hmlm_lib.device import one_thread, side_by_side
from hmlm_lib.errors import ModelError, SequenceError, TrainingError, check_finite, check_whole, pick
from hmlm_lib.evaluation import benchmark
from hmlm_lib.evaluation.rows import as_table

# Places, in the 34 residues of TransPHLA, of the residues that line two pockets of MHC class I (numbers of the chain).
CHAIN = (
    7, 9, 24, 45, 59, 62, 63, 66, 67, 69, 70, 73, 74, 76, 77, 80, 81, 84, 95, 97, 99, 114, 116, 118, 143, 147, 150,
    152, 156, 158, 159, 163, 167, 171,
)  # fmt: skip
POCKETS = {"B": (7, 9, 24, 45, 63, 66, 67, 70, 99), "F": (77, 80, 81, 84, 95, 116, 143, 147)}


@dataclass(frozen=True)
class Live:
    """How a notebook trains: language model by name, passes over the pairs, pairs of a step, rate.

    TrainingError for one that is out of range.
    """

    model: str
    epochs: int
    seed: int = 0
    batch: int = 64
    rate: float = 4e-3

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("seed", 0), ("batch", 1)):
            check_whole(getattr(self, name), name, least, TrainingError)
        check_finite(self.rate, "rate", TrainingError)


def trained(name: str, parts: Splits, live: Live) -> Fitted:
    """A strategy of the record, trained on these pairs; ModelError for another name."""
    choice = pick(STRATEGIES, name, "strategy")
    model = shipped(live.model) if choice.trained else TinyLM.from_seed(live.seed, shipped(live.model).config).eval()
    config = FitConfig(epochs=live.epochs, batch=live.batch)
    config = replace(config, training=replace(config.training, seed=live.seed, learning_rate=live.rate))
    return fit(lambda: choice.build((model, model)), (model, model), parts.train, parts.valid, config)


def _run(name: str, parts: Splits, live: Live) -> tuple[dict[str, float], Fitted | None]:
    """What needs no language model is asked as in the record, and its parameters are counted there."""
    fitted = None if name in CLASSICAL else trained(name, parts, live)
    with one_thread():
        found, values = _asked(fitted, parts) if fitted else entry(name).answer(parts, live.seed)
    row = {about: values[about] for about in ("parameters", "features", "seconds")}
    for q in QUESTIONS:
        pairs = parts.test[q]
        low, high = interval(pairs, found[q], live.seed)
        row |= {q: auroc(pairs, found[q]), f"{q}_low": low, f"{q}_high": high}
    return row, fitted


def _asked(fitted: Fitted, parts: Splits) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Logits of both tests, and what else the table says."""
    own = fitted.strategy
    about = {"parameters": own.n_parameters, "features": own.features, "seconds": fitted.seconds}
    return {q: predict(fitted.at(q), parts.test[q]) for q in QUESTIONS}, about


def compared(names: Sequence[str], parts: Splits, live: Live) -> tuple[pd.DataFrame, dict[str, Fitted]]:
    """Strategies trained side by side: a table and what was trained.

    Index strategy; columns random and unseen (AUROC), their intervals (_low, _high), parameters, features, seconds.
    """
    found = side_by_side(_run, [(name, parts, live) for name in names])
    table = pd.DataFrame([row for row, _ in found], index=pd.Index(names, name="strategy"))
    return table, {name: fitted for name, (_, fitted) in zip(names, found, strict=True) if fitted}


def ceiling(parts: Splits) -> dict[str, float]:
    """AUROC of the likelihood ratio of planted pairs: the best there is."""
    return {q: auroc(parts.test[q], best(parts.test[q])) for q in QUESTIONS}


def recorded(setting: str = "composition_16k") -> pd.DataFrame:
    """The record: index strategy, columns random, unseen, with _sd and _n, parameters, features, seconds."""
    measures = ("L/random", "L/unseen", "parameters", "features", "seconds")
    table = as_table(benchmark.rows(setting), measures)
    wide = {}
    for measure in measures:
        name = measure.removeprefix("L/")
        wide[name] = table[measure, "mean"]
        wide |= {f"{name}_{part}": table[measure, part] for part in ("sd", "n") if measure.startswith("L/")}
    return pd.DataFrame(wide)


def ahead(one: str, other: str, question: str, setting: str = "composition_16k") -> tuple[float, float, int]:
    """Mean difference of AUROC, its standard error over seeds that both have, and how many these are.

    ModelError for a strategy or a question that the record does not know.
    """
    for name in (one, other):
        entry(name)
    pick(dict.fromkeys(QUESTIONS), question, "question")
    by_seed: dict[str, dict[int, float]] = {one: {}, other: {}}
    for row in benchmark.rows(setting):
        if row["model"] in by_seed:
            by_seed[row["model"]][row["seed"]] = row["values"][f"L/{question}"]
    seeds = sorted(set(by_seed[one]) & set(by_seed[other]))
    gap = np.array([by_seed[one][s] - by_seed[other][s] for s in seeds])
    error = float(gap.std(ddof=1) / len(gap) ** 0.5) if len(gap) > 1 else float("nan")
    return (float(gap.mean()) if len(gap) else float("nan")), error, len(gap)


def nine(pairs: Pairs, count: int, length: int = 9) -> Pairs:
    """Up to `count` true pairs whose peptide has that length; SequenceError for a count below 0."""
    check_whole(count, "count", 0, SequenceError)
    rows = [k for k in np.flatnonzero(pairs.label) if len(pairs.left[pairs.i[k]]) == length][:count]
    lefts, rights = pairs.names("left"), pairs.names("right")
    return Pairs.of([lefts[k] for k in rows], [rights[k] for k in rows], [1] * len(rows))


def looks(fitted: Fitted, pairs: Pairs) -> np.ndarray:
    """Attention of every peptide place on every protein residue [site, place, residue], mean over heads and pairs.

    Rows sum to one. For a composition into the peptide; pairs of one length (`nine`). ModelError for another strategy,
    SequenceError for peptides of several lengths, or none.
    """
    strategy = fitted.strategy
    if not isinstance(strategy, Composition) or tuple(strategy.config.into) != ("left",):
        raise ModelError(f"{type(strategy).__name__} has no attention of the peptide; allowed: a composition into it")
    _one_length(pairs.names("left"))
    data = Cached.of(strategy, fitted.models, pairs)
    i, j = torch.as_tensor(pairs.i), torch.as_tensor(pairs.j)
    strategy.eval()
    with one_thread(), torch.no_grad():
        _, seen = strategy.run(data.left.take(i, data.left.hidden), data.right.take(j, data.right.hidden))
    return np.stack([weight.mean((0, 1)).cpu().numpy() for weight in seen.values()])


def exchanged(fitted: Fitted, pairs: Pairs, side: str, seed: int = 0) -> np.ndarray:
    """Mean change of the logit (absolute) when one residue becomes another, drawn at random: one number a place.

    side: `left` or `right`, whose sequences must have one length; SequenceError otherwise.
    """
    pick(dict.fromkeys(SIDES), side, "side", SequenceError)
    rng, sequences = np.random.default_rng((seed, 63)), pairs.names(side)
    _one_length(sequences)
    other = pairs.names("right" if side == "left" else "left")
    before, found = fitted.predict(pairs), []
    for place in range(len(sequences[0])):
        new = [s[:place] + rng.choice([r for r in AMINO_ACIDS if r != s[place]]) + s[place + 1 :] for s in sequences]
        sides = (new, other) if side == "left" else (other, new)
        changed = Pairs(
            tuple(sides[0]), tuple(sides[1]), np.arange(len(new)), np.arange(len(new)), np.ones(len(new), bool)
        )
        found.append(np.abs(fitted.predict(changed) - before).mean())
    return np.array(found)


def _one_length(sequences: Sequence[str]) -> None:
    lengths = sorted(set(map(len, sequences)))
    if len(lengths) != 1:
        raise SequenceError(f"sequences of lengths {lengths}; allowed: one length, at least one sequence (`nine`)")


def pocket(name: str) -> np.ndarray:
    """Which of the 34 residues line pocket B (second residue of the peptide) or F (last residue)."""
    return np.isin(CHAIN, pick(POCKETS, name, "pocket", SequenceError))


def own_set(pairs: Pairs, seed: int = 0) -> dict[str, float]:
    """AUROC of a one-hot logistic regression in five folds: pairs dealt at random, and no protein in two folds."""
    longest = max(map(len, pairs.right))
    right = np.array([[AMINO_ACIDS.find(r) for r in s.ljust(longest, "-")] for s in pairs.right])
    seen = np.eye(len(AMINO_ACIDS) + 1)[right][..., :-1].reshape(len(right), -1)  # padding is a row of zeros
    x = csr_matrix(np.concatenate([one_hot(places(pairs.left))[pairs.i], seen[pairs.j]], 1))
    model = LogisticRegression(max_iter=300, C=0.1)
    folds = {
        "random": KFold(5, shuffle=True, random_state=seed).split(x),
        "unseen": GroupKFold(5).split(x, groups=pairs.j),
    }
    with one_thread():
        found = {
            q: cross_val_predict(model, x, pairs.label, cv=list(cv), method="decision_function")
            for q, cv in folds.items()
        }
    return {q: auroc(pairs, each) for q, each in found.items()}


def trapped(table: pd.DataFrame) -> float:
    """AUROC of a logistic regression that never sees the protein, on peptides that it was not trained on.

    table: columns peptide and label (`readers.trap`).
    """
    first = table["peptide"].map(pool) == "train"
    with one_thread():
        found = peptide_alone(table[first], table[~first])
    return ranked(table.loc[~first, "label"].to_numpy() == 1, found)
