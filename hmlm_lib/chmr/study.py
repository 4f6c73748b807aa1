"""What each part of CHMR is worth, measured on planted molecules, where the best possible answer is known."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int

from hmlm_lib.chmr.benchmarks import Split, by_task
from hmlm_lib.chmr.classical import Classical, KernelRidge
from hmlm_lib.chmr.finetune import Head, HeadConfig
from hmlm_lib.chmr.halved import embed, fit, predict, pretrain
from hmlm_lib.chmr.material import IMPUTATIONS, Material, Near, impute, similar
from hmlm_lib.chmr.modalities import Modality, hide, scaled
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.molecules import fingerprints
from hmlm_lib.chmr.planted import Planted
from hmlm_lib.chmr.pretrain import BATCH
from hmlm_lib.chmr.propagation import Graph
from hmlm_lib.chmr.relevance import TRAINING, learn, near
from hmlm_lib.chmr.rewire import rewired
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.chmr.told import features
from hmlm_lib.chmr.tree_vq import perplexity, usage
from hmlm_lib.device import side_by_side
from hmlm_lib.errors import MoleculeError, did_you_mean
from hmlm_lib.training import Training

DEALS = 100  # of mechanisms among the molecules, for the purity of a tree that knows nothing

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Run:
    """One encoder to train. missing: fraction of every modality hidden; how: these are imputed; steps: None for all.

    learned: similar molecules by what measured cells say (`relevance.py`), not by Tanimoto. only: hidden of this
    modality alone. noise: fraction of the neighbours that are replaced at random (`rewire.py`).
    """

    config: CHMRConfig
    missing: float = 0.0
    how: str = "propagation"
    steps: int | None = None
    learned: bool = False
    only: str | None = None
    noise: float = 0.0


class Scored(NamedTuple):
    """AUROC of a perceptron on the frozen latents, and the encoder that gave them."""

    auroc: float
    model: CHMR


def ablations(config: CHMRConfig, missing: float) -> dict[str, Run]:
    """CHMR whole, and with one part taken away or replaced; `untrained` is the same encoder before any training.

    Parts of the anchor alone are asked for where nothing is missing; other imputations, and another similarity, where
    something is.
    """
    whole = Run(config, missing)
    changed = {
        "chmr": {},
        "no contrast": {"contrast": 0.0},
        "no VICReg": {"variance": 0.0},
        "no alignment": {"align": 0.0},
        "no tree": {"depth": 0},
        "flat codebook": {"depth": 1, "branch": 2 ** (config.depth + 1) - 2},
        "no reconstruction": {"reconstruct": 0.0},
    }
    if not missing:
        changed |= {"fingerprint only": {"structure": ("bits",)}, "graph only": {"structure": ("graph",)}}
    runs = {name: replace(whole, config=replace(config, **change)) for name, change in changed.items()}
    if missing:
        runs |= {f"impute {how}": replace(whole, how=how) for how in ("nearest", "mean")}
        runs["learned similarity"] = replace(whole, learned=True)
    return runs | {"untrained": replace(whole, steps=0)}


def sweeps(config: CHMRConfig) -> dict[str, Run]:
    """Depth of the tree and both weights of the loss, all cells measured."""
    values = {"depth": (2, 4, 8), "align": (0.1, 10.0), "tree": (0.1, 10.0)}
    return {
        f"{name} {value:g}": Run(replace(config, **{name: value})) for name, many in values.items() for value in many
    }


def one_hidden(config: CHMRConfig, molecules: Planted, levels: Sequence[float]) -> dict[tuple[str, float], Run]:
    """Every modality hidden to every level, the others measured; (modality, level) -> run."""
    return {(name, m): Run(config, m, only=name) for name in molecules.modalities for m in levels}


def edge_noise(config: CHMRConfig, missing: float, shares: Sequence[float]) -> dict[float, Run]:
    """A fraction of the neighbours replaced at random; share -> run."""
    return {share: Run(config, missing, noise=share) for share in shares}


def split(count: int, seed: int, labelled: float = 0.3, tested: float = 0.3) -> Split:
    """A random split: few molecules have labels, as in real assays, a third of these to stop by; what is in no part
    has neither label nor question, and is there for its cells. MoleculeError where a part is empty, or a test molecule
    would have a label."""
    shares = labelled * 2 / 3, labelled, tested
    first, second, asked = (round(share * count) if np.isfinite(share) else 0 for share in shares)
    if not (0 < first < second and 0 < asked <= count - second):
        raise MoleculeError(
            f"{count} molecules, labelled = {labelled}, tested = {tested}; allowed: shares above 0 that sum to 1 at "
            "most, and a molecule or more to train on, to stop by and to test"
        )
    order = np.random.default_rng((seed, 41)).permutation(count)
    return Split(order[:first], order[first:second], order[count - asked :])


def imputation_errors(molecules: Planted, missing: Sequence[float], seed: int) -> pd.DataFrame:
    """MSE of imputed expression on hidden rows, in units of the known rows' variance; columns how, missing, where, mse.

    how: as `material.impute`, or `learned`, propagation among molecules that are similar by what measured cells say.
    where: `cliff` (cores on which a halogen turns the activity round) or `smooth`.
    """
    bits = torch.as_tensor(fingerprints(molecules.smiles))
    found = side_by_side(_errors, [(molecules, bits, similar(bits).graph, part, seed) for part in missing])
    return pd.DataFrame([row for rows in found for row in rows])


def noisy_errors(molecules: Planted, missing: float, shares: Sequence[float], seed: int) -> pd.DataFrame:
    """`imputation_errors` of propagation with neighbours replaced at random; columns share, where, mse."""
    bits = torch.as_tensor(fingerprints(molecules.smiles))
    alike, (seen, values, known) = similar(bits), _hidden(molecules, missing, seed)
    found = {share: impute(values, known, bits, rewired(alike, share, seed).graph) for share in shares}
    return pd.DataFrame(
        [{"share": name} | row for name, filled in found.items() for row in _mse(molecules, seen, filled)]
    )


def _errors(molecules: Planted, bits: torch.Tensor, alike: Graph, missing: float, seed: int) -> list[dict]:
    seen, values, known = _hidden(molecules, missing, seed)
    found = {how: impute(values, known, bits, alike, how) for how in IMPUTATIONS}
    found["learned"] = impute(values, known, bits, _near(bits, {"expression": seen}, seed).graph)
    return [
        {"how": how, "missing": missing} | row for how, filled in found.items() for row in _mse(molecules, seen, filled)
    ]


def _hidden(molecules: Planted, missing: float, seed: int) -> tuple[Modality, torch.Tensor, torch.Tensor]:
    """Expression with rows hidden; its values in units of the known rows, and which are known."""
    seen = hide(molecules.modalities["expression"], missing, seed)
    return seen, torch.as_tensor(scaled(seen).values, dtype=torch.float32), torch.as_tensor(seen.known)


def _mse(molecules: Planted, seen: Modality, filled: Float[torch.Tensor, "molecule feature"]) -> list[dict]:
    """Columns where, mse: of the hidden rows, where there are any."""
    true = molecules.modalities["expression"].values
    measured = true[seen.known]
    error = np.square(filled.numpy() - (true - measured.mean(0)) / measured.std(0)).mean(1)
    asked = {"cliff": molecules.cliff & ~seen.known, "smooth": ~molecules.cliff & ~seen.known}
    return [{"where": where, "mse": error[rows].mean()} for where, rows in asked.items() if rows.any()]


def auroc(molecules: Planted, rows: Int[np.ndarray, " row"], found: Float[np.ndarray, "row task"]) -> float:
    """Mean over the tasks that have both labels among these rows; MoleculeError where none has."""
    each = by_task(molecules.labels[rows], found, "auroc")
    if np.isnan(each).all():
        raise MoleculeError(f"no task has both labels among {len(found)} molecules; allowed: at least one that has")
    return float(np.nanmean(each))


def assayed(
    model: Classical, x: Float[np.ndarray, "molecule feature"], molecules: Planted, parts: Split
) -> Float[np.ndarray, "test task"]:
    """Fitted to the labelled molecules, asked about the test molecules."""
    y = molecules.labels
    fitted = fit(model, x[parts.train], y[parts.train], x[parts.valid], y[parts.valid])
    return predict(fitted, x[parts.test])


def without_cells(molecules: Planted, parts: Split, head: HeadConfig) -> dict[str, float]:
    """AUROC of what needs no cells: the best from structure, kernel ridge and a perceptron on fingerprints."""
    bits = fingerprints(molecules.smiles)
    models = {"kernel_ridge": (KernelRidge("auroc"), bits), "mlp": (Head("auroc", head), bits.astype(float))}
    found = {"best": auroc(molecules, parts.test, molecules.best()[parts.test])}
    return found | {
        name: auroc(molecules, parts.test, assayed(model, x, molecules, parts)) for name, (model, x) in models.items()
    }


def told(molecules: Planted, missing: float, parts: Split, head: HeadConfig) -> float:
    """AUROC of the perceptron where the fragments are known and the measured cells say which of them turn the sign."""
    cells = _measured(molecules, missing, head.training.seed, unseen=parts.test)
    x = features(molecules, [cells[name] for name in ("expression", "morphology")])
    return auroc(molecules, parts.test, assayed(Head("auroc", head), x, molecules, parts))


def _measured(
    molecules: Planted, missing: float, seed: int, only: str | None = None, unseen: Sequence[int] | np.ndarray = ()
) -> dict[str, Modality]:
    names = list(molecules.modalities)
    if only is not None and only not in names:
        raise MoleculeError(f"no modality {only!r}{did_you_mean(only, names)}; allowed: {', '.join(names)}")
    share = {name: missing if only in (None, name) else 0.0 for name in names}
    seen = {name: _without(m, unseen) for name, m in molecules.modalities.items()}
    return {name: hide(m, share[name], seed + i) for i, (name, m) in enumerate(seen.items())}


def _without(modality: Modality, rows: Sequence[int] | np.ndarray) -> Modality:
    known = modality.known.copy()
    known[np.asarray(rows, dtype=int)] = False
    return replace(modality, values=np.where(known[:, None], modality.values, 0.0), known=known)


def material(
    molecules: Planted,
    missing: float,
    seed: int,
    how: str = "propagation",
    learned: bool = False,
    only: str | None = None,
    noise: float = 0.0,
    structure: Structure | None = None,
    alike: Near | None = None,
    unseen: Sequence[int] | np.ndarray = (),
) -> Material:
    """Planted molecules with a fraction of their cells hidden, ready to train on; how to noise: as of `Run`.

    unseen: rows whose cells nobody measured, before a fraction of the others is hidden. Those that will be asked about
    belong here: what is to be told from structure could be read from their cells otherwise. structure, alike: theirs,
    and which are similar by Tanimoto, where they were found before. MoleculeError for a modality that they do not have.
    """
    cells = _measured(molecules, missing, seed, only, unseen)
    structure = structure or Structure.from_smiles(molecules.smiles)
    if learned:
        alike = _near(structure.bits, cells, seed)
    if noise:
        alike = rewired(alike or similar(structure.bits), noise, seed)
    return Material.complete(structure, cells, how, alike)


def _near(bits: Bool[torch.Tensor, "molecule bit"], cells: dict[str, Modality], seed: int) -> Near:
    return near(bits, learn(bits, cells, replace(TRAINING, seed=seed)))


def scores(
    molecules: Planted,
    runs: Mapping[Name, Run],
    parts: Split,
    training: Training,
    head: HeadConfig,
    batch: int = BATCH,
) -> dict[Name, Scored]:
    """Run by run, side by side, one process a core; batch: molecules a step of pretraining.

    Of test molecules the encoders see the structure, never the cells.
    """
    structure = Structure.from_smiles(molecules.smiles)
    alike = similar(structure.bits)
    needs = [(run.missing, run.how, run.learned, run.only, run.noise) for run in runs.values()]
    wanted = list(dict.fromkeys(needs))
    parted = [(molecules, missing, training.seed, *rest, structure, alike, parts.test) for missing, *rest in wanted]
    ready = dict(zip(wanted, side_by_side(material, parted), strict=True))
    every = zip(needs, runs.values(), strict=True)
    jobs = [(molecules, ready[of], run, parts, training, head, batch) for of, run in every]
    return dict(zip(runs, side_by_side(_score, jobs), strict=True))


def _score(
    molecules: Planted, data: Material, run: Run, parts: Split, training: Training, head: HeadConfig, batch: int
) -> Scored:
    steps = training.steps if run.steps is None else run.steps
    model = pretrain(data, run.config, replace(training, steps=steps), batch)
    x = embed(model, data).reshape(len(data), -1)
    return Scored(auroc(molecules, parts.test, assayed(Head("auroc", head), x, molecules, parts)), model)


def _anchors(model: CHMR, data: Material) -> Float[torch.Tensor, "molecule width"]:
    """Anchor of every molecule, no part left out."""
    return model.anchor(torch.as_tensor(embed(model, data)))


def paths(model: CHMR, data: Material) -> Int[np.ndarray, "molecule level"]:
    """Code of every molecule's anchor at every level."""
    with torch.no_grad():
        return model.tree.path(_anchors(model, data)).numpy()


