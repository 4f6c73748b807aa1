"""Models of the hub: tiny random ones, saved locally and loaded as the real ones are."""

from dataclasses import replace

import pytest
import torch

from hmlm_lib.composition import encoders, record
from hmlm_lib.composition.compose import ComposeConfig, Composition, spread
from hmlm_lib.composition.hub import HubLM
from hmlm_lib.composition.pairs import splits
from hmlm_lib.composition.planted import planted
from hmlm_lib.composition.states import frozen
from hmlm_lib.errors import DataUnavailable, ModelError, SequenceError
from hmlm_lib.evaluation import benchmark

transformers = pytest.importorskip("transformers", reason="the extra `hub` (transformers) is not installed")

ESM_TOKENS = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO", ".", "-", "<null_1>", "<mask>"]
SMILES_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"CNOFSc1n=()[]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """ESM-2's own classes, two layers of width 16, saved."""
    folder = tmp_path_factory.mktemp("esm")
    (folder / "vocab.txt").write_text("\n".join(ESM_TOKENS))
    transformers.EsmTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.EsmConfig(
        vocab_size=len(ESM_TOKENS), mask_token_id=32, pad_token_id=1, hidden_size=16, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=32, max_position_embeddings=22, position_embedding_type="rotary",
        token_dropout=True, emb_layer_norm_before=False, attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0,
    )  # fmt: skip
    transformers.EsmModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def esm(folder):
    return HubLM.load(str(folder))


@pytest.fixture(scope="module")
def smiles(tmp_path_factory):
    """An encoder of another family, width and depth: MoLFormer's own class comes with its weights from the hub."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path_factory.mktemp("smiles")
    raw = Tokenizer(models.WordLevel({t: i for i, t in enumerate(SMILES_TOKENS)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    raw.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = transformers.RobertaConfig(
        vocab_size=len(SMILES_TOKENS), pad_token_id=1, hidden_size=24, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=40, attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0,
    )  # fmt: skip
    transformers.RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return HubLM.load(str(folder))


def test_layer_by_layer_is_the_models_own_forward(esm):
    tokens = esm.tokens(["LAGVSE", "KQ"])
    states = esm.encode(tokens)
    with torch.no_grad():
        own = esm.model(input_ids=tokens, attention_mask=esm.exists(tokens).long()).last_hidden_state
    mine = esm.model.encoder.emb_layer_norm_after(states[-1])
    assert (esm.width, esm.depth, len(states)) == (16, 2, 3)
    torch.testing.assert_close(mine[esm.exists(tokens)], own[esm.exists(tokens)])


def test_padding_changes_nothing(esm, smiles):
    for model, short, long in ((esm, "KQ", "LAGVSERT"), (smiles, "CO", "CCNC(=O)C")):
        alone = model.encode(model.tokens([short]))[-1][0]
        padded = model.encode(model.tokens([short, long]))[-1][0, : len(alone)]
        torch.testing.assert_close(alone, padded, atol=1e-5, rtol=1e-4)


def test_two_families_of_other_width_and_depth_compose(esm, smiles):
    model = Composition((smiles, esm), ComposeConfig(spread((3, 2), 2), ("left", "right"), heads=2))
    left = frozen(smiles, ["CCO", "c1cnc1"], model.reads["left"])
    right = frozen(esm, ["LAGV", "KQNFYM"], model.reads["right"])
    logit = model(left, right)
    logit.sum().backward()
    assert logit.shape == (2,)
    assert model.features == 40
    assert all(p.grad is None for part in (esm, smiles) for p in part.parameters())
    assert all(p.grad is not None for name, p in model.named_parameters() if "bridge" in name)


@pytest.mark.parametrize(
    ("sequence", "message"), [("LA7G", "holds '7'"), ("", "empty"), ("L" * 21, "21 tokens; allowed: at most 20")]
)
def test_what_it_cannot_read_is_refused(esm, sequence, message):
    with pytest.raises(SequenceError, match=message):
        esm.tokens(["LAGV", sequence])


def test_a_smiles_token_outside_the_vocabulary_is_named(smiles):
    with pytest.raises(SequenceError, match=r"holds 'Q'"):
        smiles.tokens(["CCQ"])


def test_a_hub_out_of_reach_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # the variable is read at import
    with pytest.raises(
        DataUnavailable, match=r"neither reachable nor cached.*allowed: a machine with the hub in reach"
    ):
        HubLM.load("nobody/nothing-at-all")
    with pytest.raises(ModelError, match=r"did you mean 'esm2_8m'"):
        HubLM.load("esm2_8n")
    with pytest.raises(ModelError, match=r"allowed with trust=True"):
        HubLM.load("molformer")


@pytest.fixture
def few(monkeypatch):
    """Planted pairs in the place of the record's, and two passes over them."""
    parts = splits(planted(4000, 24), 0, train=100, valid=40, test=40, unseen=(4, 4))
    monkeypatch.setattr(record, "question", lambda seed: parts)
    monkeypatch.setattr(record, "FIT", replace(record.FIT, epochs=2))


def test_the_record_reads_with_the_model_that_is_named(few, folder, monkeypatch):
    ours = benchmark.run_one("composition_16k", "composition", 0)
    monkeypatch.setenv(encoders.VARIABLE, str(folder))
    rows = {name: benchmark.run_one("composition_16k", name, 0) for name in ("composition", "composition_untrained")}
    assert ours["values"]["features"] == 128
    assert ours["code"] == benchmark.code("composition_16k", "composition").removesuffix(encoders.mark())
    for name, row in rows.items():
        assert row["values"]["features"] == 32
        assert row["code"] == benchmark.code("composition_16k", name)
        assert row["code"].endswith(encoders.mark())
    assert rows["composition"]["values"]["L/random"] != rows["composition_untrained"]["values"]["L/random"]
    classical = benchmark.code("composition_16k", "one_hot_logistic")
    monkeypatch.delenv(encoders.VARIABLE)
    assert benchmark.code("composition_16k", "one_hot_logistic") == classical


def test_a_beginner_has_other_weights_and_the_same_for_the_same_seed(esm):
    one, same, other = (esm.untrained(seed) for seed in (0, 0, 1))
    tokens = esm.tokens(["LAGV"])
    assert torch.equal(one.encode(tokens)[-1], same.encode(tokens)[-1])
    for model in (esm, other):
        assert not torch.allclose(model.encode(tokens)[-1], one.encode(tokens)[-1])
    assert not any(p.requires_grad for p in one.parameters())
