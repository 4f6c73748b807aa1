"""The README's tables: who is the best other, and what is said where rows are missing."""

import pytest

from hmlm_lib.errors import HmlmError
from hmlm_lib.evaluation import benchmark, readme, rows, summary
from hmlm_lib.evaluation.aims import AIMS
from hmlm_lib.evaluation.summary import larger_is_better


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    return tmp_path


def add(model, seed, error, r=0.5):
    values = {"A/mse_all": 0.1, "B/mse_all": error, "C/effect_mse": 0.3, "C/effect_r": r}
    code = benchmark.code("k8", model)
    rows.add_row("k8", {"setting": "k8", "model": model, "seed": seed, "code": code, "values": values})


def test_the_best_other_has_as_many_worlds_and_knows_no_equations(folder):
    for seed in (0, 1):
        add("hmlm", seed, 0.01 + 0.02 * seed)
        add("hmlm_flat", seed, 0.001)  # ours
        add("hill_fitted", seed, 0.002)  # knows them
        add("ridge", seed, 0.2, r=0.9)
        add("gru", seed, 0.3, r=0.95)
    add("mlp", 0, 0.003, r=0.99)  # one world
    lines = readme.simulated()
    assert "| B, 8 points | 0.02000 ± 0.01414 | 0.20000 ± 0.00000 (ridge) | 0.00200 ± 0.00000 |" in lines
    assert "| C, r, 8 points | 0.500 ± 0.000 | 0.950 ± 0.000 (gru) | 0.500 ± 0.000 |" in lines


def test_aims_are_reached_by_bound_and_by_share(folder):
    for model, error in {"hmlm": 0.0007, "ridge": 0.0035, "hill_fitted": 0.0001}.items():
        add(model, 0, error, r=0.9799)
    lines = readme.aims()
    assert "| B, 8 points | at most 0.0008 | 0.00070 (hmlm) | at most 0.2 | 0.2 | yes |" in lines
    assert "| C, r | at least 0.98 | 0.980 (hmlm) | - | - | no |" in lines
    assert "| B, 4 points | at most 0.0012 | - | at most 0.2 | nan | - |" not in lines
    assert "| B, 4 points | at most 0.0012 | - | at most 0.2 | - | - |" in lines
    add("gru", 0, 0.0034)
    assert any(line.startswith("| B, 8 points |") and line.endswith("| 0.21 | no |") for line in readme.aims())
    for model, score in {"chmr": 0.7, "chmr_committee": 0.6, "forest": 0.6}.items():
        add_molecules(model, 0, score)
    ahead = [line for line in readme.aims() if line.startswith("| nine sets, published test")]
    assert [line.split(" | ")[2] for line in ahead] == ["1", "0"]  # level is not ahead


def test_every_aim_asks_for_something_that_is_measured():
    for aim in AIMS:
        assert aim.bound is not None or aim.share is not None
        assert aim.measure in {**summary.measures(aim.setting), "A/mse_all": "A"}
        assert aim.ours in benchmark.codes(aim.setting)


def test_without_rows_there_are_dashes(folder):
    assert "| B, 4 points | - | - | - |" in readme.simulated()
    assert "| C, r, over-expression, on the other species | - | - | - |" in readme.simulated()
    assert all(line.count(" - |") >= 2 for line in readme.others()[2:-1])


def test_other_scaffolds_without_rows(folder):
    assert "| hiv | - | - | 0 | - | - |" in readme.scaffolds()


def add_molecules(model, seed, score):
    code = benchmark.code("molecules_sider", model)
    values = {"M/test": score, "M/clean": score, "M/random": score, "M/by_task": [score], "seconds": 1.0}
    row = {"setting": "molecules_sider", "model": model, "seed": seed, "code": code, "values": values}
    rows.add_row("molecules_sider", row)


