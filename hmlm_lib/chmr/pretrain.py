"""Pretraining CHMR: batches of molecules drawn from a seed, resumable, one loop for all models (`training.py`)."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float

from hmlm_lib.chmr.material import Material
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.device import one_thread
from hmlm_lib.errors import MoleculeError
from hmlm_lib.files import digest
from hmlm_lib.moving import moved
from hmlm_lib.training import Progress, Training, train

TRAINING = Training(steps=600, learning_rate=1e-3, weight_decay=1e-4)
BATCH = 256


def pretrain(
    material: Material,
    config: CHMRConfig | None = None,
    training: Training | None = None,
    batch: int = BATCH,
    measured: float = 0.0,
    report: Callable[[Progress], None] | None = None,
    device: str = "cpu",
) -> CHMR:
    """A model trained on all molecules of the material; labels are never seen.

    measured: least fraction of a batch whose cells somebody measured; where these are rare, chance brings few of them.
    device: where it is trained and left; the material stays where it is, batches are moved.
    Raises MoleculeError for fewer than two molecules, a share outside 0 to 1 and a loss without any part, TrainingError
    where the loss is no longer finite.
    """
    training, c = training or TRAINING, config or CHMRConfig()
    if not 0 <= measured <= 1:
        raise MoleculeError(f"measured is {measured}; allowed: 0 to 1")
    if not (c.align * (c.contrast + c.variance) or c.tree * c.depth or c.reconstruct):
        raise MoleculeError("every part of the loss has weight 0; allowed: at least one part")
    if len(material) < 2 or batch < 2:
        raise MoleculeError(f"{len(material)} molecules in batches of {batch}; allowed: two or more")
    model = CHMR.from_features(material.features, config, training.seed)
    model.settle(material.shape)
    model.to(device)
    wanted = "graph" in model.config.structure
    known = torch.stack([torch.zeros(len(material), dtype=torch.bool), *(c.known for c in material.cells.values())])
    seen = known.any(0).nonzero()[:, 0]

    def loss(generator: torch.Generator) -> torch.Tensor:
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))  # dropout: the same when resumed
        rows = torch.randperm(len(material), generator=generator)[:batch]
        if measured:
            first = seen[torch.randperm(len(seen), generator=generator)[: round(measured * batch)]]
            rows = torch.cat([first, rows[~torch.isin(rows, first)]])[:batch]
        return model.loss(moved(material.inputs(rows, wanted, generator), device), generator)[0]

    model.train()
    with torch.random.fork_rng(devices=[]):
        train(model, loss, training, report, _data(material, model.config, batch, measured))
    return model.eval()


def _data(material: Material, config: CHMRConfig, batch: int, measured: float) -> str:
    """What a checkpoint must share with the training that resumes it, beside the settings."""
    cells = [t.numpy() for c in material.cells.values() for t in (c.filled, c.known)]
    others = [
        material.bits.numpy(),
        material.neighbour.numpy(),
        material.similarity.numpy(),
        np.zeros(0) if material.shape is None else material.shape.numpy(),
        np.array([batch, measured]),
    ]
    return digest(np.array([*material.smiles, repr(config)]), *cells, *others)


def embed(model: CHMR, structure: Structure, batch: int = 1024) -> Float[np.ndarray, "molecule part width"]:
    """Latents of every part of the anchor, for all molecules, without dropout; computed where the model lies.

    MoleculeError for a structure of other columns than the model's.
    """
    model.check(structure.features)
    found, device, was = [], model.steps.device, model.training
    model.eval()
    try:
        with one_thread(), torch.no_grad():
            for rows in torch.arange(len(structure)).split(batch):
                parts = moved(structure.read(rows, "graph" in model.config.structure), device)
                found.append(model.latents(*parts).cpu())
    finally:
        model.train(was)
    return torch.cat(found).numpy()
