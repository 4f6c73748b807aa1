"""The commands that compute the record, and the cost benchmark, as a user calls them."""

import json
import subprocess
import sys

import pytest

from hmlm_lib.__main__ import main
from hmlm_lib.evaluation import benchmark, rows
from hmlm_lib.paths import ROOT


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["benchmark", "missing_k8", "--models", "mean"], "no setting 'missing_k8' (did you mean 'missing15_k8'?)"),
        (["benchmark", "k8", "--models", "grU2"], "no model 'grU2' (did you mean 'gru'?)"),
        (["tune", "hmlm"], "'hmlm' has no candidates"),
        *((["benchmark", name, "--seeds", "0", "-1"], "seed -1; allowed: 0 to") for name in benchmark.settings()),
        (["benchmark", "k8", "--models", "forest", "--seeds", str(2**32)], f"seed {2**32}; allowed: 0 to {2**32 - 1}"),
        (["run", "01", "--seed", "-1"], "seed -1; allowed: 0 to"),
        (["predict", "none.csv", "--seed", "-1"], "seed -1; allowed: 0 to"),
    ],
)
def test_a_mistake_is_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "line"), [([], "device: cpu (asked for)"), (["--device", "auto"], "device: cpu (no CUDA device found)")]
)
def test_the_device_of_rows_is_said(words, line, monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(benchmark, "run", lambda *_: None)
    assert main(["benchmark", "k8", *words]) == 0
    assert capsys.readouterr().out == f"{line}\n"


def test_cost_benchmark_prints_metrics_and_memory_is_linear_in_edges():
    command = [sys.executable, str(ROOT / "benchmarks" / "hmlm.py"), "--quick", "--json", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    kept = {size: found[f"91_hmlm_cost/{size}_species/hmlm/megabytes"]["mean"] for size in (109, 1000)}
    assert kept[1000] < 12 * kept[109]


def test_the_simulators_benchmark_names_the_devices_there_are():
    command = [sys.executable, str(ROOT / "benchmarks" / "simulate.py"), "--quick", "--device", "gpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "RunError: no device 'gpu'" in done.stderr
