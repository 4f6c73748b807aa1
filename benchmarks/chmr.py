"""What do CHMR's parts cost, against what one would use otherwise?

    python benchmarks/chmr.py [--json] [--quick] [--all]

Ratios are peer / ours in the same run. Neighbours: exact 10 nearest by Tanimoto against RDKit's BulkTanimotoSimilarity
(timed on some of the molecules, all of them compared with, and scaled to all) and, if it is installed, usearch's binary
Tanimoto index with its recall. InfoNCE: in chunks against dense, forward and backward, time and bytes kept for the
backward pass. Pretraining: one step of the six-modality model, forward and backward, against the same model with dense
InfoNCE and every molecule of a walk decoded by itself. Featurisation: all processes against one. --all: neighbours of
129,592 molecules, the paper's number.
Molecules are those of the HIV set where its file can be had, else generated ones.
"""

import argparse
import importlib.util
import os
import statistics
from collections.abc import Sequence
from unittest.mock import patch

import numpy as np
import torch
from kept import kept_bytes
from printed import printed
from rdkit import DataStructs
from timing import timed
from torch import Tensor, nn

from hmlm_lib.chmr import molecules
from hmlm_lib.chmr.benchmarks import load
from hmlm_lib.chmr.losses import dense_info_nce, info_nce
from hmlm_lib.chmr.material import Material
from hmlm_lib.chmr.model import CHMR, CHMRConfig, Inputs
from hmlm_lib.chmr.neighbours import tanimoto_neighbours
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.data import available

PAPER, WIDTH, K = 129_592, 300, 10


def smiles(count: int) -> tuple[str, ...]:
    """Real molecules where there are any, generated ones otherwise."""
    found = load("hiv").smiles if available("hiv") else planted(12_288).smiles
    return found[:count]


def neighbours(bits: np.ndarray, asked: int) -> dict[str, float]:
    """Exact neighbours of all, against RDKit's of some and an approximate index of all."""
    seconds, (index, value) = timed(lambda: tanimoto_neighbours(bits, K))
    vectors = [DataStructs.CreateFromBitString("".join(map(str, row))) for row in bits.astype(int)]

    def brute() -> np.ndarray:
        rows = [np.array(DataStructs.BulkTanimotoSimilarity(vectors[i], vectors)) for i in range(asked)]
        return np.stack([np.sort(np.delete(row, i))[::-1][:K] for i, row in enumerate(rows)])

    part, expected = timed(brute)
    assert np.allclose(expected, value[:asked].numpy(), atol=1e-6), "RDKit finds other neighbours"
    rdkit = part * len(bits) / asked
    found = {"molecules": len(bits), "seconds": seconds, "rdkit_s": rdkit, "rdkit_ratio": rdkit / seconds}
    if importlib.util.find_spec("usearch"):
        found |= approximate(bits, index.numpy(), seconds)
    return found


def approximate(bits: np.ndarray, exact: np.ndarray, seconds: float) -> dict[str, float]:
    """usearch's index of packed bits: build, query, recall."""
    from usearch.index import Index

    packed = np.packbits(bits, axis=1)

    def run() -> np.ndarray:
        index = Index(ndim=8 * packed.shape[1], metric="tanimoto", dtype="b1")
        index.add(np.arange(len(packed)), packed, threads=os.cpu_count())
        return index.search(packed, K + 1, threads=os.cpu_count()).keys

    taken, keys = timed(run)
    own = [set(row) & (set(found) - {i}) for i, (row, found) in enumerate(zip(exact, keys, strict=True))]
    recall = float(np.mean([len(one) for one in own]) / K)
    return {"usearch_s": taken, "usearch_ratio": taken / seconds, "usearch_recall": recall}


