"""What does caching frozen states save, and what does an attention of ours cost against torch's?

    python benchmarks/composition.py [--json] [--quick]

Ratios are peer / ours in the same run, one thread. Training step: 256 pairs of a planted set, forward and backward,
with states computed once, against the same step that runs both language models for every pair; the logits are
compared. Step of a composition: our Attention against torch.nn.MultiheadAttention with the same weights, 256 pairs,
forward and backward; the outputs are compared.
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch
from printed import printed
from timing import timed
from torch import Tensor, nn

from hmlm_lib.composition.attention import Attention
from hmlm_lib.composition.compose import SIDES, ComposeConfig, Composition, Strategy, spread
from hmlm_lib.composition.fit import Cached
from hmlm_lib.composition.language_models import TinyLM
from hmlm_lib.composition.pairs import Pairs, splits
from hmlm_lib.composition.planted import planted
from hmlm_lib.composition.states import States

BATCH, WIDTH, HEADS, PEPTIDE, PROTEIN = 256, 64, 4, 11, 34


def run_anew(strategy: Strategy, model: TinyLM, pairs: Pairs, rows: np.ndarray) -> Tensor:
    """Logits with both models run for every pair, as without a cache."""
    found = []
    for side in SIDES:
        names = pairs.names(side)
        tokens = model.tokens([names[k] for k in rows])
        with torch.no_grad():
            states = model.encode(tokens)
        found.append(States({k: states[k] for k in strategy.reads[side]}, model.exists(tokens)))
    return strategy(*found)


def caching(into: tuple[str, ...], last: bool, repeats: int) -> dict[str, float]:
    """Seconds of a training step with and without cached states; last: attention after the last layer only."""
    pairs = splits(planted(), 0, train=1500, valid=100, test=100, unseen=(8, 16)).train
    model = TinyLM.from_seed(0).eval()
    sites = ((model.depth, model.depth),) if last else spread((model.depth, model.depth), model.depth)
    strategy = Composition((model, model), ComposeConfig(sites, into)).eval()
    seconds, data = timed(lambda: Cached.of(strategy, (model, model), pairs))
    rows = np.arange(BATCH)
    cached, a = timed(lambda: step(lambda: data.read(strategy, rows)), repeats)
    anew, b = timed(lambda: step(lambda: run_anew(strategy, model, pairs, rows)), repeats)
    found = {"cached_s": cached, "anew_s": anew, "ratio": anew / cached, "cache_once_s": seconds}
    return found | {"largest_difference": float((a - b).abs().max())}


def step(read: Callable[[], Tensor]) -> Tensor:
    """Forward and backward of the logits' sum."""
    found = read()
    found.sum().backward()
    return found.detach()


def against_torch(repeats: int) -> dict[str, float]:
    """Our attention against torch's, the peptide looking at the protein."""
    torch.manual_seed(0)
    own, peer = Attention(WIDTH, HEADS), nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    with torch.no_grad():
        peer.in_proj_weight.copy_(torch.cat([own.query.weight, own.key.weight, own.value.weight]))
        peer.in_proj_bias.copy_(torch.cat([own.query.bias, own.key.bias, own.value.bias]))
        peer.out_proj.load_state_dict(own.out.state_dict())
    to, of = torch.randn(BATCH, PEPTIDE, WIDTH), torch.randn(BATCH, PROTEIN, WIDTH)
    exists = torch.arange(PROTEIN) < torch.randint(20, PROTEIN + 1, (BATCH, 1))
    ours, a = timed(lambda: step(lambda: own(to, of, exists)[0]), repeats)
    look = {"key_padding_mask": ~exists, "average_attn_weights": False}
    seen, b = timed(lambda: step(lambda: peer(to, of, of, **look)[0]), repeats)
    fast, _ = timed(lambda: step(lambda: peer(to, of, of, key_padding_mask=~exists, need_weights=False)[0]), repeats)
    found = {"ours_s": ours, "torch_s": seen, "ratio": seen / ours, "torch_without_weights_s": fast}
    return found | {"ratio_without_weights": fast / ours, "largest_difference": float((a - b).abs().max())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="metrics by key")
    parser.add_argument("--quick", action="store_true", help="few repeats")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    repeats = 3 if arguments.quick else 15
    found = {
        "composition_into_peptide": caching(("left",), False, repeats),
        "composition_into_protein": caching(("right",), False, repeats),
        "attention_at_the_end": caching(("left",), True, repeats),
        "attention": against_torch(repeats),
    }
    printed(found, "93_composition_cost", "composition", arguments.json)


if __name__ == "__main__":
    main()
