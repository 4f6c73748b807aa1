"""HMLM on a device: reading the network, training, attention, checkpoints, half precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from devices import close, experiments

from hmlm_lib.hmlm.attention import GraphAttention
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.transducer import time_grid
from hmlm_lib.training import Training

PLAIN = HMLMConfig(width=8, grid=5)
CONFIGS = {
    "whole": PLAIN,
    "sparse": replace(PLAIN, dense=False),
    "softmax": replace(PLAIN, attention="softmax"),
    "shared": replace(PLAIN, identity=False),
    "unsigned": replace(PLAIN, signs=False, and_groups=False),
    "molecules alone": replace(PLAIN, hierarchy=False, proposals=False, pace=False, sums=False),
}
SHORT = Training(steps=2, learning_rate=0.01)


def model(config, device, seed=0):
    return HMLM.from_network(experiments(1).network, config, seed).to(device)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_training_and_prediction(device, config):
    """[6, 3, 7] activities: before training 1e-5, after two steps of three conditions each 1e-4."""
    seen, found, wanted = experiments(6), model(config, device), model(config, "cpu")
    close(found.predict(seen), wanted.predict(seen), 1e-5)
    for one in (found, wanted):
        one.fit(seen, SHORT, batch=3)
    assert all(p.device.type == torch.device(device).type for p in found.parameters())
    assert found.predict(seen).shape == (6, 3, 7)
    close(found.predict(seen), wanted.predict(seen), 1e-4)


@pytest.mark.parametrize("config", [CONFIGS["whole"], CONFIGS["softmax"]], ids=["logic", "softmax"])
def test_attention_of_every_scale(device, config):
    """[2, 3, head, ...] weights of molecules, pathways and the cell: 1e-5."""
    asked = experiments(2)
    found, wanted = (model(config, where).attention(asked) for where in (device, "cpu"))
    assert set(found) == {"molecular", "aggregate", "pathway", "decompose"}
    for scale, weights in found.items():
        assert weights.shape[:2] == (2, 3)
        assert scale == "aggregate" or weights.sizes["head"] == config.heads
        close(weights.values, wanted[scale].values, 1e-5)


@pytest.mark.parametrize("dense", [True, False])
def test_graph_attention_and_its_gradient(device, dense):
    """Tokens [5, 7, 8] over eleven edges, forward 1e-5 and backward 1e-4 relative."""
    torch.manual_seed(0)
    layer, token = GraphAttention(8, 2, 4, dense), torch.randn(5, 7, 8)
    edges = torch.tensor([[0, 1, 2, 3, 4, 5, 6, 0, 2, 4, 6], [1, 2, 3, 4, 5, 6, 0, 3, 5, 0, 2]])
    kind = torch.arange(11) % 4
    found = {}
    for where in ("cpu", device):
        layer.zero_grad()
        own = layer.to(where)
        said = own(token.to(where), *edges.to(where), kind.to(where))
        said.square().sum().backward()
        found[where] = said, own.query.weight.grad
    assert found[device][0].shape == (5, 7, 8)
    close(found[device][0], found["cpu"][0], 1e-5)
    close(found[device][1], found["cpu"][1], 1e-5, 1e-4)


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_checkpoints_move_between_devices(device, tmp_path):
    """Saved there, loaded here, and a training resumed there: [4, 3, 7] activities, exactly and to 1e-6."""
    seen, path = experiments(4), tmp_path / "training.safetensors"
    straight = model(PLAIN, device).fit(seen, SHORT)
    whole = HMLM.load(straight.save(tmp_path / "model.safetensors"), seen.network)
    assert all(torch.equal(a.cpu(), b) for a, b in zip(straight.parameters(), whole.parameters(), strict=True))
    kept = replace(SHORT, checkpoint=path, checkpoint_every=1)
    model(PLAIN, device).fit(seen, kept)
    again = model(PLAIN, device).fit(seen, kept)  # nothing left to do: all of it comes from the file
    close(again.predict(seen), straight.predict(seen), 1e-6)


@pytest.mark.gpu
def test_the_same_seed_gives_the_same_numbers(cuda, repeatable):
    """[6, 3, 7] activities of two trainings, bit for bit where additions keep their order."""
    seen = experiments(6)
    first, second = (model(PLAIN, cuda).fit(seen, SHORT, batch=4).predict(seen) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.gpu
@pytest.mark.parametrize("config", [CONFIGS["sparse"], replace(PLAIN, sums=False)], ids=["sparse", "dense"])
def test_half_precision(cuda, config):
    """States [6, 7, 6] of a roll-out under bfloat16 autocast: .02 of full activity from float32."""
    seen, own = experiments(6), model(config, cuda)
    held, factor, start, _ = own._tensors(seen)
    with torch.no_grad():
        full, _ = own.rollout(held, factor, start, time_grid(24.0, 5))
        with torch.autocast(cuda, torch.bfloat16):
            half, _ = own.rollout(held, factor, start, time_grid(24.0, 5))
    assert half.shape == (6, 7, 6)
    assert not torch.equal(half, full)  # something was computed in bfloat16
    close(half, full, 0.02)
