"""What does a CUDA device save? One piece of work of each kind, on the CPU and there.

    python benchmarks/device.py [--json] [--quick] [--device cuda]

Simulator: 24 h of the published network under random stimuli, float32. HMLM, CHMR, composition: one training step,
forward and backward, batch at hand (what is drawn on the CPU is not counted; no part of CHMR's anchor is dropped).
Ratios are CPU / CUDA in the same run, above 1 the device is faster; differences are the largest between the two
results. Without a CUDA device the CPU alone is timed, and the first line says so.
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch
from printed import printed
from simulate import conditions
from timing import timed
from torch import Tensor, nn

from hmlm_lib.chmr.material import Material
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.planted import planted as planted_molecules
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.composition.compose import ComposeConfig, Composition, spread
from hmlm_lib.composition.language_models import TinyLM
from hmlm_lib.composition.planted import planted as planted_pairs
from hmlm_lib.composition.states import frozen
from hmlm_lib.device import choose_device
from hmlm_lib.dynamics import trajectories
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.transducer import between, time_grid
from hmlm_lib.moving import moved
from hmlm_lib.network import load_network

Work = Callable[[], Tensor]  # one piece of work; what it gives is compared
HOURS, WIDTH = 24.0, 128


def simulator(count: int, device: str) -> Work:
    """Trajectories of `count` conditions."""
    network = load_network("fibroblast-core")
    stimulus = torch.as_tensor(conditions(network, count), dtype=torch.float32, device=device)
    return torch.no_grad()(lambda: trajectories(network.arrays, [0.0, HOURS], stimulus))


def hmlm_step(count: int, device: str) -> Work:
    """A step of HMLM on `count` conditions at eight times."""
    network = load_network("fibroblast-core")
    model, grid = HMLM.from_network(network, HMLMConfig()).to(device), time_grid(HOURS, HMLMConfig().grid)
    held = torch.as_tensor(conditions(network, count), dtype=torch.float32, device=device)
    start, times = torch.zeros_like(held), np.geomspace(1.0, HOURS, 8)

    def step() -> Tensor:
        states, penalty = model.rollout(held, torch.ones_like(held), start, grid)
        loss = between(states, grid, times).square().mean() + penalty
        loss.backward()
        return loss.detach()

    return step


def chmr_step(count: int, device: str) -> Work:
    """A step of pretraining on `count` molecules, six modalities."""
    molecules = planted_molecules(count)
    shape = np.random.default_rng(0).standard_normal((count, 482))
    data = Material.complete(Structure.from_smiles(molecules.smiles, shape), molecules.modalities)
    config = CHMRConfig(width=WIDTH, layers=5, structure=("bits", "graph", "shape"), drop=0.0, dropout=0.0)
    model = CHMR.from_features(data.features, config)
    model.settle(data.shape)
    inputs = moved(data.inputs(torch.arange(count), True, torch.Generator().manual_seed(0)), device)
    model = model.to(device).train()

    def step() -> Tensor:
        loss, _ = model.loss(inputs, torch.Generator().manual_seed(0))
        loss.backward()
        return loss.detach()

    return step


def composition_step(count: int, device: str) -> Work:
    """A step of a composition into the peptide at four layers, `count` pairs, states of the sequences at hand."""
    model = TinyLM.from_seed(0).eval()
    torch.manual_seed(0)
    config = ComposeConfig(spread((model.depth, model.depth), model.depth), ("left",), dropout=0.0)
    strategy = Composition((model, model), config)
    pairs = planted_pairs(2 * count)
    proteins = list(pairs.proteins.values())
    names = list(pairs.listed)[:count], [proteins[k % len(proteins)] for k in range(count)]
    states = [
        moved(frozen(model, some, strategy.reads[side]), device)
        for side, some in zip(("left", "right"), names, strict=True)
    ]
    label = (torch.arange(count) % 2).float().to(device)
    strategy, _ = strategy.to(device), model.to(device)

    def step() -> Tensor:
        loss = nn.functional.binary_cross_entropy_with_logits(strategy(*states), label)
        loss.backward()
        return loss.detach()

    return step


PARTS: dict[str, tuple[Callable[[int, str], Work], int, int]] = {  # how many at once: whole, quick
    "simulator": (simulator, 4096, 64),
    "hmlm_step": (hmlm_step, 512, 16),
    "chmr_step": (chmr_step, 1024, 32),
    "composition_step": (composition_step, 1024, 32),
}


def measure(make: Callable[[int, str], Work], count: int, devices: list[str], repeats: int) -> dict[str, float]:
    """Seconds on every device after one call that warms up, their ratio and the largest difference of results."""
    found, said = {"at_once": float(count)}, {}
    for device in devices:
        work = make(count, device)
        said[device] = work().cpu()
        found[f"{device}_s"], _ = timed(work, repeats, device)
    if "cuda" in said:
        found["ratio"] = found["cpu_s"] / found["cuda_s"]
        found["largest_difference"] = float((said["cpu"] - said["cuda"]).abs().max())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="metrics by key")
    parser.add_argument("--quick", action="store_true", help="small batches, a check that it runs")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    arguments = parser.parse_args()
    device, why = choose_device(arguments.device)
    devices = ["cpu", "cuda"] if device == "cuda" else ["cpu"]
    if not arguments.json:
        beside = f"cuda ({why})" if device == "cuda" else f"no CUDA device is timed ({why})"
        print(f"cpu ({torch.get_num_threads()} threads); {beside}")
    repeats = 1 if arguments.quick else 5
    found = {
        name: measure(make, small if arguments.quick else count, devices, repeats)
        for name, (make, count, small) in PARTS.items()
    }
    printed(found, "95_device_cost", "device", arguments.json)


if __name__ == "__main__":
    main()
