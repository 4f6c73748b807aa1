"""The nine sets as a table with rows: every model on the published split, on its clean part, and on other scaffolds.

Values of a row: score on the published test, on its molecules whose skeleton is not in train, on the test of a split
drawn by the row's seed without stereochemistry, on the published validation molecules; and the score of every task.

An encoder is pretrained once a variant and seed, without labels, on all molecules of the nine sets and of the cellular
tables, test molecules included: their structures, as in the papers, and what is measured of their cells, for a sixth
(ToxCast) to a half (BBBP) of some sets' test molecules. It is kept in the cache folder. Encoders and rows that rest on
the user's own tables of cells (HMLM_CELLS_DIR) carry these tables' mark, those of the public ones none; what reads
Uni-Mol's vectors (HMLM_SHAPES) is marked alike.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from hmlm_lib.chmr import benchmarks, cellular, forms, halved, origin
from hmlm_lib.chmr.benchmarks import SETS, Assays, Split
from hmlm_lib.chmr.checkpoint import load, save
from hmlm_lib.chmr.classical import KernelRidge, Labels, Mean, boosting, forest
from hmlm_lib.chmr.committee import Committee, MixedKernel
from hmlm_lib.chmr.ensemble import ForestVote
from hmlm_lib.chmr.finetune import Head, Tuned
from hmlm_lib.chmr.halved import embed, pretrain
from hmlm_lib.chmr.material import Material, Near, similar
from hmlm_lib.chmr.modalities import Modality, shuffled
from hmlm_lib.chmr.model import CHMR
from hmlm_lib.chmr.molecules import descriptors, fingerprints
from hmlm_lib.chmr.parts import PARTS, encoder
from hmlm_lib.chmr.settings import HEADS, MEASURED, PRETRAINING, VARIANTS, WHOLE
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.data import cache_dir
from hmlm_lib.errors import pick
from hmlm_lib.evaluation.rows import code_hash, make_row
from hmlm_lib.files import locked

if TYPE_CHECKING:
    from hmlm_lib.chmr.classical import Classical
else:
    Classical = Any  # a Protocol cannot be checked at run time

SETTINGS: dict[str, str] = {f"molecules_{name}": name for name in SETS}

DATA = ("chmr.benchmarks", "chmr.molecules", "chmr.neighbours")
DESCRIBED = (*DATA, "chmr.forms", "chmr.shapes", "chmr.structure")
LEARNED = ("chmr.finetune", "chmr.settings", "training")
TRAINED = (*DESCRIBED, *LEARNED)
ENCODED = tuple(f"chmr.{name}" for name in ("model", "gin", "graphs", "tree_vq"))
VOTING = ("chmr.classical", "chmr.committee", "chmr.finetune")
PRETRAINED = (
    *DESCRIBED, *ENCODED, "training", "chmr.settings",
    *(f"chmr.{name}" for name in (
        "losses", "material", "propagation", "walks", "pretrain", "modalities", "cellular",
    )),
)  # fmt: skip


def pool() -> tuple[str, ...]:
    """Every molecule of the nine sets once."""
    return tuple(dict.fromkeys(one for name in SETS for one in benchmarks.load(name).smiles))


@lru_cache(maxsize=1)
def everything(_: str) -> tuple[Structure, dict[str, Modality], Near]:
    """The molecules that encoders are pretrained on, what is measured of their cells, and which are alike.

    _: mark of the tables, so that none are taken for others.
    """
    smiles, cells = cellular.with_cells(pool(), cellular.tables())
    whole = Structure.from_smiles(smiles, forms.form(smiles))
    return whole, cells, similar(whole.bits)


@lru_cache(maxsize=1)
def material(cells: str, deal: int | None, fill: str, mark: str) -> Material:
    """What encoders are pretrained on, with cells that are `real`, `none`, or `shuffled` by the seed `deal`.

    fill: one of `material.IMPUTATIONS`. mark: as in `everything`.
    """
    whole, found, near = everything(mark)
    if cells == "shuffled":
        found = {name: shuffled(modality, deal) for name, modality in found.items()}
    return Material.complete(whole, {} if cells == "none" else found, fill, near)


def _pretrained(variant: str) -> tuple[str, ...]:
    """Modules that a variant's encoder rests on."""
    return (*PRETRAINED, "chmr.parts") if variant in PARTS else PRETRAINED


def pretrained(variant: str, seed: int) -> CHMR:
    """The encoder of a variant and seed: from the cache, or trained now and put there; parallel jobs wait for it."""
    mark = forms.mark() + origin.mark()
    path = Path(cache_dir()) / "chmr" / f"{variant}-{seed}-{code_hash(_pretrained(variant))}{mark}.safetensors"
    if not path.is_file():
        with locked(path.with_suffix(".lock")):
            if not path.is_file():
                _pretrain(variant, seed, path, mark)
    return load(path)


