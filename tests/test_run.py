import fcntl
import json
import os
import re
import signal
import subprocess
import sys

import papermill
import pytest
from small_study import FIGURE, reports, start, wait_for, write

from hmlm_lib.__main__ import main
from hmlm_lib.device import choose_device
from hmlm_lib.errors import RunError
from hmlm_lib.refresh import refresh
from hmlm_lib.run import plan, run, select


def test_a_run_leaves_notebooks_pages_metrics_and_manifest(study, capsys):
    assert run(given={"level": 0.75}) == []
    out = capsys.readouterr().out
    assert "[1/2] 01_good ..." in out
    assert "[2/2] 02_also ..." in out
    executed = json.loads((reports(study) / "01_good.ipynb").read_text())
    assert "0.75" in json.dumps(executed["cells"][-1]["outputs"])
    assert "<html" in (reports(study) / "01_good.html").read_text().lower()
    metrics = json.loads((reports(study) / "metrics.json").read_text())
    assert metrics["01_good/toy/model/score"] == {"mean": 2.0, "n": 2, "sd": 1.41421}
    manifest = json.loads((reports(study) / "manifest.json").read_text())
    made = manifest["notebooks"]["01_good"]
    assert made["parameters"] == {"profile": "quick", "seed": 0, "device": "auto", "level": 0.75}
    assert made["given"] == {"profile": "quick", "seed": 0, "device": "auto", "level": 0.75}
    assert made["device"] == dict(zip(("name", "why"), choose_device("auto"), strict=True))
    assert "figures/01_good.csv" in manifest["notebooks"]["01_good"]["outputs"]
    assert str(study) not in (reports(study) / "manifest.json").read_text()
    leftovers = [p.name for p in reports(study).iterdir() if p.name.startswith(".")]
    assert leftovers == [".locks"]


@pytest.mark.parametrize("how", [["--device", "cuda"], ["-p", "device=cuda"], ["01", "--device", "cuda"]])
def test_a_device_that_is_not_there_is_said_once_before_anything_runs(study, monkeypatch, capsys, how):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["run", *how]) == 2
    out, err = capsys.readouterr()
    assert err == "error: device 'cuda' was asked for, but PyTorch finds no CUDA device; allowed here: auto, cpu\n"
    assert out == ""
    assert not (study / "reports").exists()


@pytest.mark.parametrize(
    ("how", "line"),
    [([], "device: cpu (no CUDA device found)"), (["-p", "device=cpu"], "device: cpu (asked for)")],
)
def test_the_device_is_said_and_noted_with_its_reason(study, monkeypatch, capsys, how, line):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["run", "01", *how]) == 0
    assert capsys.readouterr().out.splitlines()[0] == line
    made = json.loads((reports(study) / "manifest.json").read_text())["notebooks"]["01_good"]
    assert "device: {name} ({why})".format(**made["device"]) == line


def test_the_manifest_holds_parameters_that_nobody_gave(study):
    write(study, "01_good", "pass")
    path = study / "notebooks" / "01_good.ipynb"
    path.write_text(path.read_text().replace("level = 0.5", "level = 0.5\\nnames = ['a']\\nodd = {1}"))
    run(["01"])
    made = json.loads((reports(study) / "manifest.json").read_text())["notebooks"]["01_good"]
    assert made["given"] == {"profile": "quick", "seed": 0, "device": "auto"}
    assert made["parameters"] == made["given"] | {"level": 0.5, "names": ["a"], "odd": "{1}"}


def test_whole_notebooks_are_skipped_until_something_changes(study, capsys):
    run()
    capsys.readouterr()

    def again(**how):
        run(**how)
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
        return ["unchanged" in line for line in sorted(lines)]

    assert again() == [True, True]
    (study / "figures" / "01_good.csv").unlink()
    assert again() == [False, True]
    (study / "figures" / "02_also.csv").write_text("tampered")
    assert again() == [True, False]
    write(study, "01_good", FIGURE.format(name="01_good"), "print('changed')")
    assert again() == [False, True]
    assert again(seed=5) == [False, False]
    assert again(seed=5, force=True) == [False, False]


