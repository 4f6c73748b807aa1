"""Peptide-MHC pairs as a table with rows: every strategy on new peptides, of alleles seen in training and of new ones.

Values of a row: AUROC on both tests with a bootstrap interval over peptides, on both validation sets, trained
parameters, pooled features, seconds of training. The seed draws peptides, held-out alleles and weights; the language
model is the shipped one, which saw no test peptide, or one that the user names (`encoders.py`). The test is read once,
by `run_one`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from hmlm_lib.composition import encoders
from hmlm_lib.composition.classical import OneHot, PositionTables
from hmlm_lib.composition.controls import CONTROLS
from hmlm_lib.composition.fit import auroc, ranked
from hmlm_lib.composition.halved import fit, predict
from hmlm_lib.composition.pairs import Pairs, Splits, splits
from hmlm_lib.composition.readers import transphla
from hmlm_lib.composition.settings import FIT, HELD_OUT, PEPTIDES, STRATEGIES, Choice
from hmlm_lib.device import one_thread
from hmlm_lib.errors import SequenceError, pick
from hmlm_lib.evaluation.rows import make_row

SETTINGS: dict[str, dict] = {"composition_16k": {}}
QUESTIONS = ("random", "unseen")
BOOTSTRAPS = 200

DATA = tuple(f"composition.{name}" for name in ("pairs", "readers", "residues", "settings"))
TRAINED = (
    *DATA, "training",
    *(f"composition.{name}" for name in (
        "attention", "compose", "encoders", "fit", "hub", "language_models", "states",
    )),
    "composition.checkpoints.transphla",
)  # fmt: skip


@lru_cache(maxsize=1)
def question(seed: int) -> Splits:
    """The pairs of a seed; where one held-out allele has most of the peptides, those of seed + 1000, + 2000, ..."""
    for draw in range(seed, seed + 10_000, 1000):
        try:
            return splits(transphla(), draw, **PEPTIDES, unseen=HELD_OUT)
        except SequenceError:
            continue
    raise SequenceError(
        f"seed {seed}: no draw of held-out alleles whose peptides can be dealt out; allowed: another seed"
    )


@dataclass(frozen=True)
class Entry:
    """answer(splits, seed) -> logits of both tests, and other values of the row; modules: code it rests on."""

    answer: Callable[[Splits, int], tuple[dict[str, np.ndarray], dict[str, float]]]
    modules: tuple[str, ...]


def _strategy(choice: Choice, modules: tuple[str, ...] = TRAINED) -> Entry:
    def answer(parts: Splits, seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        models = encoders.encoders(choice.trained, seed)
        config = replace(FIT, training=replace(FIT.training, seed=seed))
        fitted = fit(lambda: choice.build(models), models, parts.train, parts.valid, config)
        found = {q: predict(fitted.at(q), parts.test[q]) for q in QUESTIONS}
        values = {f"L/valid_{q}": fitted.valid[q] for q in QUESTIONS} | {"seconds": fitted.seconds}
        return found, values | {
            "parameters": fitted.strategy.n_parameters,
            "features": fitted.strategy.features,
        }

    return Entry(answer, modules)


def _classical(kind: type) -> Entry:
    def answer(parts: Splits, seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        found, values, started = {}, {}, time.perf_counter()
        for q in QUESTIONS:
            model: Any = kind().fit(parts.train, parts.valid[q])
            found[q] = model.predict(parts.test[q])
            values[f"L/valid_{q}"] = auroc(parts.valid[q], model.predict(parts.valid[q]))
        return found, values | {
            "parameters": model.n_parameters,
            "features": 0,
            "seconds": time.perf_counter() - started,
        }

    return Entry(answer, (*DATA, "composition.classical"))


CLASSICAL = {"one_hot_logistic": OneHot, "position_tables": PositionTables}
MODELS: dict[str, Entry] = {
    **{name: _classical(kind) for name, kind in CLASSICAL.items()},
    **{name: _strategy(choice) for name, choice in STRATEGIES.items()},
    **{name: _strategy(choice, (*TRAINED, "composition.controls")) for name, choice in CONTROLS.items()},
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "strategy")


def mark(model: str) -> str:
    """What a row's code has to say of the language model: its mark, where the strategy reads with one."""
    return encoders.mark() if set(TRAINED) <= set(entry(model).modules) else ""


def interval(pairs: Pairs, found: Float[np.ndarray, " pair"], seed: int = 0) -> tuple[float, float]:
    """95 % of AUROCs when peptides are drawn anew with replacement, each with both its pairs."""
    rng = np.random.default_rng((seed, 62))
    order = np.argsort(pairs.i, kind="stable").reshape(len(pairs.left), -1)  # the pairs of every peptide
    drawn = []
    for _ in range(BOOTSTRAPS):
        rows = order[rng.integers(len(order), size=len(order))].ravel()
        drawn.append(ranked(pairs.label[rows], found[rows]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def run_one(setting: str, model: str, seed: int) -> dict:
    """Train one strategy, read both tests; the row."""
    parts, wanted = question(seed), entry(model)
    with one_thread():
        found, values = wanted.answer(parts, seed)
        for q in QUESTIONS:
            low, high = interval(parts.test[q], found[q], seed)
            values |= {f"L/{q}": auroc(parts.test[q], found[q]), f"L/{q}_low": low, f"L/{q}_high": high}
    return make_row(setting, model, seed, values)
