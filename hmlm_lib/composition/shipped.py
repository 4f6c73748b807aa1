"""The two language models that come with the library, made anew: `python -m hmlm_lib.composition.shipped [NAME ...]`.

`planted` reads generated sequences, `transphla` the public peptides and the 108 different allele sequences. Peptides
of the pools `valid` and `test` are left out, whatever the seed of a later split; all allele sequences are read,
without a label.
"""

import sys
from collections.abc import Callable, Sequence

import torch

from hmlm_lib.composition.checkpoint import place, save, shipped
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.pairs import Ligands, pool
from hmlm_lib.composition.planted import planted
from hmlm_lib.composition.pretrain import pretrain
from hmlm_lib.composition.readers import transphla
from hmlm_lib.composition.residues import Vocabulary
from hmlm_lib.errors import ModelError, pick
from hmlm_lib.files import sha256, write_whole
from hmlm_lib.training import Progress, Training

SHARES = (0.9, 0.1)  # batches of peptides, of proteins
SMALL = TinyConfig(width=32, inner=64, vocabulary=Vocabulary(longest=24))
MADE: dict[str, tuple[Callable[[], Ligands], TinyConfig, Training]] = {
    "planted": (planted, SMALL, Training(steps=600, learning_rate=3e-3, weight_decay=1e-2)),
    "transphla": (transphla, TinyConfig(), Training(steps=8000, learning_rate=3e-3, weight_decay=1e-2)),
}


def material(ligands: Ligands) -> tuple[list[str], list[str]]:
    """Peptides to pretrain on, and proteins."""
    return [p for p in ligands.listed if pool(p) == "train"], list(ligands.proteins.values())


def same(one: TinyLM, other: TinyLM) -> bool:
    """Whether two models have the same sizes and numbers."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return one.config == other.config and all(torch.equal(a, b) for a, b in pairs)


def make(name: str, report: Callable[[Progress], None] | None = None) -> None:
    """Train a model, write it and its sha256, unless the one that is there has the same numbers.

    (The bytes of a file vary with the order of its metadata.) ModelError for an unknown name.
    """
    read, config, training = pick(MADE, name, "shipped model")
    made = pretrain(material(read()), config, training, SHARES, report)
    model, record = place(name)
    if _there(name, made):
        return
    save(made, model)
    write_whole(record, f"sha256\n{sha256(model)}\n", ModelError)


def _there(name: str, made: TinyLM) -> bool:
    """Whether the model that comes with the library is whole and has these numbers."""
    try:
        return same(made, shipped(name))
    except ModelError:
        return False


def main(names: Sequence[str]) -> None:
    """Every model named, or all."""
    for name in names or MADE:
        make(name, lambda progress, name=name: print(name, progress, flush=True))


if __name__ == "__main__":
    main(sys.argv[1:])
