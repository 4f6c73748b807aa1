"""Compositions on a device: attention, the language model and its pretraining, a step of a composition."""

import numpy as np
import pytest
import torch
from devices import close, slopes_close
from torch import nn

from hmlm_lib.composition.attention import Attention
from hmlm_lib.composition.compose import ComposeConfig, Composition, Contrastive, Pooled, Strategy, spread
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.planted import planted
from hmlm_lib.composition.pretrain import pretrain, surprise
from hmlm_lib.composition.states import States, frozen
from hmlm_lib.interpret import compounds
from hmlm_lib.moving import moved
from hmlm_lib.training import Training

SMALL = TinyConfig(width=16, depth=2, heads=2, inner=16)
PAIRS = 24
LABEL = torch.arange(PAIRS) % 3 == 0
PEPTIDES, PROTEINS = (list(x)[:PAIRS] for x in (planted(60, 32).listed, planted(60, 32).proteins.values()))
STRATEGIES = {
    "into the peptide": lambda lm: Composition((lm, lm), ComposeConfig(spread((2, 2), 2), ("left",), 2, dropout=0.0)),
    "into both": lambda lm: Composition((lm, lm), ComposeConfig(((1, 2), (2, 2)), ("left", "right"), 2, dropout=0.0)),
    "concatenated": lambda lm: Pooled((lm, lm), ("left", "right"), 8, dropout=0.0),
    "contrastive": lambda lm: Contrastive((lm, lm), 8, dropout=0.0),
}


def ready(name: str, device: str) -> tuple[Strategy, States, States]:
    """A strategy with its frozen language model and the states of as many peptides as proteins, all on the device."""
    lm = TinyLM.from_seed(0, SMALL).eval()
    torch.manual_seed(0)
    strategy = STRATEGIES[name](lm).to(device)
    read = (sorted({*strategy.reads[side]}) for side in ("left", "right"))
    states = [moved(frozen(lm, names, k), device) for names, k in zip((PEPTIDES, PROTEINS), read, strict=True)]
    lm.to(device)
    return strategy, *states


def loss_of(strategy: Strategy, left: States, right: States) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and the binary cross-entropy of a batch."""
    found = strategy(left, right)
    return found, nn.functional.binary_cross_entropy_with_logits(found, LABEL.float().to(found.device))


def test_attention_with_padding(device):
    """Tokens [4, 5, 8] looking at [4, 7, 6]: output and weights [4, 2, 5, 7] 1e-5, padding exactly 0."""
    torch.manual_seed(0)
    layer, to, of = Attention(8, 2, guest=6), torch.randn(4, 5, 8), torch.randn(4, 7, 6)
    exists = torch.arange(7) < torch.tensor([[7], [5], [3], [1]])
    wanted, weights = layer(to, of, exists)
    there = layer.to(device)
    found, seen = there(to.to(device), of.to(device), exists.to(device))
    assert seen.shape == (4, 2, 5, 7)
    assert not seen.cpu()[~exists[:, None, None, :].expand_as(weights)].any()
    close(found, wanted, 1e-5)
    close(seen, weights, 1e-5)


def test_the_language_model(device):
    """Logits [24, 10, 22] of every place and the gradient: 1e-5 and 1e-4 relative."""
    plain, there = (TinyLM.from_seed(0, SMALL).to(where) for where in ("cpu", device))
    rows = plain.tokens(PEPTIDES)
    wanted, found = plain(rows), there(rows.to(device))
    assert found.shape == (*rows.shape, SMALL.vocabulary.size)
    close(found, wanted, 1e-5)
    for said in (wanted, found):
        said.square().mean().backward()
    slopes_close(there, plain, 1e-6, 1e-4)


def test_pretraining(device):
    """Two steps on peptides and proteins: losses 1e-5 relative, surprise 1e-3."""
    told, surprised = {}, {}
    for where in ("cpu", device):
        log: list[float] = []
        training = Training(steps=2, learning_rate=1e-3, log_every=1)
        made = pretrain(
            [PEPTIDES, PROTEINS], SMALL, training, report=lambda p, log=log: log.append(p.loss), device=where
        )
        told[where], surprised[where] = torch.tensor(log), surprise(made, PEPTIDES)
        assert made.residue.weight.device.type == torch.device(where).type
    assert len(told[device]) == 2
    close(told[device], told["cpu"], 0.0, 1e-5)
    assert surprised[device] == pytest.approx(surprised["cpu"], abs=1e-3)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_step_of_a_strategy(device, name):
    """Logits [24] and every gradient of a training step: 1e-5 and 1e-4 relative."""
    plain, there = ready(name, "cpu"), ready(name, device)
    (wanted, error), (found, loss) = loss_of(*plain), loss_of(*there)
    assert found.shape == (PAIRS,)
    close(found, wanted, 1e-5)
    error.backward()
    loss.backward()
    slopes_close(there[0], plain[0], 1e-6, 1e-4)


def test_compounds_on_the_tokens_of_a_network(device):
    """Logits [6, 5] of compounds before training: 1e-5; after two steps .01."""
    give = torch.Generator().manual_seed(0)
    tokens, latents = torch.randn(5, 8, generator=give), torch.randn(12, 2, 6, generator=give)
    moves = np.random.default_rng(0).random((12, 5)) < 0.4
    for steps, atol in ((0, 1e-5), (2, 0.01)):
        told = {}
        for where in ("cpu", device):
            z, training = latents.to(where), Training(steps=steps, learning_rate=1e-3)
            torch.manual_seed(0)
            told[where] = compounds.composed(tokens.to(where), z, moves, z[:6], training)
        assert told[device].shape == (6, 5)
        close(told[device], told["cpu"], atol)


@pytest.mark.gpu
def test_the_same_seed_gives_the_same_numbers(cuda, repeatable):
    """Two steps of pretraining, twice: every weight, bit for bit where additions keep their order."""
    one, other = (pretrain([PEPTIDES], SMALL, Training(steps=2), device=cuda) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.gpu
@pytest.mark.parametrize("name", STRATEGIES)
def test_half_precision(cuda, name):
    """Logits [24] under bfloat16 autocast: .05 from float32."""
    strategy, left, right = ready(name, cuda)
    strategy.eval()
    with torch.no_grad():
        full = strategy(left, right)
        with torch.autocast(cuda, torch.bfloat16):
            half = strategy(left, right)
    assert half.shape == (PAIRS,)
    assert not torch.equal(half.float(), full)
    close(half, full, 0.05)
