"""The mark of a user's own tables: none without them, another for every other content, and what is refused."""

import gzip
import os

import numpy as np
import pytest

from hmlm_lib import files
from hmlm_lib.chmr import cellular, origin
from hmlm_lib.errors import MoleculeError


@pytest.fixture
def tables(tmp_path, monkeypatch):
    for name in ("GE", "CP-JUMP"):
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(b"smiles\nCCO\nCCN\n", mtime=0))
        np.savez(tmp_path / f"{name}_feature.npz", data=np.arange(4.0).reshape(2, 2))
    monkeypatch.setenv(cellular.FOLDER, str(tmp_path))
    return tmp_path


def test_public_tables_have_no_mark(monkeypatch):
    monkeypatch.delenv(cellular.FOLDER, raising=False)
    assert origin.mark() == ""


def test_a_mark_is_of_names_and_contents_alone(tables):
    assert list(cellular.tables()) == ["expression", "morphology_jump"]
    first = origin.mark()
    assert len(first) == 17
    assert first[0] == "-"
    (tables / "README").write_text("read by nobody")
    os.utime(tables / "GE.csv.gz", (1, 1))
    assert origin.mark() == first
    np.savez(tables / "GE_feature.npz", data=np.arange(1.0, 5.0).reshape(2, 2))
    changed = origin.mark()
    np.savez(tables / "GE_feature.npz", data=np.arange(4.0).reshape(2, 2))
    assert origin.mark() == first
    for end in (".csv.gz", "_feature.npz"):
        (tables / f"CP-JUMP{end}").rename(tables / f"CP-Bray{end}")
    assert len({first, changed, origin.mark()}) == 3


def test_a_file_longer_than_a_chunk_counts_whole(tables, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 16)
    files._contents.cache_clear()
    first = origin.mark()
    content = (tables / "GE_feature.npz").read_bytes()
    (tables / "GE_feature.npz").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert origin.mark() != first


def test_a_folder_without_tables_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(cellular.FOLDER, str(tmp_path / "nowhere"))
    with pytest.raises(MoleculeError, match=r"nowhere: none of CP-Bray\.csv\.gz.* is there, though HMLM_CELLS_DIR"):
        origin.mark()


def test_a_table_that_cannot_be_read_is_named(tables, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    files._contents.cache_clear()
    monkeypatch.setattr(type(tables), "open", refuse)
    with pytest.raises(MoleculeError, match=r"CP-JUMP\.csv\.gz: cannot be read \(Permission denied\)"):
        origin.mark()