def test_outputs_alone_do_not_count_as_a_change(study, capsys):
    run(["01"])
    path = study / "notebooks" / "01_good.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["0.5\n"]}]
    path.write_text(json.dumps(notebook))
    capsys.readouterr()
    run(["01"])
    assert "unchanged" in capsys.readouterr().out


def test_a_figure_that_is_no_longer_drawn_disappears(study):
    run(["01"])
    write(study, "01_good", "pass")
    old = study / "figures" / "01_good.csv"
    os.utime(old, (1, 1))
    run(["01"])
    assert not old.exists()


def test_a_figure_drawn_from_data_that_are_gone_stays(study):
    kept, other = study / "figures" / "01_real.csv", study / "figures" / "01_rea.csv"
    write(
        study, "01_good", FIGURE.format(name="01_good"), 'if False:\n    save_figure(fig, "01_real", data, "caption")'
    )
    kept.parent.mkdir()
    for path in (kept, other):
        path.write_text("drawn with data")
        os.utime(path, (1, 1))
    run(["01"])
    assert kept.read_text() == "drawn with data"
    assert not other.exists()
    made = json.loads((reports(study) / "manifest.json").read_text())["notebooks"]["01_good"]["outputs"]
    assert "figures/01_real.csv" not in made
    assert "figures/01_good.csv" in made


def test_a_failing_notebook_is_kept_and_the_others_run(study, capsys):
    write(study, "01_good", "print('before')", "raise ValueError('the reason')")
    assert main(["run"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"01_good ... FAILED: ValueError in cell \d: the reason", out)
    assert "reports/quick/01_good.failed.ipynb" in out.splitlines()[-1]
    assert "the reason" in (reports(study) / "01_good.failed.ipynb").read_text()
    assert (reports(study) / "02_also.ipynb").exists()
    write(study, "01_good", "print('mended')")
    assert main(["run"]) == 0
    assert not (reports(study) / "01_good.failed.ipynb").exists()


def test_a_dead_kernel_is_a_failed_notebook(study, capsys):
    write(study, "01_good", "import os; os.kill(os.getpid(), 9)")
    assert main(["run"]) == 1
    assert "01_good ... FAILED: the kernel died" in capsys.readouterr().out
    assert (reports(study) / "02_also.ipynb").exists()


def test_a_full_disk_is_one_line(study, capsys, monkeypatch):
    import errno

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("hmlm_lib.run._papermill", full)
    assert main(["run"]) == 2
    assert capsys.readouterr().err == "error: 01_good: No space left on device; what was finished before is kept\n"


def test_numbers_of_changed_notebooks_leave_the_metrics(study):
    run()
    write(study, "01_good", "raise ValueError")
    run(["01"])
    assert list(json.loads((reports(study) / "metrics.json").read_text())) == ["02_also/toy/model/score"]
    write(study, "02_also", "print('changed, not yet run')")
    run(["01"])
    assert json.loads((reports(study) / "metrics.json").read_text()) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "-p", "levle=1"], "declares no parameter 'levle' (did you mean 'level'?); allowed: profile, seed"),
        (["run", "-p", "level"], "parameter 'level'; allowed: -p key=value"),
        (["run", "-p", "level=[1"], "parameter 'level=[1': the value cannot be read"),
        (["run", "--seed", "-1"], "seed -1; allowed: 0 to 4294967295, an integer"),
        (["run", "-p", "seed=abc"], "seed 'abc'; allowed: 0 to 4294967295, an integer"),
        (["run", "-p", "seed=-1"], "seed -1; allowed: 0 to"),
        (["run", "-p", "seed=1.5"], "seed 1.5; allowed: 0 to"),
        (["run", "-p", "seed=true"], "seed True; allowed: 0 to"),
        (["predict", "blots.csv", "--seed", "-1"], "seed -1; allowed: 0 to"),
        (["benchmark", "k8", "--seeds", "0", "-1"], "seed -1; allowed: 0 to"),
        (["run", "--profile", "quik"], "no profile 'quik' (did you mean 'quick'?); allowed: quick, record, full"),
        (["run", "-p", "profile=full"], "the profile is chosen by --profile"),
        (["run", "03"], "no notebook '03'"),
        (["run", "god"], "no notebook 'god' (did you mean 'good'?); allowed: 01_good, 02_also"),
        (["refresh"], "01_good has not been executed"),
        (["fetch", "snm_1_1_rev5"], "no data set 'snm_1_1_rev5' (did you mean 'snm_1_1_rev4'?)"),
    ],
)
def test_mistakes_are_one_line_and_nothing_runs(study, capsys, arguments, message):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert len(error.splitlines()) == 1
    assert not reports(study).exists()