def _pretrain(variant: str, seed: int, path: Path, mark: str) -> None:
    wanted = encoder((VARIANTS | PARTS)[variant])
    training = replace(PRETRAINING, seed=seed, checkpoint=path.with_suffix(".part"), checkpoint_every=200)
    data = material(wanted.cells, seed if wanted.cells == "shuffled" else None, wanted.fill, mark)
    save(pretrain(data, wanted.config, training, measured=MEASURED), path)
    for left in path.parent.glob(f"{path.stem}.*part"):  # of smaller batches, too, where memory ran out
        left.unlink()


@lru_cache(maxsize=2)
def assays(name: str) -> Assays:
    """A data set by name, read once."""
    return benchmarks.load(name)


@lru_cache(maxsize=2)
def _structure(name: str, _: str) -> Structure:  # _: mark of the descriptors, here and below
    smiles = assays(name).smiles
    return Structure.from_smiles(smiles, forms.form(smiles))


def structure(name: str) -> Structure:
    """A set's molecules as encoders read them."""
    return _structure(name, forms.mark())


@lru_cache(maxsize=2)
def published(name: str) -> tuple[Split, Split]:
    """The published split, and the same without test molecules whose skeleton is in train."""
    data = assays(name)
    split = benchmarks.published_split(data)
    return split, benchmarks.clean(split, benchmarks.leak(data, split, fingerprints(data.smiles)))


@lru_cache(maxsize=1)
def _described(name: str, _: str) -> Float[np.ndarray, "molecule feature"]:
    values = forms.form(assays(name).smiles)
    return np.concatenate(
        [fingerprints(assays(name).smiles), np.where(np.isnan(values), np.nanmean(values, 0), values)], 1
    )


def described(name: str) -> Float[np.ndarray, "molecule feature"]:
    """Fingerprints and descriptors, what is not a number at its mean over all molecules (no label is read)."""
    return _described(name, forms.mark())


@dataclass(frozen=True)
class Entry:
    """build(set, seed) -> features (or rows) of all molecules, and a model of them. modules: code it rests on."""

    build: Callable[[str, int], tuple[np.ndarray, Classical]]
    modules: tuple[str, ...]


def _head(name: str, seed: int) -> Head:
    config = HEADS[assays(name).score]
    return Head(assays(name).score, replace(config, training=replace(config.training, seed=seed)))


def latents(variant: str, name: str, seed: int, trained: bool = True) -> Float[np.ndarray, "molecule feature"]:
    """What an encoder makes of a set's molecules."""
    own = structure(name)
    if trained:
        model = pretrained(variant, seed)
    else:
        model = CHMR.from_features(own.features, VARIANTS[variant].config, seed).eval()
        model.settle(own.shape)
    return embed(model, own).reshape(len(own), -1)


def _frozen(variant: str, trained: bool = True) -> Entry:
    def build(name: str, seed: int) -> tuple[np.ndarray, Classical]:
        return np.concatenate([described(name), latents(variant, name, seed, trained)], 1), _head(name, seed)

    return Entry(build, (*_pretrained(variant), *TRAINED))


def _parts(variant: str | None, name: str, seed: int, trained: bool = True) -> tuple[np.ndarray, tuple[int, ...]]:
    """Fingerprints, descriptors and, with a variant, latents; how many columns each has."""
    found = [described(name)] + ([latents(variant, name, seed, trained)] if variant else [])
    bits = fingerprints(assays(name).smiles[:1]).shape[1]
    return np.concatenate(found, 1), (bits, found[0].shape[1] - bits, *(part.shape[1] for part in found[1:]))


def _committee(variant: str | None, trained: bool = True) -> Entry:
    def build(name: str, seed: int) -> tuple[np.ndarray, Classical]:
        x, groups = _parts(variant, name, seed, trained)
        return x, Committee(_head(name, seed), MixedKernel(assays(name).score, groups, seed))

    return Entry(build, (*(PRETRAINED if variant else ()), *TRAINED, *VOTING))


def _with_forest(variant: str | None) -> Entry:
    def build(name: str, seed: int) -> tuple[np.ndarray, Classical]:
        x, groups = _parts(variant, name, seed)
        return x, ForestVote(_head(name, seed), groups[0], seed)

    return Entry(build, (*(PRETRAINED if variant else ()), *TRAINED, *VOTING, "chmr.ensemble"))


