"""Models of the hub: tiny random ones, saved locally and loaded as the real ones are."""

import pytest
import torch

from hmlm_lib.composition.compose import ComposeConfig, Composition, spread
from hmlm_lib.composition.hub import HubLM
from hmlm_lib.composition.states import frozen
from hmlm_lib.errors import DataUnavailable, ModelError, SequenceError

transformers = pytest.importorskip("transformers", reason="the extra `hub` (transformers) is not installed")

ESM_TOKENS = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO", ".", "-", "<null_1>", "<mask>"]
SMILES_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"CNOFSc1n=()[]"]


@pytest.fixture(scope="module")
def esm(tmp_path_factory):
    """ESM-2's own classes, two layers of width 16."""
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