@pytest.mark.parametrize("name", ["figures", "reports"])
def test_a_folder_that_cannot_be_written_is_said_before_anything_runs(study, capsys, name):
    (study / name).write_text("a file where a folder belongs")
    assert main(["run"]) == 2
    assert f"{name}" in capsys.readouterr().err
    assert not (reports(study) / "records").exists()


def test_parameters_are_read_as_yaml(study):
    item = plan(select(["01"]), "quick", {"level": [1, 2]}, "auto", 3, code="")[0]
    assert item.parameters == {"profile": "quick", "device": "auto", "seed": 3, "level": [1, 2]}


def test_numbers_of_a_notebook_that_is_damaged_now_leave_the_metrics(study):
    run()
    (study / "notebooks" / "02_also.ipynb").write_text("")
    assert run(["01"]) == []
    assert list(json.loads((reports(study) / "metrics.json").read_text())) == ["01_good/toy/model/score"]


def test_killed_in_the_middle_it_goes_on_where_it_was(study, capsys):
    slow = f"from pathlib import Path; import time; Path({str(study / 'started')!r}).touch(); time.sleep(600)"
    write(study, "02_also", slow)
    process = start(study, "--jobs", "1")
    wait_for(study / "started")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (reports(study) / "records" / "01_good.json").exists()
    assert not (reports(study) / "02_also.ipynb").exists()
    write(study, "02_also", FIGURE.format(name="02_also"))
    assert run() == []
    out = capsys.readouterr().out
    assert "[1/2] 01_good: unchanged, skipped" in out
    assert len(json.loads((reports(study) / "metrics.json").read_text())) == 2
    assert [p.name for p in reports(study).iterdir() if p.name.startswith(".")] == [".locks"]


def test_interrupted_it_says_so_and_exits_130(study):
    slow = f"from pathlib import Path; import time; Path({str(study / 'started')!r}).touch(); time.sleep(600)"
    write(study, "01_good", slow)
    process = start(study)
    wait_for(study / "started")
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted; what is finished is kept" in error


def test_two_runs_of_one_notebook_and_profile_do_not_mix(study):
    slow = f"from pathlib import Path; import time; Path({str(study / 'started')!r}).touch(); time.sleep(600)"
    write(study, "01_good", slow)
    process = start(study)
    wait_for(study / "started")
    try:
        for names in ([], ["01"], ["02"]):  # the other run was asked for both
            with pytest.raises(RunError, match="another run is writing reports/quick/0"):
                run(names)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("dead", [2, 3])
def test_a_kernel_that_does_not_come_up_is_started_again(study, monkeypatch, capsys, dead):
    starts = []

    def begin(*args, **more):
        starts.append(args)
        if len(starts) <= dead:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return whole(*args, **more)

    whole = papermill.execute_notebook
    monkeypatch.setattr(papermill, "execute_notebook", begin)
    assert run(["01"]) == (["01_good"] if dead == 3 else [])
    assert len(starts) == 3
    said = "FAILED: 3 kernels did not start: Kernel died before replying to kernel_info"
    assert (said in capsys.readouterr().out) is (dead == 3)


