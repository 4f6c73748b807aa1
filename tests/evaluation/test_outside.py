"""Models of your own in the table: by the name of a class, for as long as its file is as it was."""

import json
import sys

import numpy as np
import pytest

from hmlm_lib.__main__ import main
from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.evaluation import benchmark, outside, rows, summary

MINE = """
import numpy as np

class Still:
    n_parameters = 0

    def __init__(self, seed):
        self.seed = seed

    def fit(self, experiments):
        return self

    def predict(self, experiments, times_h=None):
        times = experiments.times_h if times_h is None else times_h
        return np.repeat(experiments.y0[:, None], len(times), axis=1)

class Half:
    def fit(self, experiments):
        return self

class Needs(Still):
    def __init__(self, width):
        self.width = width

class Silent(Still):
    def fit(self, experiments):
        pass

class Short(Still):
    def predict(self, experiments, times_h=None):
        return experiments.y0

class Odd(Still):
    def predict(self, experiments, times_h=None):
        return super().predict(experiments, times_h) * np.nan

class Late(Still):
    # Finite where nothing is knocked out.
    def predict(self, experiments, times_h=None):
        said = super().predict(experiments, times_h)
        said[(experiments.factor != 1).any(1)] = np.nan
        return said

class Alone(Still):
    # One answer for all conditions, which would be spread over those of a test.
    def predict(self, experiments, times_h=None):
        return super().predict(experiments, times_h)[:1]

class Text(Still):
    def predict(self, experiments, times_h=None):
        return super().predict(experiments, times_h).astype(str)

class Huge(Still):
    def predict(self, experiments, times_h=None):
        return super().predict(experiments, times_h) + 1e200

class Many(Still):
    def n_parameters(self):
        return 3

class Plain(Still):
    def predict(self, experiments, times_h=None):
        return super().predict(experiments, times_h).tolist()

class Writer(Still):
    # Writes over all that it is given.
    def fit(self, experiments):
        experiments.activity[:] = 0
        return self

    def predict(self, experiments, times_h=None):
        said = super().predict(experiments, times_h)
        for name in ("stimulus", "factor", "y0", "activity"):
            getattr(experiments, name)[:] = 0
        return said

number = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder with a module of a name that no other test has imported."""
    path = tmp_path / f"own_{tmp_path.name}.py".replace("-", "_")
    path.write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path / "rows")
    return path


def test_a_class_of_ones_own_stands_in_the_table_beside_the_others(mine, capsys):
    name = f"{mine.stem}.Still"
    assert main(["benchmark", "k8", "--models", name, "persistence", "--seeds", "3"]) == 0
    found = summary.table("k8")
    assert set(found.index) == {name, "persistence"}
    assert found.loc[name, ("B/mse_all", "mean")] == found.loc["persistence", ("B/mse_all", "mean")]
    assert outside.made(name, 3).seed == 3
    capsys.readouterr()
    assert main(["benchmark", "k8", "--models", name, "--seeds", "3"]) == 0  # it has its row
    assert "seed 3" not in capsys.readouterr().out
    into = mine.parent / "job.jsonl"
    row = json.loads((rows.rows_dir() / "k8.jsonl").read_text().splitlines()[0])
    assert row["model"] == name
    (rows.rows_dir() / "k8.jsonl").rename(into)
    assert main(["merge", str(into)]) == 0
    assert set(summary.table("k8").index) == {name, "persistence"}
    for change in (lambda: mine.write_text(MINE + "\n# another version\n"), mine.unlink):
        change()
        assert set(summary.table("k8").index) == {"persistence"}
        with pytest.raises(ModelError, match=r"has changed since|has no file"):  # the old class is still in memory
            outside.imported(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing_there.Model", r"model 'nothing_there.Model' cannot be imported \(No module named 'nothing_there'\)"),
        ("{}.Stil", r"cannot be imported \(module '.*' has no attribute 'Stil'\); allowed: package.module.Class"),
        ("{}.Half", r"has no predict; allowed: a class with fit and predict"),
        ("{}.number", r"is no class; allowed: a class with fit and predict"),
        ("..", r"model '\.\.' cannot be imported"),
    ],
)
def test_what_is_no_model_is_refused_before_any_run(mine, name, message):
    with pytest.raises(ModelError, match=message):
        benchmark.run(["k8"], [name.format(mine.stem)], [0])
    assert not rows.rows_dir().exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Needs", r"cannot be made \(.*'width'\); allowed: called with seed= or nothing"),
        ("Silent", r"fit returned NoneType, without predict; allowed: self"),
        ("Short", r"predicts an array of shape \(40, 109\); allowed: finite numbers of shape \(40, 50, 109\)"),
        ("Odd", r"predicts \d+ numbers not finite; allowed: finite numbers"),
        ("Late", r"predicts \d+ numbers not finite; allowed: finite numbers"),
        ("Alone", r"predicts an array of shape \(1, 50, 109\); allowed: finite numbers of shape \(40, 50, 109\)"),
        ("Text", r"predicts an array of <U\d+; allowed: finite numbers"),
        ("Huge", r"predicts \d+ numbers too large; allowed: .* none beyond 1e\+50"),
        ("Many", r"n_parameters is .*; allowed: 0 or more, finite"),
    ],
)
def test_a_class_that_breaks_the_rules_gets_no_row(mine, name, message):
    with pytest.raises(ModelError, match=message):
        benchmark.run(["k8"], [f"{mine.stem}.{name}"], [3])
    assert not rows.setting_file("k8").exists()


@pytest.mark.parametrize("name", ["Writer", "Plain"])
def test_what_a_model_writes_or_how_it_answers_changes_no_score(mine, name):
    names = [f"{mine.stem}.{name}", f"{mine.stem}.Still", "mean"]
    benchmark.run(["k8"], names, np.array([3]))  # NumPy's seeds are no integers of JSON
    found = {row["model"]: row["values"] for row in rows.read_rows("k8")}
    shown = {"B/mse_all", "C/effect_mse", "C/mse_all"}
    for measure in shown:
        assert found[names[0]][measure] == found[names[1]][measure]
    assert found["mean"]["B/mse_all"] < 0.1  # of what was measured, not of what was written over it
    world = benchmark.setting("k8", 3)
    world.train.activity[:] = 0
    assert np.abs(benchmark.setting("k8", 3).train.activity).max() > 0


def test_a_seed_that_no_generator_takes_is_refused_before_any_run(mine):
    with pytest.raises(ExperimentError, match="seed 'x'; allowed: 0 to 4294967295"):
        benchmark.run(["k8"], ["mean"], [0, "x"])
    assert not rows.rows_dir().exists()


def test_only_rows_with_the_mark_of_a_file_are_looked_up(mine, tmp_path):
    quits = mine.with_name(f"{mine.stem}_quits.py")
    quits.write_text("import sys\nsys.exit('usage')\n")
    with pytest.raises(ModelError, match=r"cannot be imported \(usage\)"):
        outside.imported(f"{quits.stem}.Still")
    row = rows.make_row("k8", f"{quits.stem}.Still", 0, {"B/mse_all": 0.1}) | {"code": "0" * 16}
    rows.append(tmp_path / "job.jsonl", row)
    assert benchmark.outside(rows.read_file(tmp_path / "job.jsonl")[0]) == []
    before = list(sys.path)
    outside.importable(f"{mine.stem}.Still")
    assert sys.path == before


def test_a_file_that_cannot_be_read_as_python_is_named(mine):
    mine.write_text("def broken(:\n")
    with pytest.raises(ModelError, match=r"cannot be imported \(invalid syntax"):
        outside.imported(f"{mine.stem}.Still")