def contrast(batch: int, dense: bool = True) -> dict[str, float]:
    """InfoNCE in chunks against all at once; both forward and backward."""
    a, b = (torch.randn(batch, WIDTH, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    found = {"batch": batch}
    for name, loss in {"chunked": info_nce, "dense": dense_info_nce}.items():
        if name == "dense" and not dense:
            continue
        x, y = a.clone().requires_grad_(), b.clone().requires_grad_()
        kept, value = kept_bytes(lambda x=x, y=y, loss=loss: loss(x, y))
        found[f"{name}_s"], _ = timed(lambda x=x, y=y, loss=loss: loss(x, y).backward())
        found[f"{name}_megabytes"] = kept / 1e6
        found[f"{name}_loss"] = value.item()
    if dense:
        found["memory_ratio"] = found["dense_megabytes"] / found["chunked_megabytes"]
        found["time_ratio"] = found["dense_s"] / found["chunked_s"]
    return found


class Dense(CHMR):
    """The same step as it is usually written: each of the molecules along a walk decoded and compared by itself."""

    def _reconstruction(self, z: Tensor, x: Inputs) -> Tensor:
        each = []
        for name, decode in self.decode.items():
            value, known = x.met[name]
            logits = decode(z[:, None].expand(-1, value.shape[1], -1))
            error = nn.functional.binary_cross_entropy_with_logits(logits, value, reduction="none").mean(-1)
            weight = x.weight * known
            each.append((weight * error).sum() / weight.sum().clamp(min=1e-6))
        return torch.stack(each).mean()


def pretraining(batch: int, repeats: int = 3) -> dict[str, float]:
    """Molecules a second of one training step with all six modalities, and bytes kept; ours against dense."""
    p = planted(batch)
    shape = np.random.default_rng(0).standard_normal((batch, 482))
    data = Material.complete(Structure.from_smiles(p.smiles, shape), p.modalities)
    config = CHMRConfig(width=WIDTH, layers=5, structure=("bits", "graph", "shape"))
    found: dict[str, float] = {"batch": batch}
    for name, kind, loss in (("ours", CHMR, info_nce), ("dense", Dense, dense_info_nce)):
        model = kind.from_features(data.features, config, 0).train()
        model.settle(data.shape)

        def forward(model: CHMR = model) -> Tensor:
            torch.manual_seed(0)  # the same dropout for both
            generator = torch.Generator().manual_seed(0)
            return model.loss(data.inputs(torch.arange(batch), True, generator), generator)[0]

        with patch("hmlm_lib.chmr.model.info_nce", loss):
            kept, value = kept_bytes(forward)
            value.backward()
            seconds = [timed(lambda: forward().backward())[0] for _ in range(repeats)]
        found |= {f"{name}_per_s": batch / statistics.median(seconds), f"{name}_megabytes": kept / 1e6}
        found[f"{name}_loss"] = value.item()
    found["speed_ratio"] = found["ours_per_s"] / found["dense_per_s"]
    found["memory_ratio"] = found["dense_megabytes"] / found["ours_megabytes"]
    return found


def features(names: Sequence[str]) -> dict[str, float]:
    """Fingerprints with all processes against one; nothing is read from the cache."""
    many, _ = timed(lambda: molecules.each(molecules._bits, names))
    one, _ = timed(lambda: [molecules._bits(name) for name in names])
    return {"molecules": len(names), "processes": os.cpu_count(), "seconds": many, "one_s": one, "ratio": one / many}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="metrics by key")
    parser.add_argument("--quick", action="store_true", help="few molecules")
    parser.add_argument("--all", action="store_true", help="also neighbours of the paper's number of molecules")
    arguments = parser.parse_args()
    count, asked, batch, step = (2000, 50, 512, 128) if arguments.quick else (20_000, 500, 5120, 768)
    names = smiles(count)
    bits = molecules.fingerprints(names)
    found = {
        "neighbours": neighbours(bits, asked),
        f"info_nce_{batch}": contrast(batch),
        f"pretraining_{step}": pretraining(step),
        "features": features(names),
    }
    if not arguments.quick:
        found["info_nce_50000"] = contrast(50_000, dense=False)
    if arguments.all:
        rng = np.random.default_rng(0)
        more = bits[rng.integers(0, len(bits), PAPER)] ^ (rng.random((PAPER, bits.shape[1])) < 0.01)
        seconds, _ = timed(lambda: tanimoto_neighbours(more, K))
        found["neighbours_paper"] = {"molecules": PAPER, "seconds": seconds}
    printed(found, "92_chmr_cost", "chmr", arguments.json)


if __name__ == "__main__":
    main()
