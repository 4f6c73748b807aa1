"""Training and asking a strategy as in `fit.py`, with fewer pairs at once where memory runs out."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from hmlm_lib.composition import fit as whole
from hmlm_lib.composition.compose import Strategy
from hmlm_lib.composition.fit import FitConfig, Fitted
from hmlm_lib.composition.language_models import LanguageModel
from hmlm_lib.composition.pairs import Pairs
from hmlm_lib.device import current
from hmlm_lib.memory import by_parts, halving
from hmlm_lib.moving import at


def fit(
    build: Callable[[], Strategy],
    models: Sequence[LanguageModel],
    train: Pairs,
    valid: dict[str, Pairs],
    config: FitConfig | None = None,
) -> Fitted:
    """`fit.fit` on the current device, then back; a smaller batch means other steps: the message says so."""
    config = config or FitConfig()
    with ExitStack() as there:
        for model in models:
            there.enter_context(at(model, current()))
        fitted = halving(
            lambda pairs: whole.fit(build, models, train, valid, replace(config, batch=pairs)),
            config.batch,
            "training pairs",
            "trained anew; an epoch then has more and smaller steps",
        )
        fitted.strategy.cpu()
    return fitted


def predict(fitted: Fitted, pairs: Pairs) -> Float[np.ndarray, " pair"]:
    """fitted.predict(pairs), in parts where the states of all sequences do not fit at once."""

    def some(rows: slice) -> np.ndarray:
        if rows == slice(0, len(pairs)):
            return fitted.predict(pairs)
        names = [pairs.names(side)[rows] for side in ("left", "right")]
        return fitted.predict(Pairs.of(*names, pairs.label[rows].tolist()))

    return np.concatenate(by_parts(some, len(pairs), "pairs"))
