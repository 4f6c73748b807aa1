"""Several notebooks of a run at once: the same numbers, and nothing that outlives the run."""

import signal
import time
from pathlib import Path

import pytest
from small_study import FIGURE, reports, start, wait_for, write

from hmlm_lib import run as module
from hmlm_lib.errors import RunError
from hmlm_lib.run import run


def test_notebooks_beside_each_other_give_the_same_and_the_first_to_end_is_said_first(study, capsys):
    run()
    alone = (reports(study) / "metrics.json").read_text()
    write(study, "01_good", "import time; time.sleep(4)", FIGURE.format(name="01_good"))
    capsys.readouterr()
    assert run(force=True, jobs=2) == []
    said = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert said == ["02_also", "01_good"]
    assert (reports(study) / "metrics.json").read_text() == alone
    write(study, "02_also", "raise ValueError('the reason')")
    assert run(force=True, jobs=3) == ["02_also"]
    assert "[2/2] 02_also ... FAILED: ValueError in cell 3: the reason" in capsys.readouterr().out
    with pytest.raises(RunError, match="0 notebooks at once; allowed: 1 or more"):
        run(jobs=0)


def test_a_full_disk_ends_a_run_of_several_and_keeps_what_the_other_makes(study, monkeypatch):
    def full(item, *_):
        if item.name == "01_good":
            raise RunError("01_good: No space left on device")
        return made(item, *_)

    made = module.execute
    monkeypatch.setattr(module, "execute", full)
    with pytest.raises(RunError, match="No space left"):
        run(jobs=2)
    assert (reports(study) / "records" / "02_also.json").exists()


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
