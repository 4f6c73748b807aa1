"""MIDAS tables as the field writes them, and every way in which they can be wrong."""

import numpy as np
import pandas as pd
import pytest

from hmlm_lib.data import available, fetch
from hmlm_lib.errors import TableError
from hmlm_lib.midas import from_table, read_midas

COLUMNS = ["TR:mine:CellLine", "TR:EGF", "TR:MEKi", "DA:ALL", "DV:ERK", "DV:AKT"]
ROWS = [
    [1, 0, 0, 0, 1.0, 2.0],
    [1, 0, 1, 0, 0.5, 2.5],
    [1, 1, 0, 5, 3.0, 2.0],
    [1, 1, 0, 5, 5.0, np.nan],
    [1, 1, 0, 30, 2.0, 2.2],
    [1, 1, 1, 5, 0.6, 2.1],
]


@pytest.fixture
def table():
    return pd.DataFrame(ROWS, columns=COLUMNS)


def test_treatments_times_and_replicates(table):
    found = from_table(table, share_start=False)
    assert found.cell_line == "mine"
    assert list(found.values.condition.values) == ["nothing", "MEKi", "EGF", "EGF + MEKi"]
    assert found.values.time.values.tolist() == [0, 5, 30]
    assert found.stimuli["EGF"].tolist() == [0, 0, 1, 1]
    assert found.inhibitors["MEKi"].tolist() == [0, 1, 0, 1]
    both = found.values.sel(condition="EGF", time=5)
    assert both.sel(signal="ERK").values.tolist() == [3.0, 5.0]
    assert found.mean().sel(condition="EGF", time=5).values.tolist() == [4.0, 2.0]
    assert np.isnan(found.values.sel(condition="EGF + MEKi", time=30)).all()


def test_unstimulated_first_times_start_the_conditions_of_the_same_inhibitor(table):
    found = from_table(table)
    assert list(found.values.condition.values) == ["EGF", "EGF + MEKi"]
    assert found.mean().sel(time=0, signal="ERK").values.tolist() == [1.0, 0.5]


def test_a_start_that_starts_nothing_stays_a_condition(table):
    alone = table[~((table["TR:EGF"] == 1) & (table["TR:MEKi"] == 1))]
    found = from_table(alone)
    assert list(found.values.condition.values) == ["MEKi", "EGF"]
    assert found.mean().sel(condition="MEKi", time=0).values.tolist() == [0.5, 2.5]


def test_a_control_seen_in_time_stays_a_condition(table):
    more = pd.concat([table, pd.DataFrame([[1, 0, 0, 30, 1.1, 2.0]], columns=COLUMNS)])
    found = from_table(more)
    assert "nothing" in found.values.condition.values
    assert np.isnan(found.values.sel(condition="EGF", time=0)).all()


@pytest.mark.parametrize("other", ["TR:EGF:Inhibitors", "TR:nothing", "TR:EGF (0.5)"])
def test_treatments_that_would_share_a_name_are_refused(table, other):
    rows = pd.DataFrame([[1, 0.5, 0, 5, 1.0, 2.0]], columns=COLUMNS) if "0.5" in other else None
    wide = pd.concat([table, rows]).assign(**{other: 0.0})
    alone = pd.DataFrame([[1, 0, 0, 5, 4.0, 2.0, 1.0]], columns=[*COLUMNS, other])
    with pytest.raises(TableError, match=r"two treatments would both be called '(EGF|nothing|EGF \(0.5\))'"):
        from_table(pd.concat([wide, alone]))


def test_levels_between_are_named(table):
    table["TR:EGF"] = table["TR:EGF"] * 0.5
    assert "EGF (0.5) + MEKi" in from_table(table).values.condition.values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.rename(columns={"DV:AKT": "AKT"}), r"m.csv, column 'AKT'; allowed: TR:name\[:CellLine\|"),
        (lambda t: t.rename(columns={"TR:EGF": "TR:EGF:Ligand"}), "column 'TR:EGF:Ligand'; allowed"),
        (lambda t: t.drop(columns="DA:ALL"), "no DA column; allowed: a column of times, DA:ALL"),
        (lambda t: t.drop(columns=["DV:ERK", "DV:AKT"]), "no DV column; allowed: at least one signal"),
        (lambda t: t.assign(**{"DA:ALL": [0, 0, "soon", 5, 30, 5]}), "row 4, DA:ALL is 'soon'; allowed: a number$"),
        (lambda t: t.assign(**{"DA:ALL": [0, 0, -5, 5, 30, 5]}), "row 4: time -5; allowed: 0 or later"),
        (lambda t: t.assign(**{"TR:EGF": [0, 0, None, 1, 1, 1]}), "row 4, TR:EGF is empty; allowed: a number$"),
        (lambda t: t.assign(**{"DV:ERK": [1, 2, "high", 3, 4, 5]}), "row 4, DV:ERK is 'high'; allowed: a number, or"),
        (lambda t: pd.concat([t, t.iloc[[2]]]), "row 8 repeats row 4; allowed: replicates, which differ"),
        (lambda t: t.assign(**{"TR:other:CellLine": 1}), r"2 cell lines \(mine, other\); allowed: one a table"),
        (lambda t: t.assign(**{"DA:ERK": 0}), "row 4: signals measured at different times"),
        (lambda t: t.rename(columns={"DV:AKT": "DV:ERK:z"}), "DV 'ERK(:z)?'; allowed: every name once"),
        (
            lambda t: t.assign(**{"TR:EGF + HGF": 0}),
            r"Stimuli 'EGF \+ HGF'; allowed: every name once, treatments without",
        ),
    ],
)
def test_a_wrong_table_is_one_clear_error(table, change, message, tmp_path):
    path = tmp_path / "m.csv"
    change(table).to_csv(path, index=False)
    with pytest.raises(TableError, match=message) as caught:
        read_midas(path)
    assert str(path) in str(caught.value)


def test_a_missing_or_empty_file_is_named(tmp_path):
    with pytest.raises(TableError, match=r"nowhere\.csv: "):
        read_midas(tmp_path / "nowhere.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(TableError, match=r"empty\.csv: "):
        read_midas(tmp_path / "empty.csv")


@pytest.mark.data
@pytest.mark.skipif(not available("MD-BT20_main_for_null"), reason="HPN-DREAM: not in HMLM_DATA_DIR or cache")
@pytest.mark.parametrize(
    ("line", "conditions", "signals"), [("BT20", 30, 48), ("BT549", 24, 45), ("MCF7", 32, 41), ("UACC812", 32, 45)]
)
def test_the_four_lines_of_the_challenge(line, conditions, signals):
    found = read_midas(fetch(f"MD-{line}_main_for_null"))
    assert found.cell_line == line
    assert found.values.shape == (conditions, 7, 1, signals)
    assert found.values.time.values.tolist() == [0, 5, 15, 30, 60, 120, 240]
    assert np.isfinite(found.values.sel(time=0)).all()
    assert found.inhibitors.shape[1] == (2 if line == "BT549" else 3)
