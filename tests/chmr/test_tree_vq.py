"""Tree-VQ: paths obey the tree, gradients pass straight through, dead codes come back."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmlm_lib.chmr.tree_vq import TreeVQ, perplexity, similarity_bound, unit, usage
from hmlm_lib.errors import MoleculeError


def tree(seed=0, depth=6, width=16):
    torch.manual_seed(seed)
    return TreeVQ(depth, width)


def test_a_tree_of_depth_two_by_hand():
    vq = tree(depth=2, width=2)
    angles = [torch.tensor([0.0, 180.0]), torch.tensor([20.0, -20.0, 160.0, 200.0])]
    with torch.no_grad():
        for codes, angle in zip(vq.codes, angles, strict=True):
            codes.copy_(torch.stack([torch.cos(angle.deg2rad()), torch.sin(angle.deg2rad())], 1))
    z = 3 * torch.tensor([[math.cos(0.3), math.sin(0.3)], [math.cos(3.0), -math.sin(3.0)]])
    found = vq(z)
    assert found.path.tolist() == [[0, 0], [1, 3]]
    assert torch.allclose(found.levels[0, 1], 3 * vq.codes[1][0])
    gaps = [1 - math.cos(0.3), 1 - math.cos(math.radians(20) - 0.3)]
    gaps += [1 - math.cos(math.pi - 3.0), 1 - math.cos(math.radians(20) - (math.pi - 3.0))]
    assert found.loss.item() == pytest.approx(1.25 * sum(gaps) / 4, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_code_is_a_child_of_the_one_above_and_the_better_of_two(seed):
    vq, z = tree(seed), torch.randn(50, 16, generator=torch.Generator().manual_seed(seed))
    path = vq.path(z)
    assert torch.equal(path[:, 1:] // 2, path[:, :-1])
    for level, codes in enumerate(vq.codes):
        likeness = unit(z) @ unit(codes).T
        own, sibling = (likeness.gather(1, p[:, None]) for p in (path[:, level], path[:, level] ^ 1))
        assert (own >= sibling - 1e-6).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.floats(0.05, 2.0))
def test_the_bound_holds_for_every_pair_that_shares_a_code(seed, spread):
    vq = tree(seed)
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(4, 16, generator=generator).repeat(10, 1) + spread * torch.randn(40, 16, generator=generator)
    path, direction = vq.path(z), unit(z)
    between = direction @ direction.T
    for level, codes in enumerate(vq.codes):
        own = (direction * unit(codes)[path[:, level]]).sum(1)
        alpha = torch.minimum(own[:, None], own)
        same = path[:, level, None] == path[:, level]
        bound = torch.where(alpha >= 0, 2 * alpha.square() - 1, -1.0)
        assert (between[same] >= bound[same] - 1e-5).all()
    assert similarity_bound(1.0) == 1.0
    assert similarity_bound(-0.5) == -1.0


def test_the_gradient_passes_straight_through_and_reaches_the_codes():
    vq = tree()
    z = torch.randn(20, 16, requires_grad=True)
    pull = torch.randn(20, 6, 16)
    (vq(z).levels * pull).sum().backward()
    assert torch.allclose(z.grad, pull.sum(1), atol=1e-6)
    assert all(codes.grad is None for codes in vq.codes)
    vq(z).loss.backward()
    assert all(codes.grad.abs().sum() > 0 for codes in vq.codes)


def test_training_uses_all_codes_and_revival_ends_a_collapse():
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(200, 16, generator=generator)
    vq = tree(depth=5)
    with torch.no_grad():
        for codes in vq.codes:
            codes[1::2] = -centres.mean(0)  # one side of every pair far from all data
            codes[::2] = centres.mean(0)
    optimiser = torch.optim.Adam(vq.parameters(), lr=0.02)
    for step in range(150):
        z = centres[torch.randint(200, (128,), generator=generator)]
        z = z + 0.1 * torch.randn(z.shape, generator=generator)
        optimiser.zero_grad()
        vq(z).loss.backward()
        optimiser.step()
        if step % 15 == 14 and step < 120:
            vq.revive(z, generator)
    path = vq.path(centres)
    assert min(usage(path)) >= 0.9
    assert perplexity(path)[-1] > 0.6 * 32


def test_perplexity_counts_codes_that_are_used_alike():
    path = torch.tensor([[0, 0], [0, 1], [1, 2], [1, 2]])
    assert perplexity(path) == pytest.approx([2.0, math.exp(1.5 * math.log(2))])
    assert usage(path) == [1.0, 0.75]


def test_counts_are_kept_in_training_only():
    vq = tree()
    vq.eval()
    vq(torch.randn(5, 16))
    assert vq.uses(0).sum() == 0
    vq.train()
    vq(torch.randn(5, 16))
    assert vq.uses(5).sum() == 5


def test_bad_input_is_named():
    with pytest.raises(MoleculeError, match="depth = 0, width = 4"):
        TreeVQ(0, 4)
    with pytest.raises(MoleculeError, match="no latent vector"):
        tree()(torch.zeros(0, 16))


def test_a_flat_codebook_is_a_tree_of_one_level():
    torch.manual_seed(0)
    vq = TreeVQ(1, 8, branch=30)
    z = torch.randn(200, 8)
    nearest = (unit(z) @ unit(vq.codes[0]).T).argmax(1)
    assert torch.equal(vq.path(z)[:, 0], nearest)
    assert usage(vq.path(z), branch=30) == [len(nearest.unique()) / 30]
    with torch.no_grad():
        vq.codes[0][5:] = -unit(z.mean(0))  # far from everybody
    z = z + 4 * unit(z.mean(0))
    before = usage(vq.train().path(z), 30)[0]
    vq(z)
    assert vq.revive(z, torch.Generator().manual_seed(0)) > 0
    assert usage(vq.path(z), 30)[0] > before
