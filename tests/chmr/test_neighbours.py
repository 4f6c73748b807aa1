"""Exact Tanimoto neighbours: as RDKit counts them, in any chunks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit.DataStructs import BulkTanimotoSimilarity, CreateFromBitString

from hmlm_lib.chmr import neighbours
from hmlm_lib.chmr.neighbours import packed, tanimoto_neighbours
from hmlm_lib.errors import MoleculeError, RunError


def random_bits(seed, size, bits=128, share=0.2):
    return np.random.default_rng(seed).random((size, bits)) < share


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.02, 0.2, 0.7]), k=st.integers(1, 8))
def test_similarities_are_those_of_rdkit(seed, share, k):
    bits = random_bits(seed, 30, share=share)
    theirs = [CreateFromBitString("".join("01"[int(b)] for b in row)) for row in bits]
    index, value = tanimoto_neighbours(bits, k)
    for i, fingerprint in enumerate(theirs):
        all_of = np.array(BulkTanimotoSimilarity(fingerprint, theirs))
        all_of[i] = -1
        if not bits[i].any():
            all_of[[j for j in range(30) if j != i]] = 0  # two empty fingerprints: 0 by our convention
        assert np.allclose(np.sort(all_of)[::-1][:k], value[i], atol=1e-6)
        assert np.allclose(all_of[index[i]], value[i], atol=1e-6)
        assert len(set(index[i].tolist())) == k


def test_chunks_and_packing_change_nothing(monkeypatch):
    bits = random_bits(0, 50)
    whole = tanimoto_neighbours(bits, 5)
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 4 * 50 * 7)
    for found in (tanimoto_neighbours(bits, 5), tanimoto_neighbours(packed(bits), 5)):
        assert torch.equal(found[1], whole[1])


def test_many_bits_are_counted_exactly():
    bits = random_bits(1, 12, bits=4096, share=0.5)  # two thousand bits set: beyond bfloat16's exact integers
    both, either = (bits[:, None] & bits).sum(-1), (bits[:, None] | bits).sum(-1)
    expected = both / either - 2 * np.eye(12)
    assert np.allclose(tanimoto_neighbours(bits, 3)[1], np.sort(expected)[:, ::-1][:, :3], atol=1e-7)


def test_asking_about_other_molecules_may_find_the_same():
    bits = random_bits(2, 20)
    index, value = tanimoto_neighbours(bits, 1, of=bits[3:5])
    assert index[:, 0].tolist() == [3, 4]
    assert value[:, 0].tolist() == [1.0, 1.0]


def test_bad_input_is_named():
    bits = random_bits(0, 4)
    with pytest.raises(MoleculeError, match="k is 4; allowed: 1 to 3"):
        tanimoto_neighbours(bits, 4)
    with pytest.raises(MoleculeError, match="fingerprints have 64 and 128 bits"):
        tanimoto_neighbours(bits, 1, of=bits[:, :64])
    with pytest.raises(MoleculeError, match=r"torch.float64 of shape \(4, 128\); allowed: bool"):
        tanimoto_neighbours(bits.astype(float), 1)


def test_the_device_is_chosen_as_everywhere(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bits = random_bits(0, 6)
    assert torch.equal(tanimoto_neighbours(bits, 2, device="auto")[1], tanimoto_neighbours(bits, 2)[1])
    for wrong, message in (("gpu", "no device 'gpu'"), ("cuda", "finds no CUDA device")):
        with pytest.raises(RunError, match=message):
            tanimoto_neighbours(bits, 2, device=wrong)
