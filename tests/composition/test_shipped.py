"""Making the shipped models anew: the same numbers leave the file alone, others replace it and its hash."""

from dataclasses import replace

import pytest

from hmlm_lib.composition import checkpoint, shipped
from hmlm_lib.composition.planted import planted
from hmlm_lib.errors import ModelError


@pytest.fixture
def short(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path)
    _, config, training = shipped.MADE["planted"]
    monkeypatch.setattr(shipped, "MADE", {"planted": (lambda: planted(300, 16), config, replace(training, steps=2))})
    return tmp_path


def test_a_model_made_twice_is_the_same_and_its_file_stays(short, monkeypatch):
    shipped.make("planted")
    path, record = checkpoint.place("planted")
    first, digest = path.stat().st_mtime_ns, record.read_text()
    one = checkpoint.shipped("planted")
    shipped.make("planted")
    assert path.stat().st_mtime_ns == first
    read, config, training = shipped.MADE["planted"]
    monkeypatch.setattr(shipped, "MADE", {"planted": (read, config, replace(training, seed=1))})
    shipped.make("planted")
    assert record.read_text() != digest
    assert not shipped.same(one, checkpoint.shipped("planted"))


def test_held_back_peptides_are_not_read():
    ligands = planted(300, 16)
    peptides, proteins = shipped.material(ligands)
    assert set(map(shipped.pool, peptides)) == {"train"}
    assert len(peptides) < 0.8 * len(ligands.listed)
    assert len(proteins) == 16


def test_unknown_models_are_refused():
    with pytest.raises(ModelError, match=r"no shipped model 'plantd' \(did you mean 'planted'\?\)"):
        shipped.make("plantd")
