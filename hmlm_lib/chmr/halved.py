"""Pretraining, embedding and fine-tuning as elsewhere in `chmr`, with smaller batches where memory runs out.

What reads molecules one by one stays as it is. What learns from batches does not: the contrast is among the molecules
of a batch, so a smaller one gives another model, and the message says so.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from hmlm_lib.chmr import pretrain as whole
from hmlm_lib.chmr.classical import Labels
from hmlm_lib.chmr.finetune import Head
from hmlm_lib.chmr.material import Material
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.device import current, mixed
from hmlm_lib.errors import MoleculeError
from hmlm_lib.memory import by_parts, halving
from hmlm_lib.moving import at
from hmlm_lib.training import Progress, Training

if TYPE_CHECKING:
    from hmlm_lib.chmr.classical import Classical
else:
    Classical = Any  # a Protocol cannot be checked at run time

READ = 1024  # molecules embedded at once


def pretrain(
    material: Material,
    config: CHMRConfig | None = None,
    training: Training | None = None,
    batch: int = whole.BATCH,
    measured: float = 0.0,
    report: Callable[[Progress], None] | None = None,
    precision: str = "float32",
) -> CHMR:
    """`pretrain.pretrain` on the current device, then back; OutOfMemory where not even two molecules fit.

    precision: precision of matrix products, `bfloat16` for mixed precision; RunError for another name. A checkpoint is
    of its batch: one of fewer molecules lies beside it (`.8.part` of `.part`).
    """

    def once(rows: int) -> CHMR:
        own = training
        if rows < batch and training is not None and training.checkpoint is not None:
            place = Path(training.checkpoint)
            own = replace(training, checkpoint=place.with_suffix(f".{rows}{place.suffix}"))
        with mixed(precision):
            return whole.pretrain(material, config, own, rows, measured, report, current()).cpu()

    return halving(once, batch, "molecules", "a molecule is then told from fewer others: another model", least=2)


def embed(model: CHMR, structure: Structure, batch: int = READ) -> Float[np.ndarray, "molecule part width"]:
    """`pretrain.embed` on the current device, then back; the same numbers in smaller batches."""
    with at(model, current()):
        return halving(lambda rows: whole.embed(model, structure, rows), batch, "molecules")


def fit(
    model: Classical, x: np.ndarray, y: Labels, valid_x: np.ndarray, valid_y: Labels, precision: str = "float32"
) -> Classical:
    """model.fit(x, y, valid_x, valid_y), a `Head` (also one that tunes its encoder) with a smaller batch where its own
    does not fit; precision: as in `pretrain`, for heads alone.
    """
    if not isinstance(model, Head):
        return model.fit(x, y, valid_x, valid_y)
    wanted = model.config

    def once(rows: int) -> Head:
        model.config = replace(wanted, batch=rows)
        with mixed(precision):
            return model.fit(x, y, valid_x, valid_y)

    return halving(once, wanted.batch, "molecules", "trained anew; a step then sees fewer")


def predict(model: Classical, x: np.ndarray) -> Labels:
    """model.predict(x), in parts where all rows do not fit at once; MoleculeError for none."""
    if not len(x):
        raise MoleculeError("no molecule to predict; allowed: one or more")
    return np.concatenate(by_parts(lambda rows: model.predict(x[rows]), len(x), "molecules"))
