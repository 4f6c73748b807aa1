"""Several notebooks of a run at once: the same numbers, and nothing that outlives the run."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from small_study import FIGURE, reports, start, wait_for, write

from hmlm_lib import inputs, paths
from hmlm_lib import run as module
from hmlm_lib.beside import beside
from hmlm_lib.errors import RunError
from hmlm_lib.run import run


def test_notebooks_beside_each_other_give_the_same_and_the_first_to_end_is_said_first(study, capsys):
    run()
    alone = (reports(study) / "metrics.json").read_text()
    write(study, "01_good", "import time; time.sleep(4)", FIGURE.format(name="01_good"))
    capsys.readouterr()
    assert run(force=True, jobs=2) == []
    said = [line.split()[1:3] for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert said == [["01_good", "begins"], ["02_also", "begins"], ["02_also", "..."], ["01_good", "..."]]
    assert (reports(study) / "metrics.json").read_text() == alone
    write(study, "02_also", "raise ValueError('the reason')")
    assert run(force=True, jobs=3) == ["02_also"]
    assert "[2/2] 02_also ... FAILED: ValueError in cell 3: the reason" in capsys.readouterr().out
    with pytest.raises(RunError, match="0 notebooks at once; allowed: 1 or more"):
        run(jobs=0)


def test_the_longest_of_several_begins_first(study, monkeypatch, capsys):
    monkeypatch.setattr(module, "LONGEST", ("02_also",))
    for jobs, order in ((2, ["02_also", "01_good"]), (1, ["01_good", "02_also"])):
        assert run(force=True, jobs=jobs) == []
        said = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
        assert said[:2] == order


def test_notebooks_that_take_long_exist():
    names = {path.stem for path in module.notebooks(paths.ROOT / "notebooks")}
    assert set(module.LONGEST) <= names


def test_a_full_disk_ends_a_run_of_several_and_keeps_and_says_what_the_other_makes(study, monkeypatch, capsys):
    def full(item, *_):
        if item.name == "01_good":
            raise RunError("01_good: No space left on device")
        return made(item, *_)

    made = module.execute
    monkeypatch.setattr(module, "execute", full)
    with pytest.raises(RunError, match="No space left"):
        run(jobs=2)
    assert (reports(study) / "records" / "02_also.json").exists()
    assert re.search(r"\[2/2\] 02_also \.\.\. [\d.]+ s", capsys.readouterr().out)
    assert list(json.loads((reports(study) / "metrics.json").read_text())) == ["02_also/toy/model/score"]


def test_a_process_that_is_killed_is_a_failed_notebook_and_the_others_go_on(study, monkeypatch, capsys):
    def killed(item, folder):
        if item.name == "01_good":
            (folder / ".running-01_good.ipynb").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        return made(item, folder)

    made = module.execute
    monkeypatch.setattr(module, "execute", killed)
    assert run(jobs=2) == ["01_good"]
    out = capsys.readouterr().out
    assert "[1/2] 01_good ... FAILED: its process was killed, or out of memory" in out
    assert (reports(study) / "01_good.failed.ipynb").read_text() == "half"
    assert (reports(study) / "records" / "02_also.json").exists()


@pytest.mark.parametrize("problem", [KeyboardInterrupt, BrokenPipeError])
def test_what_interrupts_between_two_notebooks_waits_for_none(study, monkeypatch, problem):
    def interrupted(*_):
        raise problem

    write(study, "01_good", "import time; time.sleep(600)")
    monkeypatch.setattr(module, "_summarize", interrupted)
    began = time.monotonic()
    with pytest.raises(problem):
        run(jobs=2)
    assert time.monotonic() - began < 120


def test_processes_ask_no_device(study, monkeypatch):
    """A forked process cannot use CUDA where its parent did; the kernels of notebooks are no forks."""
    parent = os.getpid()

    def name():
        if os.getpid() != parent:
            raise RuntimeError("Cannot re-initialize CUDA in forked subprocess")
        return "a device"

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", name)
    assert run(jobs=2) == []
    manifest = json.loads((reports(study) / "manifest.json").read_text())
    assert manifest["notebooks"]["01_good"]["device"] == {"name": "cuda", "why": "a device"}
    assert module.at_once("auto") == 1


def test_jobs_end_in_any_order_no_more_than_asked_at_once_and_errors_come_last(tmp_path):
    def work(name, seconds):
        (tmp_path / name).touch()
        time.sleep(seconds)
        if name == "b":
            raise ValueError("b cannot")
        return len(list(tmp_path.iterdir()))

    begun, found = [], []
    several = beside(work, [("a", 1.5), ("b", 0.1), ("c", 0.1)], 2, begun.append, lambda *_: None)
    with pytest.raises(ValueError, match="b cannot"):
        found.extend((job[0], value) for job, value in several)
    assert [job[0] for job in begun] == ["a", "b"]
    assert found == [("a", 2)]
    got = list(beside(work, [("a", 0.3), ("c", 0.0), ("d", 0.0)], 2, begun.append, lambda *_: None))
    assert [job[0] for job, _ in got] == ["c", "d", "a"]


def test_a_library_that_reads_what_the_user_has_set_runs_anew(study, monkeypatch, tmp_path):
    monkeypatch.delenv("HMLM_CELLS_DIR", raising=False)
    hashes = [inputs.code_hash()]
    cells = tmp_path / "cells"
    cells.mkdir()
    for name, value in (("HMLM_SHAPES", "unimol"), ("HMLM_LANGUAGE_MODEL", "a/b"), ("HMLM_CELLS_DIR", str(cells))):
        monkeypatch.setenv(name, value)
        hashes.append(inputs.code_hash())
    (cells / "GE_feature.npz").write_text("a")
    hashes.append(inputs.library_hash())
    (cells / "GE_feature.npz").write_text("ab")
    hashes.append(inputs.library_hash())
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_notebook_outlives_a_run_of_several(study, ending):
    for name in ("01_good", "02_also"):
        write(study, name, "import os, time; from pathlib import Path",
              f"Path({str(study)!r}, '{name}.pid').write_text(f'{{os.getpid()}}\\n')", "time.sleep(600)")  # fmt: skip
    process = start(study, "--jobs", "2")
    kernels = []
    for name in ("01_good", "02_also"):
        wait_for(study / f"{name}.pid")
        while not (text := (study / f"{name}.pid").read_text()).endswith("\n"):
            time.sleep(0.05)
        kernels.append(int(text))
    process.send_signal(ending)
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in kernels):
        assert time.monotonic() < deadline, "a kernel goes on"
        time.sleep(0.1)
    for name in ("01_good", "02_also"):
        write(study, name, FIGURE.format(name=name))
    assert run(jobs=2) == []
    assert [p.name for p in reports(study).iterdir() if p.name.startswith(".")] == [".locks"]


def alive(pid):
    """Whether a process goes on; one that ended and waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
