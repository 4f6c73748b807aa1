"""Literature observations: reading, classes, and the published network's known score."""

import pandas as pd
import pytest

from hmlm_lib.data import available
from hmlm_lib.errors import TableError
from hmlm_lib.network import SignalingNetwork, load_network
from hmlm_lib.real import literature

RULES = ["=> A", "=> tension", "A => B", "!B => C", "A => D", "C => D", "E => F", "B & !E => G"]


@pytest.fixture
def network():
    return SignalingNetwork.from_rules("n", RULES, input_level=0.1)


@pytest.fixture
def sheet(tmp_path):
    rows = [
        ("v1", "A", "B", "Increase", "in-med"),
        ("v2", "A", "C", "Decrease", "in-med"),
        ("v3", "X", "B", "Increase", ""),
    ]
    path = tmp_path / "sheet.xlsx"
    pd.DataFrame(rows, columns=["ID", "Input", "Output", "Measurement", "in-out"]).to_excel(path, index=False)
    return path


def test_what_the_network_lacks_is_listed(sheet, network):
    usable, others = literature.read(sheet, network)
    assert usable.index.tolist() == ["v1", "v2"]
    assert others["stimulus"].tolist() == ["X"]


def test_a_wrong_sheet_is_one_clear_error(sheet, network):
    table = pd.read_excel(sheet)
    table.assign(Measurement=["Increase", "Up", "Increase"]).to_excel(sheet, index=False)
    with pytest.raises(TableError, match=r"v2: 'Up'; allowed: Increase, No Change, Decrease"):
        literature.read(sheet, network)
    table.drop(columns="Output").to_excel(sheet, index=False)
    with pytest.raises(TableError, match="no column 'Output'; allowed: a sheet with ID, Input"):
        literature.read(sheet, network)


def test_a_stimulus_moves_what_it_reaches(network):
    change = literature.simulated(network, ["A"])
    assert change.loc["A", "B"] > 0.3
    assert change.loc["A", "C"] < -0.3
    assert change.loc["A", "F"] == 0


def test_paths_carry_signs(network):
    found = literature.by_paths(network, ["A"]).loc["A"]
    assert found[["A", "B", "C", "D", "F", "G"]].tolist() == [1, 1, -1, 1, 0, 1]


def test_classes_and_scores():
    observations = pd.DataFrame({"stimulus": "A", "species": list("wxyz")}, index=list("abcd"))
    change = pd.DataFrame([[0.06, 0.04, -0.2, -0.01]], ["A"], list("wxyz"))
    said = literature.classes(change, observations)
    assert said.tolist() == ["Increase", "No Change", "Decrease", "No Change"]
    measured = pd.Series(["Increase", "Increase", "Decrease", "No Change"], list("abcd"))
    found = literature.scores(said, measured)
    assert found["accuracy"] == 0.75
    assert found["recall_increase"] == 0.5
    assert found["balanced_accuracy"] == pytest.approx(2.5 / 3)
    table = literature.confusion(said, measured)
    assert table.loc["Increase"].tolist() == [1, 1, 0]
    assert table.to_numpy().sum() == 4


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:Unknown extension")
@pytest.mark.skipif(not available("snm_1_1_validation"), reason="literature sheet: not in HMLM_DATA_DIR or cache")
def test_the_published_network_scores_what_its_paper_says():
    network = load_network("fibroblast-core")
    usable, others = literature.load(network)
    assert len(usable) == 118
    assert set(others["stimulus"]) == {"Forskolin"}
    said = literature.classes(literature.simulated(network, sorted(usable["stimulus"].unique())), usable)
    assert (said == usable["measured"]).sum() == 96
    table = literature.confusion(said, usable["measured"])
    assert [table.loc[name, name] for name in literature.CLASSES] == [84, 12, 0]


def test_ranking_needs_no_threshold():
    observations = pd.DataFrame({"stimulus": "A", "species": list("wxyz")}, index=list("abcd"))
    observations["measured"] = ["Increase", "No Change", "No Change", "Decrease"]
    change = pd.DataFrame([[0.002, 0.001, 0.003, -0.1]], ["A"], list("wxyz"))
    assert literature.ranking(change, observations) == {"auroc_increase": 0.5, "auroc_decrease": 1.0}
