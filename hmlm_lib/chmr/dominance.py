"""Which modality carries a prediction? Frozen latents of structure and cells, read one at a time and all but one.

`alone`: a perceptron of its own reads this latent only. `withheld`: the perceptron that reads all latents is given, for
this one, its mean over the molecules that taught it; nothing is trained anew. Two latents that say the same score high
alone and are not missed when withheld. Ours.
"""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float

from hmlm_lib.chmr.benchmarks import Split
from hmlm_lib.chmr.finetune import Head, HeadConfig
from hmlm_lib.chmr.halved import embed, fit, predict
from hmlm_lib.chmr.material import Material
from hmlm_lib.chmr.model import CHMR
from hmlm_lib.chmr.planted import Planted
from hmlm_lib.chmr.study import auroc
from hmlm_lib.device import side_by_side

NAMES = {"bits": "fingerprint"}


def latents(model: CHMR, data: Material) -> dict[str, Float[np.ndarray, "molecule width"]]:
    """By modality: parts of the anchor first, then cells, measured or imputed; the model has to be on the CPU."""
    anchor = embed(model, data)
    found = {NAMES.get(name, name): anchor[:, i] for i, name in enumerate(model.config.structure)}
    with torch.no_grad():
        return found | {name: model.project[name](cell.filled).numpy() for name, cell in data.cells.items()}


def dominance(model: CHMR, data: Material, molecules: Planted, parts: Split, head: HeadConfig) -> pd.DataFrame:
    """AUROC on the test molecules, a row a modality, then `structure` and `cells` together; columns alone, withheld.

    The last row, `everything`, has all latents (alone) and none of them (withheld: 0.5).
    """
    found = latents(model, data)
    x, names = np.concatenate(list(found.values()), axis=1), list(found)
    owner = np.repeat(names, [part.shape[1] for part in found.values()])
    count = len(model.config.structure)
    groups = {name: [name] for name in names} | {
        "structure": names[:count],
        "cells": names[count:],
        "everything": names,
    }
    columns = {name: np.isin(owner, of) for name, of in groups.items()}
    heads = side_by_side(_fitted, [(x[:, mine], molecules, parts, head) for mine in columns.values()])
    alone = dict(zip(columns, heads, strict=True))
    rows = {
        name: {
            "alone": auroc(molecules, parts.test, predict(alone[name], x[parts.test][:, mine])),
            "withheld": auroc(molecules, parts.test, predict(alone["everything"], _without(x, mine, parts))),
        }
        for name, mine in columns.items()
    }
    return pd.DataFrame(rows).T.rename_axis("modality")


def _fitted(x: Float[np.ndarray, "molecule feature"], molecules: Planted, parts: Split, head: HeadConfig) -> Head:
    y = molecules.labels
    return fit(Head("auroc", head), x[parts.train], y[parts.train], x[parts.valid], y[parts.valid])


def _without(
    x: Float[np.ndarray, "molecule feature"], gone: Bool[np.ndarray, " feature"], parts: Split
) -> Float[np.ndarray, "test feature"]:
    return np.where(gone, x[parts.train].mean(0), x[parts.test])