def _mixed(name: str, seed: int) -> tuple[np.ndarray, Classical]:
    x, groups = _parts(None, name, seed)
    return x, MixedKernel(assays(name).score, groups, seed)


def _tuned(variant: str | None) -> Entry:
    def build(name: str, seed: int) -> tuple[np.ndarray, Classical]:
        own, head = structure(name), _head(name, seed)
        if variant is None:
            alone = replace(WHOLE, structure=("graph",), depth=0)
            model, beside = CHMR.from_features(own.features, alone, seed), None
        else:
            model, beside = pretrained(variant, seed), described(name)
        return np.arange(len(own)), Tuned(head.score, model, own, beside, head.config)

    return Entry(build, (*TRAINED, *(ENCODED if variant is None else PRETRAINED)))


def _classical(
    features: Callable[[Sequence[str]], np.ndarray], model: Callable[[str, int], Classical], *modules: str
) -> Entry:
    def build(name: str, seed: int) -> tuple[np.ndarray, Classical]:
        return features(assays(name).smiles), model(assays(name).score, seed)

    return Entry(build, (*DATA, "chmr.classical", *modules))


MODELS: dict[str, Entry] = {
    "chmr": _frozen("chmr"),
    "chmr_tuned": _tuned("chmr"),
    "chmr_shuffled": _frozen("shuffled"),
    "chmr_no_cells": _frozen("no_cells"),
    "chmr_untrained": _frozen("chmr", trained=False),
    "chmr_committee": _committee("chmr"),
    "chmr_committee_shuffled": _committee("shuffled"),
    "chmr_committee_untrained": _committee("chmr", trained=False),
    "chmr_forest": _with_forest("chmr"),
    "infoalign": _frozen("infoalign"),
    "mean": _classical(fingerprints, lambda _, __: Mean()),
    "kernel_ridge": _classical(fingerprints, KernelRidge),
    "kernel_descriptors": Entry(_mixed, (*DESCRIBED, *VOTING)),
    "forest": _classical(fingerprints, forest),
    "boosting": _classical(fingerprints, boosting),
    "boosting_descriptors": _classical(descriptors, boosting),
    "mlp": Entry(
        lambda name, seed: (fingerprints(assays(name).smiles).astype(float), _head(name, seed)), (*DATA, *LEARNED)
    ),
    "mlp_descriptors": Entry(lambda name, seed: (described(name), _head(name, seed)), TRAINED),
    "committee_descriptors": _committee(None),
    "mlp_descriptors_forest": _with_forest(None),
    "gin": _tuned(None),
}

# Apart from the others, because each has to train an encoder of its own.
ABLATIONS: dict[str, Entry] = {f"chmr_{name}": _frozen(name) for name in PARTS}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS | ABLATIONS, name, "model", where="of molecules")


def mark(model: str) -> str:
    """What a row's code has to say of the data: marks of the descriptors and tables of cells that it rests on."""
    read = set(entry(model).modules)
    return (forms.mark() if set(DESCRIBED) <= read else "") + (origin.mark() if set(PRETRAINED) <= read else "")


def predicted(
    model: Classical, x: np.ndarray, labels: Labels, split: Split, rows: Int[np.ndarray, " row"]
) -> Float[np.ndarray, "row task"]:
    """Trained and stopped on its parts of the split, asked about rows."""
    halved.fit(model, x[split.train], labels[split.train], x[split.valid], labels[split.valid])
    return halved.predict(model, x[rows])


def run_one(setting: str, model: str, seed: int) -> dict:
    """Fit one model on both splits of a set; the row."""
    name, started = SETTINGS[setting], time.perf_counter()
    data, wanted = assays(name), entry(model)
    x, fitted = wanted.build(name, seed)
    (split, cleaned), other = published(name), benchmarks.random_split(data, seed)
    asked = np.concatenate([split.test, split.valid])
    found = predicted(fitted, x, data.labels, split, asked)
    test, valid = found[: len(split.test)], found[len(split.test) :]
    whole, each = benchmarks.score(data, split.test, test)
    values: dict[str, float | list[float | None]] = {
        "M/test": whole,
        "M/clean": benchmarks.score(data, cleaned.test, test[np.isin(split.test, cleaned.test)])[0],
        "M/valid": benchmarks.score(data, split.valid, valid)[0],
        "parameters": getattr(fitted, "n_parameters", 0),
    }
    values["M/random"] = benchmarks.score(data, other.test, predicted(fitted, x, data.labels, other, other.test))[0]
    values["M/by_task"] = [None if np.isnan(value) else float(f"{value:.4g}") for value in each]
    return make_row(setting, model, seed, values | {"seconds": time.perf_counter() - started})
