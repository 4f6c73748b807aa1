import functools
import hashlib
import http.server
import threading
from dataclasses import replace

import pytest

from hmlm_lib import data
from hmlm_lib.__main__ import main
from hmlm_lib.errors import DataUnavailable
from hmlm_lib.paths import ROOT

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


def test_a_list_says_that_nothing_was_downloaded(item, tmp_path, capsys):
    assert main(["fetch"]) == 0
    assert [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()] == [
        ["toy", "to download"],
        ["local", "only from HMLM_DATA_DIR"],
        ["nothing", "downloaded; name one or more, or `fetch --all`"],
    ]
    assert files(tmp_path / "cache") == []


def test_all_is_what_has_an_address_and_one_failure_does_not_stop_the_rest(server, item, tmp_path, monkeypatch, capsys):
    known = {"gone": replace(item, name="gone", file="gone.csv", path="gone.csv"), **data._sources()}
    monkeypatch.setattr(data, "_sources", lambda: known)
    assert main(["fetch", "--all"]) == 2
    out, error = capsys.readouterr()
    assert "gone cannot be downloaded" in out
    assert error == "error: 1 of 2 data sets are not here; the same command tries again\n"
    assert files(tmp_path / "cache") == ["networks/toy.csv"]
    del known["gone"]
    assert main(["fetch", "--all"]) == 0
    assert main(["fetch", "--all", "toy"]) == 2
    assert "names beside --all" in capsys.readouterr().err


def test_advice_names_what_is_missing_and_where_it_can_be_had(item, tmp_path):
    assert data.advice(["toy", "local", "toy"]) == "`python -m hmlm_lib fetch toy`; only from HMLM_DATA_DIR: local"
    assert data.advice(["local"]) == "only from HMLM_DATA_DIR: local"
    (tmp_path / "cache" / "networks").mkdir(parents=True)
    (tmp_path / "cache" / item.file).write_bytes(CONTENT)
    assert data.advice(["toy"]) == ""


def test_the_readme_says_how_many_have_a_public_address():
    public, every = len(data.public()), len(data.names())
    assert f"{public} of the {every} data sets have a public address" in (ROOT / "README.md").read_text()
