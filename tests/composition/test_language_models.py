"""TinyLM: what it reads, what it refuses, and that padding, freezing and files change no number."""

import shutil

import numpy as np
import pytest
import torch

from hmlm_lib.composition import checkpoint
from hmlm_lib.composition.attention import Attention, leaky, masked, scores
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.pretrain import hide, pretrain, surprise
from hmlm_lib.composition.residues import MASK, PAD, Vocabulary
from hmlm_lib.errors import ModelError, SequenceError
from hmlm_lib.training import Training

SMALL = TinyConfig(width=16, depth=3, heads=2, inner=16, vocabulary=Vocabulary(longest=20))


@pytest.fixture(scope="module")
def model():
    return TinyLM.from_seed(0, SMALL).eval()


def test_padding_changes_nothing(model):
    alone = model.encode(model.tokens(["SIINFEKL"]))
    padded = model.encode(model.tokens(["SIINFEKL", "GILGFVFTLAA"]))
    for one, other in zip(alone, padded, strict=True):
        torch.testing.assert_close(one[0], other[0, :8], atol=1e-6, rtol=1e-5)


def test_masked_weights_are_those_of_the_unpadded_sequence_and_leaky_ones_are_not():
    torch.manual_seed(0)
    query, key = torch.randn(1, 4, 8), torch.randn(1, 6, 8)
    exists = torch.tensor([[True] * 4 + [False] * 2])
    plain = scores(query, key[:, :4], 2).softmax(-1)
    weight = masked(scores(query, key, 2), exists)
    torch.testing.assert_close(weight[..., :4], plain)
    assert (weight[..., 4:] == 0).all()
    assert leaky(scores(query, key, 2), exists)[..., 4:].sum(-1).max() > 0.1


def test_attention_is_that_of_torch():
    torch.manual_seed(0)
    own, peer = Attention(16, 4), torch.nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        peer.in_proj_weight.copy_(torch.cat([own.query.weight, own.key.weight, own.value.weight]))
        peer.in_proj_bias.copy_(torch.cat([own.query.bias, own.key.bias, own.value.bias]))
        peer.out_proj.load_state_dict(own.out.state_dict())
    to, of = torch.randn(3, 5, 16), torch.randn(3, 7, 16)
    exists = torch.arange(7) < torch.tensor([[7], [4], [1]])
    expected, weight = peer(to, of, of, key_padding_mask=~exists, average_attn_weights=False)
    found, seen = own(to, of, exists)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(seen, weight)
    torch.testing.assert_close(seen.sum(-1), torch.ones(3, 4, 5))


def test_encode_is_layer_after_layer(model):
    tokens = model.tokens(["SIINFEKL", "GIL"])
    states = model.encode(tokens)
    for i in range(model.depth):
        torch.testing.assert_close(model.layer(i, states[i], model.exists(tokens)), states[i + 1])


def test_places_are_counted_from_both_ends(model):
    short, long = model.embed(model.tokens(["AAA"])), model.embed(model.tokens(["AAAA"]))
    assert not torch.allclose(short[0, 2], long[0, 2])  # the last of three, the third of four
    swapped = model.from_end.weight[0] - model.from_end.weight[1]
    torch.testing.assert_close(short[0, 2] - long[0, 2], swapped)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (["SIINFEKL", "SIBNFEKL"], r"sequence 1 \(SIBNFEKL\), position 3: residue 'B'; allowed: ACDEFGHIKLMNPQRSTVWY"),
        (["siinfekl"], "residue 's'"),
        (["SIINFEKL", ""], "sequence 1 is empty; allowed: 1 to 20 residues"),
        (["A" * 21], r"sequence 0 .* has 21 residues; allowed: at most 20"),
        ([], "no sequence; allowed: at least one"),
    ],
)
def test_what_it_cannot_read_is_refused(model, sequences, message):
    with pytest.raises(SequenceError, match=message):
        model.tokens(sequences)


def test_sizes_that_make_no_model_are_refused():
    with pytest.raises(ModelError, match=r"width is 10; allowed: a multiple of heads = 3"):
        TinyConfig(width=10, depth=1, heads=3)


def test_hiding_asks_for_a_seventh_and_never_for_padding():
    tokens = Vocabulary().tokens(["SIINFEKLAA"] * 2000 + ["GIL"])
    seen, asked = hide(tokens, 22, torch.Generator().manual_seed(0))
    real = tokens != PAD
    assert not (asked & ~real).any()
    assert 0.13 < asked[real].float().mean() < 0.17
    assert 0.75 < (seen[asked] == MASK).float().mean() < 0.85
    assert (seen[~asked] == tokens[~asked]).all()


def test_pretraining_learns_and_repeats():
    rng = np.random.default_rng(0)
    peptides = ["".join(rng.choice(list("AC"), 4)) * 2 for _ in range(300)]  # the halves are equal
    runs = [pretrain([peptides], SMALL, Training(steps=60, learning_rate=1e-2, seed=1)) for _ in range(2)]
    assert surprise(runs[0], peptides) < 0.8 * surprise(TinyLM.from_seed(1, SMALL), peptides)
    assert surprise(runs[0], peptides) == surprise(runs[1], peptides)
    with pytest.raises(SequenceError, match=r"a kind of sequences"):
        pretrain([peptides, []], SMALL)


def test_a_checkpoint_of_other_sequences_is_not_resumed(tmp_path):
    training = Training(steps=4, seed=1, checkpoint=tmp_path / "lm.part", checkpoint_every=2)
    pretrain([["ACDEFGHIK"]], SMALL, training)
    with pytest.raises(ModelError, match=r"lm.part.* other data"):
        pretrain([["WYVTWYVTW"]], SMALL, training)


def test_a_file_gives_the_same_model(model, tmp_path):
    again = checkpoint.load(checkpoint.save(model, tmp_path / "lm.safetensors"))
    assert again.config == model.config
    tokens = model.tokens(["SIINFEKL"])
    torch.testing.assert_close(again(tokens), model(tokens))
    assert not any(p.requires_grad for p in again.parameters())


def test_shipped_models_are_the_recorded_ones_and_small(monkeypatch, tmp_path):
    assert set(checkpoint.listed()) == {"planted", "transphla"}
    assert [checkpoint.shipped(name).width for name in ("planted", "transphla")] == [32, 64]
    assert sum(path.stat().st_size for path in checkpoint.FOLDER.rglob("*.*")) < 2e6
    with pytest.raises(ModelError, match=r"no shipped model 'plantd' .did you mean 'planted'"):
        checkpoint.shipped("plantd")
    shutil.copytree(checkpoint.FOLDER, tmp_path / "copy")
    damaged = tmp_path / "copy" / "planted" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\0")
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path / "copy")
    with pytest.raises(ModelError, match=r"model.safetensors: missing or not the file recorded"):
        checkpoint.shipped("planted")
