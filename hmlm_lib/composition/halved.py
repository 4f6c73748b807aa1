"""Training and asking a strategy as in `fit.py`, with fewer pairs at once where memory runs out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from hmlm_lib.composition import fit as whole
from hmlm_lib.composition.compose import Strategy
from hmlm_lib.composition.fit import FitConfig, Fitted
from hmlm_lib.composition.language_models import LanguageModel
from hmlm_lib.composition.pairs import Pairs
from hmlm_lib.memory import by_parts, halving


def fit(
    build: Callable[[], Strategy],
    models: Sequence[LanguageModel],
    train: Pairs,
    valid: dict[str, Pairs],
    config: FitConfig | None = None,
) -> Fitted:
    """`fit.fit`; a smaller batch means more and smaller steps, which end elsewhere: the message says so."""
    config = config or FitConfig()
    return halving(
        lambda pairs: whole.fit(build, models, train, valid, replace(config, batch=pairs)),
        config.batch,
        "training pairs",
        "trained anew; an epoch then has more and smaller steps",
    )


def predict(fitted: Fitted, pairs: Pairs) -> Float[np.ndarray, " pair"]:
    """fitted.predict(pairs), in parts where the states of all sequences do not fit at once."""

    def some(rows: slice) -> np.ndarray:
        if rows == slice(0, len(pairs)):
            return fitted.predict(pairs)
        names = [pairs.names(side)[rows] for side in ("left", "right")]
        return fitted.predict(Pairs.of(*names, pairs.label[rows].tolist()))

    return np.concatenate(by_parts(some, len(pairs), "pairs"))
