"""What does one reading of the network cost, against a dense transformer and PyTorch Geometric's graph attention?

    python benchmarks/hmlm.py [--json] [--quick] [--device cuda]

One reading is one evaluation of every species' drive for a batch of conditions: HMLM's gates, AND and OR with its
pathway and cell tokens; one layer of the same width for the peers (PyTorch's encoder layer over all species, PyTorch
Geometric's TransformerConv and GATv2Conv over the edges). Timed: forward, and forward with backward. Memory: bytes that
autograd keeps for the backward pass, counted, not sampled. Ratios are peer / HMLM in the same run. Generated networks
of the published one's degrees; the dense peer stops at 3,000 species, where its time is quadratic (its memory is not:
PyTorch's fused attention keeps no matrix).
"""

import argparse
from collections.abc import Callable
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")
import pandas as pd
import torch
from kept import kept_bytes
from printed import print_metrics
from timing import timed
from torch import Tensor, nn
from torch_geometric.nn import GATv2Conv, TransformerConv

from hmlm_lib.device import choose_device
from hmlm_lib.figures import fig_cost, save_figure, use_style
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network import load_network
from hmlm_lib.network.generate import random_arrays

BATCH, WIDTH, HEADS, DENSE_LIMIT = 8, 16, 2, 3000
Reading = Callable[[Tensor], Tensor]


def arrays_of(size: int) -> SimpleNamespace:
    """The published network at 109 species, generated ones beyond."""
    arrays = load_network("fibroblast-core").arrays if size == 109 else random_arrays(size, 0)
    return SimpleNamespace(arrays=arrays, species_names=arrays.species_names, name=f"{size} species")


class Peer(nn.Module):
    """Token embedding, one layer, a drive a species: the same frame for every peer."""

    def __init__(self, model: HMLM, layer: str):
        super().__init__()
        self.embed, self.carry, self.readout = nn.Linear(10, WIDTH), nn.Linear(10, WIDTH), nn.Linear(WIDTH, 1)
        self.layer, self.species = layer, model._species
        self.edges, self.about = torch.stack([model._source, model._target]), model._edge
        kinds = {"TransformerConv": TransformerConv, "GATv2Conv": GATv2Conv}
        if layer in kinds:
            self.mix = kinds[layer](WIDTH, WIDTH // HEADS, HEADS, edge_dim=4)
        else:
            self.mix = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, batch_first=True)

    def forward(self, y: Tensor) -> Tensor:
        state = self.embed(self.species) + y.T[..., None] * self.carry(self.species)
        if self.layer == "dense transformer":
            return torch.sigmoid(self.readout(self.mix(state)))[..., 0].T
        batch, size = state.shape[:2]
        shift = (torch.arange(batch, device=y.device) * size)[:, None, None]
        edges = (self.edges[None] + shift).permute(1, 0, 2).flatten(1)
        mixed = self.mix(state.flatten(0, 1), edges, self.about.repeat(batch, 1))
        return torch.sigmoid(self.readout(mixed)).unflatten(0, (batch, size))[..., 0].T


def hmlm_reading(model: HMLM) -> Reading:
    """One evaluation of the drive, tokens and gates included."""

    def read(y: Tensor) -> Tensor:
        ones = torch.ones_like(y)
        drive, _ = model._drive(0.1 * ones, ones, None)
        return drive(y, 0)

    return read


def seconds(run: Callable[[], object], repeats: int, device: str) -> float:
    """Median time of a call, after one that warms up."""
    run()
    return timed(run, repeats, device)[0]


def measure(size: int, repeats: int, device: str) -> list[dict]:
    """Every model on one network."""
    config = HMLMConfig(width=WIDTH, heads=HEADS)
    model = HMLM.from_network(arrays_of(size), config).to(device)
    readings: dict[str, Reading] = {"hmlm": hmlm_reading(model)}
    for name in ("TransformerConv", "GATv2Conv", "dense transformer"):
        if name != "dense transformer" or size <= DENSE_LIMIT:
            readings[name] = Peer(model, name).to(device)
    y = torch.rand(size, BATCH, device=device, generator=torch.Generator(device).manual_seed(0))
    rows = []
    for name, read in readings.items():
        with torch.no_grad():
            inference = seconds(lambda read=read: read(y), repeats, device)
        training = seconds(lambda read=read: read(y).square().mean().backward(), repeats, device)
        rows.append(
            {
                "model": name, "species": size, "edges": len(model._source), "seconds": training,
                "inference_s": inference, "megabytes": kept_bytes(lambda read=read: read(y))[0] / 1e6,
            }
        )  # fmt: skip
    return rows


def report(table: pd.DataFrame) -> str:
    """A Markdown table with the ratio of every model's cost to HMLM's on the same network."""
    own = table[table["model"] == "hmlm"].set_index("species")
    heads = ["species", "edges", "model", "train_ms", "x_hmlm", "infer_ms", "x_hmlm", "kept_MB", "x_hmlm"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for row in table.itertuples():
        base, cells = own.loc[row.species], [row.species, row.edges, row.model]
        for value, unit, peer in (
            (row.seconds, 1e3, base.seconds),
            (row.inference_s, 1e3, base.inference_s),
            (row.megabytes, 1, base.megabytes),
        ):
            cells += [f"{unit * value:.3g}", f"{value / peer:.2f}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="metrics by key")
    parser.add_argument("--quick", action="store_true", help="small networks, no figure")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    device, why = choose_device(arguments.device)
    sizes, repeats = ((109, 1000), 5) if arguments.quick else ((109, 1000, 10_000, 100_000), 7)
    table = pd.DataFrame([row for size in sizes for row in measure(size, repeats, device)])
    if arguments.json:
        print_metrics(
            {
                ("91_hmlm_cost", f"{row.species} species", row.model, what): getattr(row, what)
                for row in table.itertuples()
                for what in ("seconds", "inference_s", "megabytes")
            }
        )
        return
    print(f"device: {device} ({why}); batch {BATCH}, width {WIDTH}, {HEADS} heads\n\n{report(table)}")
    if not arguments.quick:
        use_style()
        caption = f"One reading of the network, batch {BATCH}, {device}; generated networks beyond 109 species."
        save_figure(fig_cost(table), "91_hmlm_cost", table, caption)


if __name__ == "__main__":
    main()
