"""Tables and paired tests from rows, and the families of settings."""

import numpy as np
import pytest

from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.evaluation import benchmark, newcell, onecourse, rows, summary


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    return tmp_path


def add(setting, model, seed, code=None, **values):
    given = {"A/mse_all": 0.1, "B/mse_all": 0.2, "C/effect_mse": 0.3, "C/effect_r": 0.4} | values
    code = code or benchmark.code(setting, model)
    rows.add_row(setting, {"setting": setting, "model": model, "seed": seed, "code": code, "values": given})


def made(setting, model, seed, values):
    return rows.make_row(setting, model, seed, values) | {"code": benchmark.code(setting, model)}


def test_paired_compares_the_same_conditions_only(folder):
    errors = np.linspace(0.1, 0.2, 12)
    for seed in (0, 1):
        add("k8", "hmlm", seed, **{"B/by_condition": errors.tolist()})
    add("k8", "ridge", 0, **{"B/by_condition": (errors + 0.05).tolist()})
    better = errors + np.where(np.arange(12) < 3, -0.01, 0.0101)
    add("k8", "gru", 1, **{"B/by_condition": better.tolist()})
    found = summary.paired("k8")
    assert list(found.index) == ["gru", "ridge"]
    assert found.loc["ridge", ["conditions", "better"]].tolist() == [12, 1.0]
    assert found.loc["gru", "better"] == 0.75
    assert found.loc["ridge", "p"] == pytest.approx(2 / 2**12)  # all twelve the same way: the smallest two-sided p
    assert summary.paired("k4").empty


def test_every_task_with_errors_by_condition_is_tested(folder):
    """A row without a task's errors is left out of its test, and so is a condition that has none."""
    errors = np.linspace(0.1, 0.2, 12).tolist()
    add("k8", "hmlm", 0, **{"A/by_condition": errors, "B/by_condition": errors})
    add("k8", "hmlm", 1, **{"B/by_condition": errors})
    for seed in (0, 1):
        add("k8", "ridge", seed, **{"A/by_condition": [e + 0.1 for e in errors[:-1]] + [None]})
    add("k8", "gru", 0, **{"B/by_condition": [e - 0.05 for e in errors]})
    assert summary.tested("k8") == ["B", "A"]
    assert summary.paired("k8").loc["gru", ["conditions", "better"]].tolist() == [12, 0.0]
    tests = summary.paired("k8", task="A")
    assert list(tests.index) == ["ridge"]
    assert tests.loc["ridge", ["conditions", "better"]].tolist() == [11, 1.0]
    assert summary.full().count("HMLM against each, condition by condition (A):") == 1
    with pytest.raises(ExperimentError, match="k8: no errors by condition of task 'D'; allowed: B, A"):
        summary.paired("k8", task="D")


def test_real_lines_are_one_task(folder):
    lines = {"R/BT20/by_condition": [0.1, 0.2], "R/MCF7/by_condition": [0.3]}
    for model, shift in (("hmlm", 0.0), ("mean", 0.1)):
        values = {name: [e + shift for e in errors] for name, errors in lines.items()} | {"R/rmse": 0.4}
        rows.add_row("hpn_sparse4", made("hpn_sparse4", model, 0, values))
    assert summary.paired("hpn_sparse4").loc["mean", ["conditions", "better"]].tolist() == [3, 1.0]


def test_points_alone_stand_beside_the_models_of_the_same_worlds(folder):
    errors = np.linspace(0.1, 0.2, 8).tolist()
    add("k8", "hmlm", 0, **{"A/mse_all": 0.01, "A/by_condition": errors})
    values = {"A/mse_all": 0.02, "A/by_condition": [e + 0.01 for e in errors]}
    rows.add_row("reconstruct_k8", made("reconstruct_k8", "pchip", 0, values))
    assert summary.table("reconstruct_k8")["A/mse_all", "mean"].to_dict() == {"hmlm": 0.01, "pchip": 0.02}
    assert summary.paired("reconstruct_k8").loc["pchip", ["conditions", "better"]].tolist() == [8, 1.0]
    assert "pchip" not in summary.table("k8").index
    assert (
        summary.overview()[-4:]
        == ["| A, MSE | k8 |", "|---|---|", "| hmlm | 0.01000 (1) |", "| pchip | 0.02000 (1) |", ""][-4:]
    )


def test_rows_of_other_code_are_not_shown(folder):
    add("k8", "hmlm", 0)
    add("k8", "ridge", 0, code="somebody's")
    assert list(summary.table("k8").index) == ["hmlm"]
    assert "ridge" not in summary.full()


def test_a_table_says_how_many_worlds(folder):
    for seed, value in enumerate((0.1, 0.3)):
        add("k8", "hmlm", seed, **{"B/mse_all": value})
    add("k8", "ridge", 0)
    lines = summary.markdown("k8", ("hmlm", "ridge", "gru"))
    assert (
        "| hmlm | 0.10000 ± 0.00000 | 0.20000 ± 0.14142 | - | 0.30000 ± 0.00000 | 0.400 ± 0.000 | - | - | 2 |" in lines
    )
    assert "| ridge | 0.10000 | 0.20000 | - | 0.30000 | 0.400 | - | - | 1 |" in lines
    assert summary.markdown("k4") == []