def test_votes_of_a_forest_have_a_table_of_their_own_and_enter_no_other(folder):
    scores = {"chmr": 0.61, "chmr_committee": 0.64, "forest": 0.66, "mlp_descriptors": 0.6}
    for model, score in scores.items():
        add_molecules(model, 0, score)
    before = readme.assays() + readme.scaffolds()
    assert readme.forests() == []
    add_molecules("chmr_forest", 0, 0.69)
    add_molecules("mlp_descriptors_forest", 0, 0.68)
    assert readme.assays() + readme.scaffolds() == before  # neither CHMR's number nor the best other
    assert any(line.startswith("| sider | 0.610 | 0.640 | 0.660 (forest) |") for line in before)
    add_molecules("forest", 1, 0.5)  # a seed that ours has not seen
    assert readme.forests()[2:-1] == ["| sider | 0.690 | 0.680 | 0.660 | 0.690 | 0.680 | 0.660 | 1 |"]


@pytest.mark.parametrize(
    ("name", "measure", "larger"),
    [
        ("k8", "B/mse_all", False), ("k8", "C/effect_r", True), ("overexpressed_k8", "O/effect_mse", False),
        ("overexpressed_k8", "O/rest_effect_r", True), ("newcell_k8", "D/mse_all", False),
        ("faithful_k8", "F/spearman", True), ("insilico", "E/auroc", True), ("hpn_sparse4", "R/rmse", False),
        ("imputed_morphology", "I/error_random", False), ("literature", "L/balanced_accuracy", True),
        ("molecules_biogen", "M/test", False), ("molecules_bace", "M/test", True),
        ("composition_16k", "L/unseen", True),
    ],
)  # fmt: skip
def test_which_way_is_better(name, measure, larger):
    assert larger_is_better(name, measure) is larger


def test_controls_of_the_method_are_no_rivals():
    assert not any(readme._foreign(name) for name in ("chmr_shuffled", "knockout_untrained", "score_test", "learned"))
    assert not any(readme._foreign(name) for name in ("chmr_forest", "mlp_descriptors_forest", "chmr_no_tree"))
    assert all(readme._foreign(name) for name in ("committee_descriptors", "GENIE3", "gp_mean", "attention_matched"))


def test_what_the_user_has_set_is_said_above_the_tables(monkeypatch):
    assert readme._set() == []
    monkeypatch.setenv("HMLM_SHAPES", "unimol")
    assert readme._set()[0].startswith("With `HMLM_SHAPES=unimol`: ")


def texts(folder, between=""):
    """README and findings with their markers; their text."""
    text = f"mine\n{readme.BEGIN}\n{between}{readme.END}\n"
    (folder / "reports").mkdir()
    for name in readme.FILES:
        (folder / name).write_text(text)
    return text


@pytest.mark.parametrize("name", readme.FILES)
def test_a_text_without_markers_is_refused_and_all_are_kept(tmp_path, monkeypatch, name):
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    text = texts(tmp_path)
    (tmp_path / name).write_text("mine")
    with pytest.raises(HmlmError, match=f"{name}: needs the lines"):
        readme.write()
    assert sorted((tmp_path / name).read_text() for name in readme.FILES) == sorted([text, "mine"])


def test_nothing_is_written_where_a_number_has_no_key(tmp_path, monkeypatch, folder):
    add("hmlm", 0, 0.01)
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    monkeypatch.setattr(readme.flat, "KEYS", {})
    text = texts(tmp_path)
    with pytest.raises(HmlmError, match="has no key"):
        readme.write()
    assert [path.name for path in (tmp_path / "reports").glob("*.*")] == ["findings.md"]
    assert {(tmp_path / name).read_text() for name in readme.FILES} == {text}


def test_an_empty_folder_of_rows_empties_no_table(tmp_path, monkeypatch, folder):
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    mine = texts(tmp_path, "| a | number |\n")
    with pytest.raises(HmlmError, match="no row of today's code"):
        readme.write()
    assert {(tmp_path / name).read_text() for name in readme.FILES} == {mine}
