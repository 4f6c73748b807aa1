import functools
import hashlib
import http.server
import threading
from dataclasses import replace

import pytest

from hmlm_lib import data
from hmlm_lib.errors import DataUnavailable

# The download library leaves its socket to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CONTENT = b"species,activity\nsmad3,0.5\n"


@pytest.fixture
def item(tmp_path, monkeypatch):
    """One data set whose public address is a server on this machine; no folder, an empty cache."""
    monkeypatch.delenv("HMLM_DATA_DIR", raising=False)
    monkeypatch.setenv("HMLM_CACHE_DIR", str(tmp_path / "cache"))
    digest = hashlib.sha256(CONTENT).hexdigest()
    item = data.Source("toy", "networks/toy.csv", "owner/repository", "c0ffee", "some folder/toy.csv", digest, "", "")
    monkeypatch.setattr(data, "_sources", lambda: {"toy": item, "local": replace(item, name="local", path="")})
    public = tmp_path / "public" / "owner" / "repository" / "c0ffee" / "some folder"
    public.mkdir(parents=True)
    (public / "toy.csv").write_bytes(CONTENT)
    return item


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch, item):
    handler = functools.partial(Quiet, directory=tmp_path / "public")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        monkeypatch.setenv("HMLM_DATA_URL", f"http://127.0.0.1:{running.server_port}")
        yield tmp_path / "public"
        running.shutdown()
        thread.join()


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


def test_download_once_then_from_the_cache(server, tmp_path):
    assert data.state("toy") == "to download"
    path = data.fetch("toy")
    assert path.read_bytes() == CONTENT
    assert files(tmp_path / "cache") == ["networks/toy.csv"]
    (server / "owner/repository/c0ffee/some folder/toy.csv").unlink()
    assert data.fetch("toy") == path
    assert data.state("toy") == "cached"
    assert data.available("toy")


def test_wrong_content_is_refused_and_leaves_nothing(server, tmp_path):
    (server / "owner/repository/c0ffee/some folder/toy.csv").write_bytes(b"something else")
    with pytest.raises(DataUnavailable, match=r"toy cannot be downloaded.*set HMLM_DATA_DIR"):
        data.fetch("toy")
    assert files(tmp_path / "cache") == []


def test_missing_at_the_source(server, tmp_path):
    (server / "owner/repository/c0ffee/some folder/toy.csv").unlink()
    with pytest.raises(DataUnavailable, match="404") as caught:
        data.fetch("toy")
    assert "some%20folder/toy.csv" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert files(tmp_path / "cache") == []


def test_offline_says_what_to_set(item, monkeypatch):
    monkeypatch.setenv("HMLM_DATA_URL", "http://127.0.0.1:9")
    with pytest.raises(DataUnavailable, match=r"set HMLM_DATA_DIR to a folder that holds networks/toy.csv"):
        data.fetch("toy")


def test_the_users_folder_comes_first_and_is_checked(item, tmp_path, monkeypatch):
    monkeypatch.setenv("HMLM_DATA_DIR", str(tmp_path / "mine"))
    with pytest.raises(DataUnavailable, match="mine, which is not a folder"):
        data.fetch("toy")
    (tmp_path / "mine" / "networks").mkdir(parents=True)
    path = tmp_path / "mine" / "networks" / "toy.csv"
    path.write_bytes(CONTENT)
    assert data.fetch("toy") == path
    path.write_bytes(b"damaged")
    with pytest.raises(DataUnavailable, match=r"toy.csv: sha256 is .* expected"):
        data.fetch("toy")


def test_a_damaged_cache_is_named(server, tmp_path):
    path = data.fetch("toy")
    path.write_bytes(b"damaged")
    with pytest.raises(DataUnavailable, match=r"the file is damaged or another version, remove it"):
        data.fetch("toy")


def test_without_a_public_address(item):
    assert data.state("local") == "only from HMLM_DATA_DIR"
    with pytest.raises(DataUnavailable, match="local has no public address"):
        data.fetch("local")


def test_registry_is_well_formed():
    assert len(data.names()) == len(set(data.names())) == 80
    for name in data.names():
        item = data.source(name)
        assert len(item.sha256) == 64
        assert bool(item.path) == bool(item.commit) == bool(item.repository)
        assert not item.path or len(item.commit) == 40


@pytest.mark.data
def test_every_registered_file_has_its_checksum(real_data):
    for name in data.names():
        assert data.fetch(name).is_file()
