"""A smaller, seeded number of what `benchmarks/faults.py damage` does."""

import random

import pytest
from breaking import damage

from hmlm_lib.composition import checkpoint, shipped
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.planted import planted
from hmlm_lib.errors import ModelError
from hmlm_lib.training import fingerprint

SOUND = "0 silently wrong, 0 foreign exceptions"


@pytest.mark.parametrize("part", [damage.downloads, damage.features])
def test_damaged_downloads_and_features_are_noticed(part):
    for outcome in part(15, random.Random(1)):
        assert outcome.lost == SOUND, outcome


def test_damaged_checkpoints_are_named():
    for outcome in damage.models(15, random.Random(2)):
        assert outcome.lost == SOUND, outcome
        assert "not naming" not in outcome.happened


def test_damaged_rows_are_dropped_and_the_next_one_is_kept():
    (outcome,) = damage.lines(60, random.Random(3))
    assert outcome.lost == SOUND
    assert "of the added rows lost" not in outcome.happened


def test_a_single_bit_of_a_parameter_is_seen(tmp_path):
    path = checkpoint.save(
        TinyLM.from_seed(0, TinyConfig(width=8, depth=1, heads=2, inner=8)), tmp_path / "a.safetensors"
    )
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.safetensors: damaged; restore it"):
        checkpoint.load(path)


def test_a_checkpoint_without_fingerprint_is_refused_unless_its_file_was_compared(tmp_path, monkeypatch):
    path = checkpoint.place("planted")[0]
    with pytest.raises(ModelError, match="without a sha256, which older versions did not write"):
        checkpoint.load(path)
    assert len(checkpoint.shipped("planted").state_dict()) > 10


def test_the_fingerprint_does_not_depend_on_order():
    tensors = dict(TinyLM.from_seed(0, TinyConfig(width=8, depth=1, heads=2, inner=8)).state_dict())
    turned = dict(reversed(tensors.items()))
    assert fingerprint(tensors, {"a": "1", "b": "2"}) == fingerprint(turned, {"b": "2", "a": "1"})
    assert fingerprint(tensors, {"a": "1"}) != fingerprint(tensors, {"a": "2"})


def test_a_damaged_shipped_model_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path)
    _, config, training = shipped.MADE["planted"]
    short = damage.replace(training, steps=2)
    monkeypatch.setattr(shipped, "MADE", {"planted": (lambda: planted(300, 16), config, short)})
    shipped.make("planted")
    for path in checkpoint.place("planted"):
        path.write_bytes(path.read_bytes()[:-5])
        with pytest.raises(ModelError):
            checkpoint.shipped("planted")
        shipped.make("planted")
        assert checkpoint.shipped("planted").config == config
