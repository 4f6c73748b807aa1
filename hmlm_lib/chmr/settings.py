"""Settings of the record on the nine sets: rows rest on this file."""

from dataclasses import dataclass, replace

from hmlm_lib.chmr.finetune import HeadConfig
from hmlm_lib.chmr.model import CHMRConfig
from hmlm_lib.training import Training

WHOLE = CHMRConfig(structure=("bits", "graph", "shape"))
PRETRAINING = Training(steps=600, learning_rate=1e-3, weight_decay=1e-4)
MEASURED = 0.25  # of a batch: cells are measured for three molecules of a hundred

# Chosen on validation molecules, for AUROC on ChEMBL2K, for errors on Biogen (reports/LOG.md).
HEADS = {
    "auroc": HeadConfig(),
    "mae": HeadConfig(layers=3, dropout=0.2, training=Training(steps=600, learning_rate=1e-3, weight_decay=1e-2)),
}


@dataclass(frozen=True)
class Variant:
    """How an encoder is pretrained. cells: `real`, `shuffled` among the measured molecules, or `none`."""

    config: CHMRConfig
    cells: str = "real"


VARIANTS: dict[str, Variant] = {
    "chmr": Variant(WHOLE),
    "shuffled": Variant(WHOLE, "shuffled"),
    "no_cells": Variant(WHOLE, "none"),
    # What InfoAlign does: a graph encoder whose decoders tell what stands along a walk, nothing else.
    "infoalign": Variant(replace(WHOLE, structure=("graph",), depth=0, align=0.0)),
}
