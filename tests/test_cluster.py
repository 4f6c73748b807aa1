"""Rows of jobs brought into one record, and the study spelled out as jobs."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from itertools import permutations

import pytest
import yaml

from hmlm_lib import cluster
from hmlm_lib.__main__ import main
from hmlm_lib.errors import ExperimentError, HmlmError, ModelError, RunError
from hmlm_lib.evaluation import benchmark, rows, tuning
from hmlm_lib.evaluation import merge as merging
from hmlm_lib.evaluation.merge import merge
from hmlm_lib.files import locked
from hmlm_lib.paths import ROOT
from hmlm_lib.run import notebooks

STUDIES = yaml.safe_load((ROOT / "cluster.yaml").read_text())


@pytest.fixture
def record(tmp_path, monkeypatch):
    """An empty record."""
    monkeypatch.setenv("HMLM_ROWS_DIR", str(tmp_path / "record"))
    return tmp_path / "record"


@pytest.fixture
def jobs(tmp_path):
    """A folder of files of jobs."""
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs"


def row(model="mean", seed=0, setting="k8", effort=1.0, **values):
    given = {"B/mse_all": 0.5, "seconds": 1.0} | values
    code = benchmark.code(setting, model, effort)
    return {"setting": setting, "model": model, "seed": seed, "code": code, "values": given}


def write(path, *found, torn=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(rows.as_line, found)) + torn.encode())


def test_every_row_enters_once(record, jobs):
    write(jobs / "a.jsonl", row(seed=0), row(seed=1))
    write(jobs / "deeper" / "b.jsonl", row(seed=1), row("ridge"), row(setting="k4"))
    said = []
    assert merge([jobs], said.append) == 4
    assert said == ["k4: 1 added, 0 in the record already, 0 double", "k8: 3 added, 0 in the record already, 1 double"]
    assert len(benchmark.rows("k8")) == 3
    before = (record / "k8.jsonl").read_bytes()
    assert merge([jobs, jobs / "a.jsonl"]) == 0
    assert (record / "k8.jsonl").read_bytes() == before


def test_the_record_does_not_depend_on_the_order_of_files_and_rows(record, jobs):
    found = [row(seed=0, seconds=2.0), row(seed=0, seconds=3.0), row("ridge"), row(seed=1)]
    records = set()
    for order in permutations(found):
        for number, one in enumerate(order):
            write(jobs / f"{number}.jsonl", one)
        merge([jobs])
        records.add((record / "k8.jsonl").read_bytes())
        (record / "k8.jsonl").unlink()
    assert len(records) == 1
    assert records.pop().count(b"\n") == 3


def test_what_the_record_has_stays(record, jobs):
    rows.add_row("k8", row(seconds=9.0))
    write(jobs / "a.jsonl", row(seconds=1.0))
    assert merge([jobs]) == 0
    assert [one["values"]["seconds"] for one in benchmark.rows("k8")] == [9.0]


def test_a_torn_line_of_a_killed_job_is_left_out_and_said(record, jobs, capsys):
    write(jobs / "a.jsonl", row(), torn='{"setting": "k8", "mod')
    assert main(["merge", str(jobs)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{jobs / 'a.jsonl'}: 1 left out: damaged, or no row"
    assert out[-1] == "1 rows added"
    assert len(benchmark.rows("k8")) == 1


@pytest.mark.parametrize("add", ["merge", "append"])
def test_a_torn_line_of_the_record_spoils_no_other(record, jobs, add):
    write(record / "k8.jsonl", row(seed=0), torn='{"setting": "k8"')
    write(jobs / "a.jsonl", row(seed=1))
    if add == "merge":
        merge([jobs])
    else:
        rows.add_row("k8", row(seed=1))
    assert sorted(one["seed"] for one in benchmark.rows("k8")) == [0, 1]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (row() | {"code": "0" * 16}, "of other code or effort"),
        (row(effort=0.1), "of other code or effort"),
        (row() | {"setting": "k9"}, "no setting 'k9'"),
        (row() | {"model": "grU2"}, "no model 'grU2' in setting 'k8'"),
        ({"setting": "k8"}, "damaged, or no row"),
        (row() | {"seed": "0"}, "damaged, or no row"),
    ],
)
def test_what_is_no_row_of_today_is_left_out_and_said(record, jobs, wrong, reason):
    write(jobs / "a.jsonl", wrong, row("ridge"))
    said = []
    assert merge([jobs], said.append) == 1
    assert said[0] == f"{jobs / 'a.jsonl'}: 1 left out: {reason}"
    assert [one["model"] for one in benchmark.rows("k8")] == ["ridge"]


def test_rows_of_a_trial_count_only_where_they_are_asked_for(record, jobs):
    write(jobs / "a.jsonl", row(effort=0.1), row("ridge"))
    assert merge([jobs], effort=0.1) == 1
    assert benchmark.rows("k8") == []
    assert len(rows.valid_rows("k8", benchmark.codes("k8", 0.1))) == 1
    for wrong in (0.0, -1.0, 2.0, float("nan")):
        with pytest.raises(ExperimentError, match=r"effort .*; allowed: above 0, at most 1"):
            merge([jobs], effort=wrong)


def test_the_record_is_held_while_it_changes(record, jobs, monkeypatch):
    held = []

    def write_whole(path, content):
        with pytest.raises(BlockingIOError), locked(record / ".lock", wait=False):
            pass
        held.append(path.name)
        path.write_bytes(content)

    monkeypatch.setattr(merging, "write_whole", write_whole)
    write(jobs / "a.jsonl", row())
    assert merge([jobs]) == 1
    assert held == ["k8.jsonl"]
    with locked(record / ".lock", wait=False):
        pass


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_place_without_rows_is_one_line(record, tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    assert main(["merge", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path / name}: no rows there; allowed: a .jsonl file, or a folder with some\n"
    )
    assert not record.exists()


def test_jobs_with_files_of_their_own_leave_what_a_serial_run_leaves(record, jobs, monkeypatch):
    models, seeds = ["linear", "mean", "quadratic"], [0, 1]
    for model in models:
        for seed in seeds:
            benchmark.run(["published_noise05"], [model], [seed], str, into=jobs / f"{model}-{seed}.jsonl")
    assert not record.exists()
    merge([jobs])
    monkeypatch.setenv("HMLM_ROWS_DIR", str(record.with_name("serial")))
    benchmark.run(["published_noise05"], models, seeds, str)

    def values(folder):
        lines = map(json.loads, (folder / "published_noise05.jsonl").read_text().splitlines())
        return sorted((one["model"], one["seed"], one["code"], _timeless(one["values"])) for one in lines)

    assert values(record) == values(record.with_name("serial"))
    assert len(values(record)) == 6


def _timeless(values):
    return sorted((name, value) for name, value in values.items() if name != "seconds")


def test_a_job_copies_what_is_known_and_computes_nothing_twice(record, jobs, monkeypatch):
    computed, into = [], jobs / "a.jsonl"
    monkeypatch.setattr(benchmark, "run_one", lambda name, model, seed, effort: computed.append(model) or row(model))
    rows.add_row("k8", row("ridge", seconds=7.0))
    for _ in range(2):
        benchmark.run(["k8"], ["ridge", "mean"], [0], str, into=into)
    assert computed == ["mean"]
    assert [(one["model"], one["values"]["seconds"]) for one in rows.read_file(into)[0]] == [
        ("ridge", 7.0),
        ("mean", 1.0),
    ]
    assert len(benchmark.rows("k8")) == 1


def test_a_job_adds_its_rows_to_no_other_file(jobs, capsys):
    mine = jobs / "bin.csv"
    mine.write_bytes(b"a,b\n1,2\n")
    assert main(["benchmark", "k8", "--models", "mean", "--seeds", "0", "--into", str(mine)]) == 2
    assert "holds something that is no row; allowed: a new file, or rows of this job" in capsys.readouterr().err
    assert mine.read_bytes() == b"a,b\n1,2\n"


def test_nothing_is_trained_whose_row_could_not_be_written(record, jobs, monkeypatch):
    computed, into = [], jobs / "blocked" / "a.jsonl"
    monkeypatch.setattr(benchmark, "run_one", lambda name, model, seed, effort: computed.append(model) or row(model))
    monkeypatch.setattr(tuning, "_of_tasks", lambda model: computed.append(model) or {"B/mse_all": 0.5})
    into.parent.write_text("a file")
    with pytest.raises(HmlmError, match=r"blocked/a\.jsonl: cannot be written \(Not a directory\)"):
        benchmark.run(["k8"], ["mean"], [0], str, into=into)
    record.write_text("a file")
    for start in (lambda: benchmark.run(["k8"], ["mean"], [0], str), lambda: tuning.tune(["mlp"], str)):
        with pytest.raises(HmlmError, match=r"record/\w+\.jsonl: cannot be written \(Not a directory\)"):
            start()
    assert computed == []
    record.unlink()
    rows.add_row("k8", row())
    before = {path.name: path.read_bytes() for path in record.iterdir()}
    rows.check_append(record / "k8.jsonl")
    rows.check_append(record / "k4.jsonl")
    assert {path.name: path.read_bytes() for path in record.iterdir()} == before


def test_the_effort_reaches_the_model(record, monkeypatch):
    asked = []

    class Fitted:
        n_parameters = 1

    monkeypatch.setattr(benchmark, "setting", lambda name, seed: None)
    monkeypatch.setattr(benchmark, "fit", lambda model, b, seed, effort: asked.append(effort) or Fitted())
    monkeypatch.setattr(benchmark, "score", lambda fitted, b: {"B/mse_all": 1.0})
    benchmark.run(["k8"], ["mean"], [0], str, effort=0.25)
    assert asked == [0.25]
    assert benchmark.rows("k8") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["k8", "newcell_k8", "--effort", "0.1"],
            "setting 'newcell_k8' is always trained completely; with an effort: k8",
        ),
        (["k8", "--effort", "0"], "effort 0; allowed: above 0, at most 1"),
    ],
)
def test_an_effort_that_cannot_be_is_said_before_anything_runs(record, capsys, words, message):
    assert main(["benchmark", *words, "--models", "mean"]) == 2
    assert message in capsys.readouterr().err
    assert not record.exists()


def test_jobs_are_one_a_row_or_together():
    sweep = [
        {"settings": ["k8"], "models": ["mean", "ridge"], "seeds": [0, 1], "mem_mb": 99},
        {"settings": ["faithful_k8"], "seeds": [2], "together": True},
        {"settings": ["k8"], "models": ["mean"], "seeds": [0]},
    ]
    found = cluster.Study(sweep=sweep).jobs()
    assert list(found) == ["k8/mean-0", "k8/ridge-0", "k8/mean-1", "k8/ridge-1", "faithful_k8/together-2"]
    assert found["k8/mean-0"].resources == cluster.RESOURCES | {"mem_mb": 99}
    assert found["faithful_k8/together-2"].models == tuple(benchmark.models("faithful_k8"))
    assert found["k8/ridge-1"].codes == (benchmark.code("k8", "ridge"),)


def test_notebooks_are_all_some_or_none():
    assert cluster.Study(notebooks="all").notebook_paths() == notebooks()
    assert [path.stem for path in cluster.Study(notebooks=["02"]).notebook_paths()] == ["02_features"]
    assert cluster.Study().notebook_paths() == []


def test_jobs_are_read_as_they_were_written(tmp_path):
    jobs = cluster.study(STUDIES | {"study": "trial"}).jobs()
    cluster.write_jobs(jobs, tmp_path / "jobs.json")
    assert cluster.read_jobs(tmp_path / "jobs.json") == jobs
    with pytest.raises(RunError, match=r"none.json: no jobs there"):
        cluster.read_jobs(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("studies", "error", "message"),
    [
        ({"other": {}}, RunError, r"no study 'mine'.*allowed: other"),
        ({"mine": {"sweeps": []}}, RunError, r"no key 'sweeps' in study 'mine' \(did you mean 'sweep'\?\)"),
        ({"mine": {"profile": "quik"}}, RunError, r"no profile 'quik'"),
        ({"mine": {"sweep": [{"setting": ["k8"]}]}}, RunError, r"no key 'setting' in a sweep"),
        ({"mine": {"sweep": [{"settings": ["k88"]}]}}, ExperimentError, r"no setting 'k88'"),
        ({"mine": {"sweep": [{"settings": ["k8"], "models": ["grU2"]}]}}, ModelError, r"no model 'grU2'"),
        ({"mine": {"effort": 0.1, "sweep": [{"settings": ["literature"]}]}}, ExperimentError, "trained completely"),
    ],
)
def test_a_mistake_in_a_study_is_named(studies, error, message):
    with pytest.raises(error, match=message) as caught:
        cluster.study({"study": "mine", "studies": studies}).jobs()
    assert isinstance(caught.value, HmlmError)


@pytest.mark.parametrize("name", STUDIES["studies"])
def test_every_study_of_the_file_can_be_spelled_out(name):
    assert cluster.study(STUDIES | {"study": name}).jobs()


def test_the_whole_study_has_every_model_of_every_setting():
    found = {
        (job.setting, m) for job in cluster.study(STUDIES | {"study": "whole"}).jobs().values() for m in job.models
    }
    assert found == {(name, model) for name in benchmark.settings() for model in benchmark.codes(name)}


def test_the_extra_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert set(project["optional-dependencies"]["cluster"]) <= pinned


needs_snakemake = pytest.mark.skipif(
    importlib.util.find_spec("snakemake") is None, reason="Snakemake is not installed: pip install -e '.[cluster]'"
)


def dry_run(folder, *words):
    """What Snakemake would do with outputs in a folder: its text, and how many jobs of each rule."""
    environment = os.environ | {"HMLM_OUTPUT_DIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-m", "snakemake", "-n", "-c2", "-s", str(ROOT / "Snakefile"), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
    text = done.stdout + done.stderr
    counts = re.findall(r"^(row|merge|notebook) +(\d+)$", text, re.M)
    return done.returncode, text, {rule: int(count) for rule, count in counts}


@needs_snakemake
def test_a_dry_run_lists_the_jobs_that_are_missing(tmp_path):
    study = cluster.study(STUDIES)
    wanted = {"row": len(study.jobs()), "merge": 1, "notebook": len(study.notebooks)}
    assert dry_run(tmp_path)[::2] == (0, wanted)
    write(tmp_path / "reports" / "cluster" / "small" / "rows" / "k8" / "mean-0.jsonl", row())
    assert dry_run(tmp_path)[2] == wanted | {"row": wanted["row"] - 1}


@needs_snakemake
def test_a_dry_run_of_a_study_that_is_not_there_names_those_that_are(tmp_path):
    status, text, _ = dry_run(tmp_path, "--config", "study=smal")
    assert status == 1
    assert "no study 'smal' (did you mean 'small'?); allowed: small, trial, whole" in text


@needs_snakemake
def test_rows_with_a_gpu_train_on_the_device_of_the_study_and_others_on_the_cpu(tmp_path):
    for gpu, device in ((0, "cpu"), (1, "auto")):
        whole = tmp_path / f"studies{gpu}.json"
        sweep = [{"settings": ["k8"], "models": ["mean"], "seeds": [0], "gpu": gpu}]
        whole.write_text(json.dumps({"study": "one", "studies": {"one": {"device": "auto", "sweep": sweep}}}))
        status, text, counts = dry_run(tmp_path, "-p", "--configfile", str(whole))
        assert (status, counts["row"]) == (0, 1), text
        assert f"--device {device} --into" in text
