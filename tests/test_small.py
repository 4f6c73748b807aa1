"""Metrics, profiles, devices, files and errors: the small parts that everything else stands on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hmlm_lib import metrics, paths
from hmlm_lib.device import choose_device, placed
from hmlm_lib.errors import HmlmError, ModelError, RunError, did_you_mean, pick
from hmlm_lib.files import read_json, write_whole
from hmlm_lib.profiles import PROFILES, get_profile


def test_metrics_mean_and_sample_sd(tmp_path, monkeypatch):
    monkeypatch.setenv(metrics.FILE_VARIABLE, str(tmp_path / "m.json"))
    assert metrics.record("04_baselines/B_k8/ridge/mse_all", [1.0, 2.0, 3.0]) == {"mean": 2.0, "sd": 1.0, "n": 3}
    assert metrics.record("04_baselines/B_k8/ridge/seconds", 0.123456789) == {"mean": 0.123457, "sd": 0.0, "n": 1}
    assert set(json.loads((tmp_path / "m.json").read_text())) == {
        "04_baselines/B_k8/ridge/mse_all",
        "04_baselines/B_k8/ridge/seconds",
    }


def test_outside_the_runner_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv(metrics.FILE_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    metrics.record("01_network/a/b/c", 1.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["a/b/c/d", "01_network/b/c", "01_network/b/c/d/e", "01_network/b /c/d"])
def test_a_metric_of_another_form_is_refused(key):
    with pytest.raises(HmlmError, match="NN_notebook/task/model/measure"):
        metrics.record(key, 1.0)


@pytest.mark.parametrize("value", [float("nan"), [1.0, float("inf")], []])
def test_a_metric_that_is_no_number_is_refused(value):
    with pytest.raises(HmlmError, match="finite numbers, at least one"):
        metrics.record("01_network/a/b/c", value)


def test_profiles():
    assert [get_profile(name).seeds for name in PROFILES] == [1, 3, 5]
    sizes = ("encoder_width", "encoder_layers", "encoder_batch")
    assert [getattr(get_profile("full"), name) for name in sizes] == [300, 5, 3072]  # the CHMR paper's
    with pytest.raises(RunError, match=r"no profile 'ful' \(did you mean 'full'\?\); allowed: quick, record, full"):
        get_profile("ful")


def test_no_profile_trains_longer_than_the_record():
    assert [get_profile(name).steps(120, times=4) for name in PROFILES] == [48, 120, 120]
    assert [get_profile(name).steps(120) for name in PROFILES] == [20, 120, 120]


def test_device_choice_says_why(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == ("cpu", "no CUDA device found")
    assert choose_device("cpu")[0] == "cpu"
    with pytest.raises(RunError, match="finds no CUDA device"):
        choose_device("cuda")
    with pytest.raises(RunError, match=r"no device 'cdua' \(did you mean 'cuda'\?\)"):
        choose_device("cdua")


def test_where_one_call_computes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert placed("auto") == placed("cpu") == placed(torch.device("cpu")) == "cpu"
    with pytest.raises(RunError, match="finds no CUDA device"):
        placed("cuda")
    for wrong in ("gpu", "cuda:99", torch.device("cuda:99"), 1.5):
        with pytest.raises(RunError, match=r"no device '.*' here.*; allowed: auto, cpu, cuda"):
            placed(wrong)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "new" / "file.txt"
    write_whole(target, "text")
    assert target.read_text() == "text"
    with pytest.raises(RunError, match="cannot be written"):
        write_whole(target / "below", "text", RunError)
    assert [p.name for p in target.parent.iterdir()] == ["file.txt"]
    for nameless in (Path(), Path("/")):
        with pytest.raises(RunError, match=r"'[./]': cannot be written; allowed: the name of a file"):
            write_whole(nameless, "text", RunError)


def test_damaged_json_counts_as_absent(tmp_path):
    (tmp_path / "a.json").write_text('{"cut": ')
    assert read_json(tmp_path / "a.json") is None
    assert read_json(tmp_path / "b.json") is None


def test_nearest_name():
    assert did_you_mean("SMAD3", ["smad3", "smad7"]) == " (did you mean 'smad3'?)"
    assert did_you_mean("qqq", ["smad3"]) == ""


def test_a_name_is_looked_up_or_the_error_says_what_is_allowed():
    table = {"ridge": 1, "gru": None}
    assert pick(table, "ridge", "model") == 1
    assert pick(table, "gru", "model") is None
    with pytest.raises(ModelError, match=r"^no model 'rigde' here \(did you mean 'ridge'\?\); allowed: ridge, gru$"):
        pick(table, "rigde", "model", where="here")
    with pytest.raises(RunError, match=r"^no run 'x'; allowed: ridge, gru$"):
        pick(table, "x", "run", RunError)


def test_output_folder_follows_the_environment(output_dir):
    assert paths.figures_dir() == output_dir / "figures"
    assert paths.reports_dir("quick") == output_dir / "reports" / "quick"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot be told which cores to use")
def test_no_more_processes_than_cores_that_may_be_used():
    """A container or a job of a cluster has fewer cores than its machine."""
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from hmlm_lib.device import side_by_side\n"
        "print(len(set(side_by_side(os.getpid, [()] * 4))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
