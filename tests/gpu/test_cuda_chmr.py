"""CHMR on a device: neighbours, propagation, graph encoder, Tree-VQ, losses, a step of pretraining.

A batch is drawn on the CPU and moved. Parts of the anchor are not dropped here (drop=0): their draws stay on the CPU.
"""

import numpy as np
import pytest
import torch
from devices import close, slopes_close

from hmlm_lib import device as devices
from hmlm_lib.chmr import halved, study
from hmlm_lib.chmr.losses import info_nce, vicreg
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.neighbours import tanimoto, tanimoto_neighbours
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.propagation import Graph, dirichlet_energy, propagate
from hmlm_lib.chmr.tree_vq import TreeVQ
from hmlm_lib.moving import moved
from hmlm_lib.training import Training

CONFIG = CHMRConfig(width=16, layers=2, depth=3, structure=("bits", "graph", "shape"), drop=0.0, dropout=0.0)


def batch(count=12):
    """A model and a batch of planted molecules, a third of their cells not measured, with random descriptors."""
    molecules, rng = planted(count), np.random.default_rng(0)
    plain = study.material(molecules, 0.3, 0)
    shape = torch.as_tensor(rng.standard_normal((count, 5)), dtype=torch.float32)
    data = type(plain)(**vars(plain) | {"shape": shape, "form": (shape / 10 + 0.5).clamp(0, 1)})
    model = CHMR.from_features(data.features, CONFIG, 0)
    model.settle(shape)
    return model, data.inputs(torch.arange(count), True, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("share", "kind"), [(0.05, "bfloat16"), (0.5, "float32")])
def test_neighbours_are_exact(device, share, kind):
    """Five nearest of 60 by 1,024 bits: similarities [60, 5] to the last bit, products in either precision."""
    bits = np.random.default_rng(0).random((60, 1024)) < share
    assert (bits.sum(1).max() <= 256) == (kind == "bfloat16")
    index, value = tanimoto_neighbours(bits, 5, device=device)
    _, wanted = tanimoto_neighbours(bits, 5)
    assert torch.equal(value.cpu(), wanted)
    dense = tanimoto(torch.as_tensor(bits), torch.as_tensor(bits))
    close(dense.gather(1, index.cpu()), wanted, 1e-7)  # ties may be dealt otherwise
    asked, _ = tanimoto_neighbours(bits, 3, of=bits[:7], device=device)
    assert asked[:, 0].tolist() == list(range(7))


def test_propagation(device):
    """Features [40, 3], half of them missing: 1e-5; what is known comes back bit for bit."""
    rng = np.random.default_rng(0)
    bits, x = rng.random((40, 64)) < 0.3, torch.as_tensor(rng.standard_normal((40, 3)), dtype=torch.float32)
    known = torch.arange(40) % 2 == 0
    found = {}
    for where in ("cpu", device):
        graph = Graph.from_neighbours(*tanimoto_neighbours(bits, 4, device=where))
        filled = propagate(graph, x.to(where), known.to(where), anchor=0.1, normalise="row")
        found[where] = filled, dirichlet_energy(graph, filled)
    assert found[device][0].shape == (40, 3)
    assert torch.equal(found[device][0].cpu()[known], x[known])
    close(found[device][0], found["cpu"][0], 1e-5)
    close(found[device][1], found["cpu"][1], 0.0, 1e-5)


def test_tree_vq(device):
    """Latents [30, 8] through three levels: paths alike, loss and gradient 1e-5, idle codes revived to the same."""
    torch.manual_seed(0)
    plain, z = TreeVQ(3, 8), torch.randn(30, 8)
    there = TreeVQ(3, 8)
    there.load_state_dict(plain.state_dict())
    found = []
    for tree, latent in ((plain, z.clone()), (there.to(device), z.to(device))):
        given = latent.requires_grad_()
        told = tree(given)
        (told.levels.sum() + told.loss).backward()
        revived = tree.revive(given.detach(), torch.Generator().manual_seed(0), share=0.5)
        found.append((told, given.grad, revived, [e.detach() for e in tree.codes]))
    (wanted, slope, count, codes), (told, own, revived, others) = found
    assert told.path.cpu().tolist() == wanted.path.tolist()
    assert told.levels.shape == (30, 3, 8)
    assert revived == count > 0
    for one, other in ((told.loss, wanted.loss), (own, slope), *zip(others, codes, strict=True)):
        close(one, other, 1e-5)


@pytest.mark.parametrize("loss", [lambda a, b: info_nce(a, b, chunk=7), lambda a, b: vicreg(a, b).total()])
def test_alignment_losses(device, loss):
    """Latents [20, 8] in chunks of seven, value and gradients: 1e-5."""
    give, found = torch.Generator().manual_seed(0), []
    a, b = torch.randn(20, 8, generator=give), torch.randn(20, 8, generator=give)
    for where in ("cpu", device):
        one, other = (x.to(where).requires_grad_() for x in (a, b))
        value = loss(one, other)
        found.append((value, *torch.autograd.grad(value, (one, other))))
    for ours, theirs in zip(found[1], found[0], strict=True):
        close(ours, theirs, 1e-5)


def test_a_step_of_pretraining(device):
    """Twelve molecules, all modalities, forward and backward: loss and every gradient 1e-4 relative."""
    plain, given = batch()
    there = CHMR.from_features(plain.features, CONFIG, 0)
    there.load_state_dict(plain.state_dict())
    there = there.to(device)
    wanted, parts = plain.train().loss(given, torch.Generator().manual_seed(0))
    found, ours = there.train().loss(moved(given, device), torch.Generator().manual_seed(0))
    close(found, wanted, 0.0, 1e-4)
    assert ours.keys() == parts.keys() == {"align", "tree", "reconstruct"}
    wanted.backward()
    found.backward()
    slopes_close(there, plain, 1e-5, 1e-4)


@pytest.mark.gpu
def test_the_same_seed_gives_the_same_numbers(cuda):
    """The loss of a step, twice: 1e-6 relative. Atoms are summed in any order, so not to the last bit."""
    plain, given = batch()
    model, there = plain.to(cuda), moved(given, cuda)
    first, second = (model.loss(there, torch.Generator().manual_seed(0))[0] for _ in range(2))
    close(first, second, 0.0, 1e-6)


@pytest.mark.gpu
def test_half_precision(cuda):
    """Latents [12, 3, 16] under bfloat16 autocast: .05 of the largest from float32."""
    plain, given = batch()
    model, x = plain.eval().to(cuda), moved(given, cuda)
    with torch.no_grad():
        full = model.latents(x.bits, x.graph, x.shape)
        with torch.autocast(cuda, torch.bfloat16):
            half = model.latents(x.bits, x.graph, x.shape)
    assert half.shape == (12, 3, 16)
    assert not torch.equal(half.float(), full)
    close(half, full, 0.05 * float(full.abs().max()))


@pytest.mark.gpu
def test_mixed_precision_pretrains_nearly_the_same_model(cuda, monkeypatch):
    """Losses of 20 steps in bfloat16: 5 % from float32, and falling."""
    monkeypatch.setattr(devices, "_current", cuda)
    data, said = study.material(planted(64), 0.3, 0), {}
    for precision in ("float32", "bfloat16"):
        said[precision] = []
        schedule = Training(steps=20, learning_rate=1e-3, log_every=19)
        halved.pretrain(
            data, CHMRConfig(width=16, layers=1), schedule, 32, report=said[precision].append, precision=precision
        )
    full, half = ([progress.loss for progress in one] for one in said.values())
    np.testing.assert_allclose(half, full, rtol=0.05)
    assert half[-1] < half[0]
