"""Writing that is cut off: by a kill, a disk that is full, a bit that flipped afterwards."""

import json
import os
import random
import resource
from contextlib import contextmanager

import pytest
from breaking import kills
from breaking.whole import half_written, temporary

from hmlm_lib import data, run
from hmlm_lib.errors import DataUnavailable, HmlmError, RunError
from hmlm_lib.evaluation import rows
from hmlm_lib.files import as_json, sha256, stamped, unstamped

ROW = {"setting": "toy", "model": "hmlm", "seed": 0, "code": "ab", "values": {"A/mse_all": 0.1}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    return tmp_path


@contextmanager
def room_for(size):
    """No file may grow beyond `size` bytes: what a full disk does, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_row_after_half_a_row_is_not_lost(folder):
    rows.add_row("toy", ROW)
    with (folder / "toy.jsonl").open("a") as file:
        file.write('{"model": "hm')  # a run was killed here
    rows.add_row("toy", ROW | {"seed": 1})
    assert [row["seed"] for row in rows.read_rows("toy")] == [0, 1]


def test_a_row_that_does_not_fit_leaves_nothing(folder):
    rows.add_row("toy", ROW)
    before = (folder / "toy.jsonl").read_bytes()
    with room_for(len(before) + 30), pytest.raises(HmlmError, match=r"toy\.jsonl: cannot be written"):
        rows.add_row("toy", ROW | {"seed": 1})
    assert (folder / "toy.jsonl").read_bytes() == before
    rows.add_row("toy", ROW | {"seed": 1})
    assert [row["seed"] for row in rows.read_rows("toy")] == [0, 1]


NO_ROWS = [
    b"[]", b"3", b'{"model": "a"}', b"\xff", b'{"seed": ' + b"[" * 9000, rows.as_line(ROW | {"seed": "0"}),
    json.dumps(ROW | {"seed": 1}).encode(),  # without its check
]  # fmt: skip


@pytest.mark.parametrize("line", NO_ROWS)
def test_lines_that_are_no_rows_are_skipped(folder, line):
    (folder / "toy.jsonl").write_bytes(line + b"\n" + rows.as_line(ROW))
    assert rows.read_rows("toy") == [ROW]


def test_a_row_with_another_digit_is_dropped(folder):
    rows.add_row("toy", ROW)
    path = folder / "toy.jsonl"
    path.write_text(path.read_text().replace("0.1", "0.2"))
    assert rows.read_rows("toy") == []


def test_rows_that_cannot_be_read_are_one_error(folder):
    (folder / "toy.jsonl").mkdir()
    with pytest.raises(HmlmError, match=r"toy\.jsonl: cannot be read"):
        rows.read_rows("toy")


def test_a_stamp_tells_change_from_none():
    value = {"a": [1, 0.1], "b": {10: "x", 9: None}}
    read = json.loads(as_json(stamped(value)))
    assert unstamped(read) == {"a": [1, 0.1], "b": {"10": "x", "9": None}}
    assert unstamped(read | {"a": [1, 0.2]}) is None
    assert unstamped({"a": 1}) is None
    assert unstamped(None) is None


def whole(output_dir, monkeypatch):
    """A notebook that has been executed, as its record says."""
    monkeypatch.setenv("HMLM_NOTEBOOKS_DIR", str(kills.small_notebooks(output_dir / "notebooks")))
    item = run.plan(run.select(["01"]), "quick", {}, "cpu", 0, "code")[0]
    reports = output_dir / "reports" / "quick"
    (reports / "records").mkdir(parents=True)
    (reports / "01_one.html").write_text("page")
    made = {"input_hash": item.input_hash, "outputs": {"reports/quick/01_one.html": sha256(reports / "01_one.html")}}
    made |= {"parameters": {}, "seconds": 1.0, "metrics": {"01_one/a/b/c": {"mean": 1.5, "sd": 0.0, "n": 1}}}
    path = reports / "records" / "01_one.json"
    path.write_text(as_json(stamped(made)))
    return item, reports, path


def test_a_damaged_record_means_another_execution_and_no_wrong_number(output_dir, monkeypatch):
    item, reports, path = whole(output_dir, monkeypatch)
    assert run.is_whole(item, reports)
    text, rng = path.read_text(), random.Random(0)
    for _ in range(100):
        at = rng.randrange(len(text) - 1)
        path.write_text(rng.choice((text[:at], text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :])))
        assert not run.is_whole(item, reports)
        run._summarize(reports, "quick", "code")
        assert json.loads((reports / "metrics.json").read_text()) == {}


def test_what_a_killed_run_was_writing_is_cleared(output_dir, monkeypatch):
    _, reports, path = whole(output_dir, monkeypatch)
    figures = output_dir / "figures"
    figures.mkdir()
    for place in (
        reports / ".metrics.json.77.tmp", reports / ".running-01_one.ipynb", reports / ".writable",
        reports / "records" / ".01_one.json.77.tmp", figures / "..writable.77.tmp", figures / ".01_one.77.png",
        figures / ".writable",
    ):  # fmt: skip
        place.write_text("half")
    (figures / "01_one.csv").write_text("a\n1\n")
    run._clear(reports)
    assert temporary(output_dir) == []
    assert path.exists()
    assert (figures / "01_one.csv").exists()


def test_a_disk_that_fills_up_leaves_no_half_notebook(output_dir, monkeypatch):
    item, reports, _ = whole(output_dir, monkeypatch)

    def full(_, running, staged):
        running.write_text('{"cells": [')
        staged.write_text("{")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(run, "_papermill", full)
    with pytest.raises(RunError, match="01_one: No space left on device; what was finished before is kept"):
        run.execute(item, reports)
    assert temporary(output_dir) == []


def test_data_that_cannot_be_opened_is_one_error(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "sha256", lambda path: sha256(tmp_path / "missing"))
    with pytest.raises(DataUnavailable, match=r"toy\.csv: cannot be read \(No such file or directory\)"):
        data._checked(tmp_path / "toy.csv", data.source(data.names()[0]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("a.svg", b"<svg>"),
        ("a.csv", b"a,b\n1,2\n3"),
        ("a.json", b'{"a": 1'),
        ("a.jsonl", b'{"a": 1}\n{"a"'),
        ("a.html", b"<html>"),
        ("a.ipynb", b'{"cells": []'),
    ],
)
def test_half_written_files_are_found(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert [line.split(":")[0] for line in half_written(tmp_path)] == [name]
