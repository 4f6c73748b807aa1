"""What do CHMR's parts cost, against what one would use otherwise?

    python benchmarks/chmr.py [--json] [--quick] [--all]

Ratios are peer / ours in the same run. Neighbours: exact 10 nearest by Tanimoto against RDKit's BulkTanimotoSimilarity
(timed on some of the molecules, all of them compared with, and scaled to all) and, if it is installed, usearch's binary
Tanimoto index with its recall. InfoNCE: in chunks against dense, forward and backward, time and bytes kept for the
backward pass. Featurisation: all processes against one. --all: neighbours of 129,592 molecules, the paper's number.
Molecules are those of the HIV set where its file can be had, else generated ones.
"""

import argparse
import importlib.util
import json
import os
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from kept import kept_bytes
from rdkit import DataStructs

from hmlm_lib.chmr import molecules
from hmlm_lib.chmr.benchmarks import load
from hmlm_lib.chmr.losses import dense_info_nce, info_nce
from hmlm_lib.chmr.neighbours import tanimoto_neighbours
from hmlm_lib.chmr.planted import planted
from hmlm_lib.data import available

PAPER, WIDTH, K = 129_592, 300, 10


def smiles(count: int) -> tuple[str, ...]:
    """Real molecules where there are any, generated ones otherwise."""
    found = load("hiv").smiles if available("hiv") else planted(12_288).smiles
    return found[:count]


def timed(run: Callable[[], object]) -> tuple[float, object]:
    """Seconds of one call, and what it gave."""
    started = time.perf_counter()
    found = run()
    return time.perf_counter() - started, found


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
    count, asked, batch = (2000, 50, 512) if arguments.quick else (20_000, 500, 5120)
    names = smiles(count)
    bits = molecules.fingerprints(names)
    found = {
        "neighbours": neighbours(bits, asked),
        f"info_nce_{batch}": contrast(batch),
        "features": features(names),
    }
    if not arguments.quick:
        found["info_nce_50000"] = contrast(50_000, dense=False)
    if arguments.all:
        rng = np.random.default_rng(0)
        more = bits[rng.integers(0, len(bits), PAPER)] ^ (rng.random((PAPER, bits.shape[1])) < 0.01)
        seconds, _ = timed(lambda: tanimoto_neighbours(more, K))
        found["neighbours_paper"] = {"molecules": PAPER, "seconds": seconds}
    if arguments.json:
        keys = {
            f"92_chmr_cost/{part}/{k}": {"mean": v, "sd": 0.0, "n": 1}
            for part, d in found.items()
            for k, v in d.items()
        }
        print(json.dumps(keys, indent=1))
        return
    for part, values in found.items():
        print(f"{part}: " + ", ".join(f"{name} {value:.4g}" for name, value in values.items()))


if __name__ == "__main__":
    main()
