"""What each part of CHMR is worth, measured on planted molecules, where the best possible answer is known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from hmlm_lib.chmr.benchmarks import Split, by_task
from hmlm_lib.chmr.classical import Classical, KernelRidge
from hmlm_lib.chmr.finetune import Head, HeadConfig
from hmlm_lib.chmr.material import IMPUTATIONS, Material, impute, similar
from hmlm_lib.chmr.modalities import hide, scaled
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.molecules import fingerprints
from hmlm_lib.chmr.planted import Planted
from hmlm_lib.chmr.pretrain import embed, pretrain
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.chmr.tree_vq import perplexity, usage
from hmlm_lib.training import Training

ABLATIONS: dict[str, dict] = {
    "chmr": {},
    "no_contrast": {"contrast": 0.0},
    "no_vicreg": {"variance": 0.0},
    "no_alignment": {"align": 0.0},
    "no_tree": {"depth": 0},
    "no_reconstruction": {"reconstruct": 0.0},
}


def split(count: int, seed: int, labelled: float = 0.3) -> Split:
    """A random split: few molecules have labels, as in real assays; a third of these to stop by."""
    order = np.random.default_rng((seed, 41)).permutation(count)
    first, second = round(labelled * count * 2 / 3), round(labelled * count)
    return Split(order[:first], order[first:second], order[second:])


def imputation_errors(molecules: Planted, missing: Sequence[float], seed: int) -> pd.DataFrame:
    """MSE of imputed expression on hidden rows, in units of the known rows' variance; columns how, missing, where, mse.

    where: `cliff` (cores on which a halogen turns the activity round) or `smooth`.
    """
    true, rows = molecules.modalities["expression"], []
    bits = torch.as_tensor(fingerprints(molecules.smiles))
    _, _, graph = similar(bits)
    for fraction in missing:
        seen = hide(true, fraction, seed)
        measured, known = true.values[seen.known], torch.as_tensor(seen.known)
        unit = (true.values - measured.mean(0)) / measured.std(0)
        values = torch.as_tensor(scaled(seen).values, dtype=torch.float32)
        for how in IMPUTATIONS:
            error = np.square(impute(values, known, bits, graph, how).numpy() - unit).mean(1)
            for where, flags in {"cliff": molecules.cliff, "smooth": ~molecules.cliff}.items():
                asked = flags & ~seen.known
                if asked.any():
                    rows.append({"how": how, "missing": fraction, "where": where, "mse": error[asked].mean()})
    return pd.DataFrame(rows)


def auroc(molecules: Planted, rows: Int[np.ndarray, " row"], found: Float[np.ndarray, "row task"]) -> float:
    """Mean over tasks."""
    return float(by_task(molecules.labels[rows], found, "auroc").mean())


def assayed(
    model: Classical, x: Float[np.ndarray, "molecule feature"], molecules: Planted, parts: Split
) -> Float[np.ndarray, "test task"]:
    """Fitted to the labelled molecules, asked about the test molecules."""
    y = molecules.labels
    model.fit(x[parts.train], y[parts.train], x[parts.valid], y[parts.valid])
    return model.predict(x[parts.test])


def without_cells(molecules: Planted, parts: Split, head: HeadConfig) -> dict[str, float]:
    """AUROC of what needs no cells: the best from structure, kernel ridge and a perceptron on fingerprints."""
    bits = fingerprints(molecules.smiles)
    models = {"kernel_ridge": (KernelRidge("auroc"), bits), "mlp": (Head("auroc", head), bits.astype(float))}
    found = {"best": auroc(molecules, parts.test, molecules.best()[parts.test])}
    return found | {
        name: auroc(molecules, parts.test, assayed(model, x, molecules, parts)) for name, (model, x) in models.items()
    }


def material(molecules: Planted, missing: float, seed: int) -> Material:
    """Planted molecules with a fraction of every modality hidden, ready to train on."""
    cells = {name: hide(m, missing, seed + i) for i, (name, m) in enumerate(molecules.modalities.items())}
    return Material.complete(Structure.from_smiles(molecules.smiles), cells)


def frozen_score(model: CHMR, data: Material, molecules: Planted, parts: Split, head: HeadConfig) -> float:
    """AUROC of a perceptron on the frozen latents."""
    x = embed(model, data).reshape(len(data), -1)
    return auroc(molecules, parts.test, assayed(Head("auroc", head), x, molecules, parts))


def ablations(
    molecules: Planted,
    missing: float,
    parts: Split,
    config: CHMRConfig,
    training: Training,
    head: HeadConfig,
    names: Sequence[str] = tuple(ABLATIONS),
) -> dict[str, float]:
    """AUROC of CHMR with one part taken away; `untrained` is the same encoder before any training."""
    data, found = material(molecules, missing, training.seed), {}
    for name in names:
        model = pretrain(data, replace(config, **ABLATIONS[name]), training)
        found[name] = frozen_score(model, data, molecules, parts, head)
    fresh = CHMR.from_features(data.features, config, training.seed).eval()
    return found | {"untrained": frozen_score(fresh, data, molecules, parts, head)}


def codes(model: CHMR, data: Material, mechanism: Int[np.ndarray, " molecule"]) -> pd.DataFrame:
    """Per level of the tree: codes, share of them used, perplexity, evenness (perplexity / codes), purity.

    purity: fraction of molecules whose mechanism is the commonest one of their code.
    """
    latents = torch.as_tensor(embed(model, data))
    path = model.tree.path(model.anchor(latents))
    rows = []
    for level, (used, spread) in enumerate(zip(usage(path), perplexity(path), strict=True)):
        count, table = 2 ** (level + 1), pd.crosstab(path[:, level].numpy(), mechanism)
        row = {"level": level + 1, "codes": count, "used": used, "perplexity": spread, "evenness": spread / count}
        rows.append(row | {"purity": table.max(axis=1).sum() / len(mechanism)})
    return pd.DataFrame(rows).set_index("level")