def _purity(code: Int[np.ndarray, " molecule"], mechanism: Int[np.ndarray, " molecule"]) -> float:
    members = np.zeros((code.max() + 1, mechanism.max() + 1), dtype=int)
    np.add.at(members, (code, mechanism), 1)
    return members.max(axis=1).sum() / len(mechanism)


def codes(model: CHMR, data: Material, mechanism: Int[np.ndarray, " molecule"]) -> pd.DataFrame:
    """Per level of the tree: codes; share of them used by any latent, and by anchors; perplexity and purity of anchors.

    any latent: anchors and cells, as in training: all of them share the tree. evenness: perplexity / codes. purity:
    fraction of molecules whose mechanism is the commonest one of their code; by chance: mechanisms dealt out anew.
    """
    shuffle = np.random.default_rng(0).permutation
    anew = [shuffle(mechanism) for _ in range(DEALS)]
    with torch.no_grad():
        anchor = _anchors(model, data)
        cells = [model.project[name](cell.filled) for name, cell in data.cells.items()]
    path, every = model.tree.path(anchor), model.tree.path(torch.cat([anchor, *cells]))
    parts = zip(usage(every, model.tree.branch), usage(path, model.tree.branch), perplexity(path), strict=True)
    rows = []
    for level, (used, of_anchors, spread) in enumerate(parts):
        count, code = len(model.tree.codes[level]), path[:, level].numpy()
        rows.append(
            {
                "level": level + 1, "codes": count, "used": used, "used by anchors": of_anchors, "perplexity": spread,
                "evenness": spread / count, "purity": _purity(code, mechanism),
                "purity by chance": np.mean([_purity(code, dealt) for dealt in anew]),
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("level")