def test_ablations_are_compared_on_the_same_worlds(folder):
    for seed, value in enumerate((0.1, 0.9)):
        add("k8", "hmlm", seed, **{"B/mse_all": value})
    add("k8", "hmlm_flat", 0)  # lacks a world
    for seed, value in enumerate((0.2, 0.4, 9.9)):
        add("k8", "hmlm_no_signs", seed, **{"B/mse_all": value})  # has one more
    found = summary.table("k8", ["hmlm", "hmlm_flat", "hmlm_no_signs"], worlds_of="hmlm")["B/mse_all"]
    assert found["mean"].to_dict() == pytest.approx({"hmlm": 0.5, "hmlm_no_signs": 0.3})
    assert summary.table("k4", ["hmlm"], worlds_of="hmlm").empty


@pytest.mark.parametrize("name", benchmark.settings())
def test_every_setting_has_models_and_the_trivial_ones(name):
    found = benchmark.models(name)
    if name == "faithful_k8":
        assert set(found) > {"knockout_hmlm", "prior", "lag_correlation", "knockout_untrained"}
    elif summary.measures(name) == summary.EDGES:
        assert set(found) > {"hmlm_weight" if name == "planted10_k8" else "hmlm_proposals", "correlation", "GENIE3"}
    elif summary.measures(name) == summary.COMPOSED:
        assert set(found) > {"composition", "attention_matched", "one_hot_logistic", "peptide_only", "protein_only"}
    else:
        first = {
            "reconstruct": "linear",
            "molecules": "chmr",
            "hpn": "mean",
            "imputed": "mean",
            "literature": "always_increase",
        }
        first = first.get(name.split("_")[0], "hmlm")
        assert found[0] == first
        assert {"mean", "mean_of_points", "always_increase"} & set(found)


def test_explanations_and_edges_are_labelled_and_grouped(folder):
    for model, seed in (("knockout_hmlm", 0), ("knockout_hmlm", 1), ("knockout_untrained", 0), ("prior", 0)):
        rows.add_row("faithful_k8", made("faithful_k8", model, seed, {"F/spearman": 0.5 + seed}))
    found = summary.explanations().set_index("name")
    assert found.loc["knockout_hmlm", ["explanation", "group", "mean", "n"]].tolist() == [
        "knockout, hmlm",
        "HMLM",
        1.0,
        2,
    ]
    assert found.loc["knockout_untrained", "group"] == "controls"
    assert found.loc["prior", ["explanation", "group", "sd"]].tolist() == ["prior", "without a model", 0.0]
    for model in ("score_test", "hmlm_proposals", "lasso"):
        values = {"E/auroc": 0.7, "E/auprc": 0.2}
        rows.add_row("insilico", made("insilico", model, 0, values))
    table = summary.recovered("insilico").set_index("method")
    assert table["group"].to_dict() == {
        "transducer score test": "HMLM", "hmlm proposals": "HMLM", "lasso": "without a model",
    }  # fmt: skip
    assert table.loc["lasso", ["auroc", "auprc", "auroc_sd"]].tolist() == [0.7, 0.2, 0.0]


def test_names_are_checked_before_anything_runs():
    with pytest.raises(ExperimentError, match=r"no setting 'newcel_k8' \(did you mean 'newcell_k8'\?\)"):
        benchmark.models("newcel_k8")
    with pytest.raises(ModelError, match=r"no model 'gru' of new cells.*allowed: hmlm, persistence"):
        benchmark.models("newcell_k8", ["gru"])
    with pytest.raises(ModelError, match=r"no model 'splin' here \(did you mean 'spline'\?\)"):
        benchmark.models("published_noise05", ["splin"])


def test_a_row_of_each_family(folder, monkeypatch):
    monkeypatch.setitem(newcell.SETTINGS, "newcell_k8", {"k": 3})
    one = newcell.run_one("newcell_k8", "pchip", 0, train=20)
    assert set(one["values"]) >= set(summary.CELLS) | {"seconds", "parameters"}
    assert one["values"]["D/mse_all"] < 0.01
    benchmark.run(["published_noise05"], ["quadratic"], [7], report=lambda line: None)
    kept = benchmark.rows("published_noise05")
    assert [row["seed"] for row in kept] == [7]
    assert kept[0]["values"].keys() >= set(summary.COURSE)
    benchmark.run(["published_noise05"], ["quadratic"], [7], report=pytest.fail)  # it is there: nothing is computed
    assert onecourse.entry("quadratic").knows == "nothing"
    for setting, model, columns in (
        ("faithful_k8", "prior", summary.EXPLAINED),
        ("planted10_k8", "correlation", summary.EDGES),
    ):
        benchmark.run([setting], [model], [7], report=lambda line: None)
        (row,) = benchmark.rows(setting)
        assert row["values"].keys() >= set(columns)
        assert all(0 <= row["values"][column] <= 1 for column in columns)
