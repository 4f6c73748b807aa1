"""Does structure say what real cells do? Measured profiles hidden and filled in, as rows.

Of the molecules whose cells somebody measured a fifth is hidden, five times over so that each is hidden once, at random
or by whole scaffolds; the others' profiles, mean 0 and sd 1 in every feature, fill them in. Values of a row, both ways
of hiding: squared error in units of what imputing the mean costs, and the correlation over all hidden values, features
centred. The graph holds measured and hidden molecules alone: in pretraining most neighbours are measured by nobody, so
this is the best case of an imputation.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GroupKFold

from hmlm_lib.chmr import cellular
from hmlm_lib.chmr.material import impute, similar
from hmlm_lib.chmr.modalities import Modality, scaled
from hmlm_lib.chmr.molecules import fingerprints, scaffold
from hmlm_lib.chmr.neighbours import tanimoto
from hmlm_lib.chmr.relevance import TRAINING, learn, near
from hmlm_lib.device import one_thread
from hmlm_lib.errors import pick
from hmlm_lib.evaluation.rows import make_row

SOURCES = {"expression": cellular.expression, "morphology": cellular.morphology}
SETTINGS: dict[str, dict] = {f"imputed_{name}": {"modality": name} for name in SOURCES}
FOLDS = 5
RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
CODE = tuple(f"chmr.{name}" for name in ("imputed", "cellular", "modalities", "molecules"))
GRAPH = (*CODE, "chmr.material", "chmr.neighbours", "chmr.propagation")

Filled = Float[np.ndarray, "molecule feature"]
Bits = Bool[np.ndarray, "molecule bit"]


@dataclass(frozen=True)
class Entry:
    """fill(seen, bits, seed) -> every molecule's profile in units of sd; modules: code it rests on."""

    fill: Callable[[Modality, Bits, int], Filled]
    modules: tuple[str, ...]


def _imputed(how: str) -> Callable[[Modality, Bits, int], Filled]:
    """As CHMR does it, by Tanimoto similarity."""

    def fill(seen: Modality, bits: Bits, _: int) -> Filled:
        x = torch.as_tensor(bits)
        values, known = torch.as_tensor(scaled(seen).values), torch.as_tensor(seen.known)
        return impute(values, known, x, similar(x).graph, how).numpy()

    return fill


def learned(seen: Modality, bits: Bits, seed: int) -> Filled:
    """Propagation among molecules that are similar by what the measured cells say."""
    x = torch.as_tensor(bits)
    graph = near(x, learn(x, {"cells": seen}, replace(TRAINING, seed=seed))).graph
    return impute(torch.as_tensor(scaled(seen).values), torch.as_tensor(seen.known), x, graph).numpy()


def kernel_ridge(seen: Modality, bits: Bits, _: int) -> Filled:
    """Ridge with the Tanimoto kernel; one penalty r for all features, by leaving one molecule out:

    y_i - f_-i(x_i) = [(K + r)^-1 y]_i / [(K + r)^-1]_ii                                                       Eq. (1)
    """
    x, y = torch.as_tensor(bits), scaled(seen).values[seen.known]
    k = tanimoto(x, x[torch.as_tensor(seen.known)]).double().numpy()
    ways = [np.linalg.inv(k[seen.known] + ridge * np.eye(len(y))) for ridge in RIDGES]
    left_out = [np.square(way @ y / way.diagonal()[:, None]).sum() for way in ways]
    return k @ (ways[int(np.argmin(left_out))] @ y)


def forest(seen: Modality, bits: Bits, seed: int) -> Filled:
    """One random forest for all features."""
    model = RandomForestRegressor(100, max_features="sqrt", min_samples_leaf=2, random_state=seed)
    return model.fit(bits[seen.known], scaled(seen).values[seen.known]).predict(bits)


MODELS: dict[str, Entry] = {
    "mean": Entry(_imputed("mean"), GRAPH),
    "nearest": Entry(_imputed("nearest"), GRAPH),
    "propagation": Entry(_imputed("propagation"), GRAPH),
    "learned": Entry(learned, (*GRAPH, "chmr.relevance", "training")),
    "kernel_ridge": Entry(kernel_ridge, (*CODE, "chmr.neighbours")),
    "forest": Entry(forest, CODE),
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="of imputed cells")


@dataclass(frozen=True, eq=False)
class Measured:
    """Molecules that were all measured, one row each."""

    smiles: tuple[str, ...]
    values: Filled


@lru_cache(maxsize=2)
def measured(modality: str) -> Measured:
    """A public modality's molecules. DataUnavailable without the files."""
    smiles, cells = cellular.with_cells((), {modality: SOURCES[modality]()})
    return Measured(smiles, cells[modality].values)


def folds(smiles: tuple[str, ...], seed: int, scaffolds: bool) -> list[Bool[np.ndarray, " molecule"]]:
    """Who is hidden in each fold, drawn by seed: every molecule once, with its whole scaffold where these are asked."""
    groups = [scaffold(one, False) for one in smiles] if scaffolds else np.arange(len(smiles))
    deal = GroupKFold(FOLDS, shuffle=True, random_state=seed).split(smiles, groups=groups)
    return [np.isin(np.arange(len(smiles)), away) for _, away in deal]


def fold(
    fill: Callable[[Modality, Bits, int], Filled], data: Measured, bits: Bits, away: np.ndarray, seed: int
) -> tuple[Filled, Filled, Filled]:
    """Hidden rows: as filled in, as they are, and the mean of the others."""
    known = data.values[~away]
    true = ((data.values[away] - known.mean(0)) / np.maximum(known.std(0), 1e-6)).clip(-5, 5)
    seen = Modality(np.where(away[:, None], 0.0, data.values), ~away)
    mean = scaled(seen).values[~away].mean(0)  # 0 but for values that were cut
    return fill(seen, bits, seed)[away], true, np.broadcast_to(mean, true.shape)


def scores(parts: list[tuple[Filled, Filled, Filled]]) -> dict[str, float]:
    """`error` and `r` over all folds."""
    wrong, costs = (sum(float(np.square(part[i] - part[1]).sum()) for part in parts) for i in (0, 2))
    a, b = (np.concatenate([part[i] - part[i].mean(0) for part in parts]) for i in (0, 1))
    size = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return {"error": wrong / costs, "r": float((a * b).sum()) / size if size > 1e-6 else 0.0}


def run_one(setting: str, model: str, seed: int, data: Measured | None = None) -> dict:
    """One way to fill in, both ways to hide; the row. data: default the real modality of the setting."""
    data, said, started = data or measured(SETTINGS[setting]["modality"]), entry(model), time.perf_counter()
    bits, values = fingerprints(data.smiles), {}
    with one_thread():
        for where, scaffolds in {"random": False, "scaffold": True}.items():
            parts = [fold(said.fill, data, bits, away, seed) for away in folds(data.smiles, seed, scaffolds)]
            values |= {f"I/{name}_{where}": value for name, value in scores(parts).items()}
    values["seconds"] = time.perf_counter() - started
    return make_row(setting, model, seed, values)