def test_notebooks_run_side_by_side_leave_what_one_run_leaves(study):
    """Each waits, in the middle, for the other to have started; then metrics and manifest hold both."""
    for name, other in (("01_good", "02_also"), ("02_also", "01_good")):
        meet = (
            "import time\nfrom pathlib import Path\n"
            f"Path({str(study / name)!r}).touch()\n"
            f"end = time.monotonic() + 60\nwhile not Path({str(study / other)!r}).exists():\n"
            "    assert time.monotonic() < end, 'alone'\n    time.sleep(0.05)"
        )
        write(study, name, meet, FIGURE.format(name=name))
    both = [start(study, number) for number in ("01", "02")]
    for process in both:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    metrics = json.loads((reports(study) / "metrics.json").read_text())
    assert list(metrics) == ["01_good/toy/model/score", "02_also/toy/model/score"]
    assert list(json.loads((reports(study) / "manifest.json").read_text())["notebooks"]) == ["01_good", "02_also"]
    assert [p.name for p in reports(study).iterdir() if p.name.startswith(".")] == [".locks"]


def test_a_run_leaves_the_half_made_files_of_others_alone(study):
    run()
    other, own = (reports(study) / f".running-{name}.ipynb" for name in ("02_also", "01_good"))
    other.touch()
    own.touch()
    with (reports(study) / ".locks" / "runs").open("w") as file:  # as another run does
        fcntl.flock(file, fcntl.LOCK_SH)
        run(["01"])
        assert other.exists()
        assert not own.exists()
    run(["01"])
    assert not other.exists()


def test_refresh_brings_outputs_and_nothing_volatile(study):
    run()
    assert main(["refresh"]) == 0
    text = (study / "notebooks" / "01_good.ipynb").read_text()
    notebook = json.loads(text)
    assert len(notebook["cells"]) == 4  # no injected-parameters cell
    assert notebook["cells"][-1]["outputs"][0]["text"] == ["0.5\n"]
    for word in ("papermill", "injected", "start_time", "iopub"):
        assert word not in text
    run()
    main(["refresh"])
    assert (study / "notebooks" / "01_good.ipynb").read_text() == text
    write(study, "01_good", "print('other')")
    with pytest.raises(RunError, match="01_good has changed since it was executed"):
        refresh()


def test_live_widgets_leave_their_picture_and_text(study):
    write(study, "01_good", "import ipywidgets; ipywidgets.IntSlider(3)")
    run(["01"])
    assert main(["refresh", "01"]) == 0
    for path in (reports(study) / "01_good.ipynb", study / "notebooks" / "01_good.ipynb"):
        notebook = json.loads(path.read_text())
        assert list(notebook["cells"][-1]["outputs"][0]["data"]) == ["text/plain"]
        assert "widgets" not in notebook["metadata"]
    page = (reports(study) / "01_good.html").read_text()
    assert "IntSlider(value=3)" in page
    assert "widget-view" not in page
    assert "widget-state" not in page


def test_list_shows_titles_questions_and_parameters(study, capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "01_good: 01_good" in out
    assert "Why?" in out
    assert "level=0.5" in out


def test_a_reader_that_leaves_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "hmlm_lib", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as one:
        one.stdout.close()
        assert one.stderr.read() == b""
    assert one.returncode == 141


def test_what_a_cell_printed_is_one_piece_however_it_was_sent(study):
    run(["01"])
    done = reports(study) / "01_good.ipynb"
    nb = json.loads(done.read_text())

    def stream(name, *lines):
        return {"name": name, "output_type": "stream", "text": list(lines)}

    nb["cells"][-1]["outputs"] = [
        stream("stdout", "a"),
        stream("stdout", "\n", "b\n"),
        stream("stderr", "c\n"),
        stream("stdout", "d"),
    ]
    done.write_text(json.dumps(nb))
    (path,) = refresh(["01"])
    outputs = json.loads(path.read_text())["cells"][-1]["outputs"]
    assert [(o["name"], o["text"]) for o in outputs] == [
        ("stdout", ["a\n", "b\n"]), ("stderr", ["c\n"]), ("stdout", ["d"]),
    ]  # fmt: skip
