"""A user's own table: read, matched, predicted with intervals; every mistake is one clear line."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hmlm_lib.__main__ import main
from hmlm_lib.errors import ModelError, TableError
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.real import hmlm, own
from hmlm_lib.real.courses import NONE
from hmlm_lib.tables import line_numbers

NETWORK = SignalingNetwork.from_rules("mine", ["=> EGF", "EGF => ERK", "IGF1 => AKT", "MEK => ERK"])


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "blots.csv"
    found.write_text(own.template())
    return found


def changed(path, **columns):
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)
    return path


def test_empty_lines_of_a_file_count_in_messages(path):
    lines = path.read_text().splitlines()
    lines[3] = lines[3].rsplit(",", 1)[0] + ",much"
    path.write_text("\n".join([lines[0], "", lines[1], lines[2], "", "", *lines[3:]]))
    with pytest.raises(TableError, match="row 7, value is 'much'"):
        own.read(path)
    path.write_text("\n".join(['"stimulus\n"', *lines[1:]]))  # a break within quotes: lines are not rows
    assert line_numbers(path, pd.DataFrame({"a": [1, 2]})) == [2, 3]


def test_the_template_is_read_with_shared_starts_and_its_gap(path):
    courses = own.read(path)
    assert (courses.line, len(courses), courses.signals) == ("blots", 9, ("AKT", "ERK"))
    assert set(zip(courses.stimulus, courses.inhibitor, strict=True)) == {
        (s, i) for s in ("EGF", "IGF1", "PBS") for i in (NONE, "MEKi", "AKTi")
    }
    assert not np.isnan(courses.log2[:, 0]).any()
    gap = np.isnan(courses.log2[:, 1:]).all((1, 2))
    assert [(courses.stimulus[k], courses.inhibitor[k]) for k in np.flatnonzero(gap)] == [("IGF1", "AKTi")]
    assert own.read(path, hours=True).times.tolist() == [0, 300, 3600]


def test_midas_and_tidy_say_the_same(path, tmp_path):
    midas = tmp_path / "midas.csv"
    own.as_midas(pd.read_csv(path), "here").to_csv(midas, index=False)
    one, other = own.read(path), own.read(midas)
    assert one.stimulus == other.stimulus
    np.testing.assert_array_equal(one.log2, other.log2)


def test_what_matches_no_species_is_listed(path):
    table = own.matches(own.read(path), NETWORK).set_index("name")["species"]
    assert table.to_dict() == {"AKT": "AKT", "ERK": "ERK", "EGF": "EGF", "IGF1": "IGF1", "PBS": "", "MEK": "MEK"}
    lines = own.described(own.read(path), NETWORK)
    assert lines[0] == "blots: 9 conditions, 3 times, 2 signals, 4 of 54 values asked"
    assert lines[1:] == [
        "2 of 2 signals are species of mine",
        "2 of 3 stimuli are species of mine; without a species: PBS",
    ]


def test_no_other_model_than_the_one_named_reads_the_network(path):
    courses = own.read(path)
    for name in set(own.models(None)) - set(own.READS_NETWORK):
        found = [own.models(network)[name](courses.take([0, 1, 3, 4]), courses, ()) for network in (None, NETWORK)]
        np.testing.assert_array_equal(*found)


def test_a_misspelt_treatment_is_named_with_what_is_near(path):
    table = pd.read_csv(path)
    assert not any("in no condition" in line for line in own.described(own.read(path), None))
    asked = (table["stimulus"] == "IGF1") & (table["inhibitor"] == "AKTi")
    table.assign(stimulus=table["stimulus"].mask(asked, "IGFl")).to_csv(path, index=False)
    assert own.described(own.read(path), None)[-1] == (
        "stimulus 'IGFl' is in no condition that is learned from (did you mean 'IGF1'?); its intervals are those of "
        "known ones, and too narrow"
    )
    start = table[(table["inhibitor"] == "AKTi") & (table["time"] == 0)].assign(inhibitor="JNKi")
    pd.concat([table.assign(inhibitor=table["inhibitor"].mask(asked, "JNKi")), start]).to_csv(path, index=False)
    assert own.described(own.read(path), None)[-1].startswith("drug 'JNK' is in no condition that is learned from;")


def test_names_of_models_are_checked_before_any_is_trained(path, monkeypatch):
    trained = []
    monkeypatch.setattr(own, "predict", lambda *of: trained.append(of[1]) or own.Prediction(of[1], 0, 0, 0))
    with pytest.raises(ModelError, match=r"ridgee.*did you mean 'ridge'"):
        own.compare(own.read(path), ["persistence", "ridgee"], None)
    assert trained == []
    assert [one.model for one in own.compare(own.read(path), ["ridge", "ridge"], None)] == ["ridge"]


def test_asked_values_are_predicted_and_measured_ones_kept(path):
    courses = own.read(path)
    found = own.predict(courses, "ridge")
    known = ~np.isnan(courses.log2)
    np.testing.assert_array_equal(found.log2[known], courses.log2[known])
    table = own.as_table(courses, found)
    asked = table[table["measured"].isna()]
    assert len(asked) == 4
    assert (asked["low"] < asked["predicted"]).all()
    assert (asked["predicted"] < asked["high"]).all()
    at = asked.set_index(["signal", "minutes"])["predicted"]
    assert at["AKT", 5] == pytest.approx(1000, rel=0.2)  # AKTi: a start of 200, IGF1: five times as much


@pytest.mark.parametrize("only", [True, False])
def test_a_single_empty_value_is_predicted_too(path, only):
    whole = own.read(path)
    courses = whole.take(~own.incomplete(whole)) if only else whole
    courses = replace(courses, log2=courses.log2.copy())
    pairs = list(zip(courses.stimulus, courses.inhibitor, strict=True))
    lost = pairs.index(("IGF1", "MEKi")), 1, courses.signals.index("AKT")
    truth, courses.log2[lost] = courses.log2[lost], np.nan
    for model in ("ridge", "gp_alike"):
        found = own.predict(courses, model)
        assert not np.isnan(found.log2).any()
        known = ~np.isnan(courses.log2)
        np.testing.assert_array_equal(found.log2[known], courses.log2[known])
    assert found.log2[lost] == pytest.approx(truth, abs=0.5)  # the process reads the later value of the condition


def test_a_gap_of_a_treatment_that_no_other_condition_has_is_noted(path):
    whole = own.read(path)
    courses = whole.take(~own.incomplete(whole))
    log2 = courses.log2.copy()
    pairs = list(zip(courses.stimulus, courses.inhibitor, strict=True))
    alone, among = pairs.index(("IGF1", "MEKi")), pairs.index(("EGF", "AKTi"))
    log2[[alone, among], 1, 0] = np.nan
    names = ["IGF2" if k == alone else name for k, name in enumerate(courses.stimulus)]
    courses = replace(courses, log2=log2, stimulus=tuple(names))
    table = own.as_table(courses, own.predict(courses, "ridge"))
    noted = table[table["note"] != ""]
    assert noted[["stimulus", "note"]].to_numpy().tolist() == [
        ["IGF2", "interval of known treatments: too narrow for IGF2"]
    ]
    assert table["measured"].isna().sum() == 2
    assert [line for line in own.described(courses, None) if "'IGF2'" in line] == [
        "stimulus 'IGF2' is in no condition that is learned from (did you mean 'IGF1'?); its intervals are those of "
        "known ones, and too narrow"
    ]


def test_hmlm_foretells_the_template(path):
    courses = own.read(path)
    nothing = own.predict(courses, "persistence").error
    assert own.predict(courses, "hmlm", NETWORK).error < nothing / 2


def test_the_widest_interval_is_the_next_experiment(path):
    table = pd.read_csv(path)
    gone = (table["stimulus"] == "PBS") & (table["inhibitor"] == "MEKi")
    table[~gone].to_csv(path, index=False)
    found = own.next_experiments(own.read(path))
    assert set(zip(found["stimulus"], found["inhibitor"], strict=True)) == {("PBS", "MEKi"), ("IGF1", "AKTi")}
    assert found["spread"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"dose": 1}, "column 'dose' is unknown; allowed: MIDAS columns"),
        ({"signal": [None] + ["ERK"] * 41}, "row 2, signal is empty"),
        ({"value": -1.0}, "row 2, value is '-1'; allowed: intensities above 0"),
        ({"value": "much"}, "is 'much'; allowed: a number, or nothing"),
        ({"value": lambda table: table["value"].where(table["time"] > 0)}, "allowed: a start each"),
    ],
)
def test_a_wrong_table_is_one_clear_error(path, columns, message):
    with pytest.raises(TableError, match=message):
        own.read(changed(path, **columns))


@pytest.mark.parametrize("midas", [False, True])
def test_one_empty_start_is_named_by_signal_and_inhibitor(path, midas):
    table = pd.read_csv(path)
    start = (table["inhibitor"] == "MEKi") & (table["time"] == 0) & (table["signal"] == "ERK")
    table.loc[start, "value"] = np.nan
    (own.as_midas(table, "here") if midas else table).to_csv(path, index=False)
    with pytest.raises(TableError, match=r"blots.csv: signal 'ERK' with inhibitor 'MEKi' has no value at the first"):
        own.read(path)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("value", "much", "row 42, value is 'much'; allowed: a number, or nothing"),
        ("value", "-3", "row 42, value is '-3'; allowed: intensities above 0"),
        ("time", "soon", "row 42, time is 'soon'; allowed: a number$"),
        ("time", "-5", "row 42, time is '-5'; allowed: 0 or later"),
        ("time", "", "row 42, time is empty; allowed: a number$"),
        ("signal", " ", "row 42, signal is empty; allowed: a name"),
        ("signal", "p:ERK", "row 42, signal is 'p:ERK'; allowed: names without a colon"),
        ("signal", "Erk", "row 42, signal is 'Erk', in row 2 'ERK'; allowed: one spelling"),
        ("stimulus", "Pbs", "row 42, stimulus is 'Pbs', in row 12 'PBS'; allowed: one spelling"),
        ("inhibitor", "MEKi + AKTI", "row 42, inhibitor is 'AKTI', in row 30 'AKTi'; allowed: one spelling"),
    ],
)
def test_a_wrong_cell_is_named_as_in_the_file(path, column, cell, message):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[40, column] = cell
    table.to_csv(path, index=False)
    with pytest.raises(TableError, match=f"blots.csv, {message}"):
        own.read(path)


def same(one, other):
    assert (one.stimulus, one.inhibitor, one.signals) == (other.stimulus, other.inhibitor, other.signals)
    np.testing.assert_allclose(one.log2, other.log2, rtol=1e-12)


def test_blanks_around_names_do_not_count(path, tmp_path):
    plain, midas = own.read(path), tmp_path / "blots" / "blots.csv"
    midas.parent.mkdir()
    table = own.as_midas(pd.read_csv(path), "here").rename(columns=lambda c: f" {c.replace(':', ' : ')} ")
    table.to_csv(midas, index=False)
    same(plain, own.read(midas))
    lines = path.read_text().replace("none", "NONE").splitlines()
    path.write_text("\n".join([*lines[:9], *(line.replace(",", " , ") for line in lines[9:])]))
    same(plain, own.read(path))
    midas.write_text(midas.read_text().replace("EGF", "igf1"))
    with pytest.raises(TableError, match="row 1: columns 'TR:igf1:Stimuli' and 'TR:IGF1:Stimuli'"):
        own.read(midas)


def test_a_second_dose_is_no_replicate(path, tmp_path):
    midas = own.as_midas(pd.read_csv(path), "here").reset_index(drop=True)
    at = int(np.flatnonzero(midas["TR:EGF:Stimuli"])[1])
    midas.assign(**{"TR:EGF:Stimuli": 100 * midas["TR:EGF:Stimuli"]}).to_csv(tmp_path / "blots.csv", index=False)
    assert "EGF" in own.read(tmp_path / "blots.csv").stimulus  # one level, whatever its unit
    midas["TR:EGF:Stimuli"] = midas["TR:EGF:Stimuli"].astype(float)
    midas.loc[at, "TR:EGF:Stimuli"] = 0.1
    midas.to_csv(path, index=False)
    with pytest.raises(
        TableError, match=rf"row {at + 2}, TR:EGF:Stimuli is 0.1, in row \d+ 1; allowed: 0 and one level"
    ):
        own.read(path)


def test_replicates_may_be_equal_but_not_in_every_sample(path):
    one = pd.read_csv(path)
    start, factor = one["time"] == 0, np.where(one["time"] == 0, 1.0, 1.21)
    pd.concat([one, one.assign(value=one["value"] * factor)]).to_csv(path, index=False)
    found = own.read(path)  # starts are equal, and so are the two rows of what is asked
    assert np.isnan(found.log2).sum() == 4
    pd.concat([one[~start], one.assign(value=one["value"] * factor)]).to_csv(path, index=False)
    same(found, own.read(path))
    pd.concat([one, one]).to_csv(path, index=False)
    with pytest.raises(
        TableError, match=r"row 44 repeats row 2, and so on in every sample; allowed: replicates, which"
    ):
        own.read(path)
    pd.concat([one, one.assign(value=one["value"] * 1.21), one]).to_csv(path, index=False)
    with pytest.raises(TableError, match="row 86 repeats row 2"):
        own.read(path)


@pytest.mark.parametrize("midas", [False, True])
def test_rows_that_repeat_others_are_listed(path, midas):
    one = pd.read_csv(path)
    one = own.as_midas(one, "here").reset_index(drop=True) if midas else one
    pd.concat([one, one.iloc[[3, 1]]]).to_csv(path, index=False)
    plain, rows = own.read(path), len(one) + 2
    assert own.described(plain, NETWORK)[1:3] == [
        f"row {rows} repeats row 5: averaged as replicates",
        f"row {rows + 1} repeats row 3: averaged as replicates",
    ]
    measured = one.dropna()
    pd.concat([one, measured.iloc[:8]]).to_csv(path, index=False)
    assert own.described(own.read(path), None)[6:] == ["further rows that repeat others: 3"]
    one.to_csv(path, index=False)
    assert own.described(own.read(path), NETWORK)[1].startswith("2 of 2 signals")


def test_nothing_asked_too_few_known_and_unknown_models(path, tmp_path):
    courses = own.read(path)
    gap = np.isnan(courses.log2).any((1, 2))
    known, asked, whole = np.flatnonzero(~gap), np.flatnonzero(gap), courses.take(~gap)
    with pytest.raises(TableError, match="nothing is asked"):
        own.predict(whole, "ridge")
    with pytest.raises(TableError, match="4 conditions are measured at every time; allowed: 5 or more"):
        own.predict(courses.take([*known[:4], *asked]), "ridge")
    with pytest.raises(ModelError, match=r"no model 'rigde' \(did you mean 'ridge'\?\)"):
        own.predict(courses, "rigde")
    for seed in (-1, 1.5, "x", None):
        with pytest.raises(TableError, match=r"seed .*; allowed: 0 to 4294967295, an integer"):
            own.predict(courses, "ridge", seed=seed)
    with pytest.raises(TableError, match="a prediction of other courses; allowed: that of these"):
        own.as_table(whole, own.predict(courses, "ridge"))
    with pytest.raises(TableError, match=r"absent\.csv"):
        own.read(tmp_path / "absent.csv")


def test_two_stimuli_at_once_are_both_of_them(path):
    table = pd.read_csv(path)
    both = table[table["stimulus"] == "EGF"].assign(stimulus="EGF + IGF1")
    pd.concat([table, both]).to_csv(path, index=False)
    courses = own.read(path)
    assert "EGF + IGF1" in courses.stimulus
    table = own.matches(courses, NETWORK)
    assert table.loc[table["what"] == "stimulus", "name"].tolist() == list(
        dict.fromkeys(part for name in courses.stimulus for part in name.split(" + ") if part != NONE)
    )
    treated, stimuli = hmlm.given([courses])
    at = courses.stimulus.index("EGF + IGF1")
    assert [name for name, level in zip(stimuli, treated.stimulus[at], strict=True) if level] == ["EGF", "IGF1"]
    training = replace(hmlm.TRAINING, steps=2)
    assert np.isfinite(hmlm.predict(courses, (courses,), NETWORK, training=training)).all()


def test_a_stimulus_may_be_called_na(path):
    """Noradrenaline: no gap in the table, and no part of the untreated control."""
    as_it_was = own.read(path)
    path.write_text(path.read_text().replace("IGF1,", "NA,"))
    found = own.read(path)
    assert sorted(set(found.stimulus)) == ["EGF", "NA", "PBS"]
    for name, was in (("NA", "IGF1"), ("EGF", "EGF")):
        np.testing.assert_array_equal(
            found.log2[np.array(found.stimulus) == name], as_it_was.log2[np.array(as_it_was.stimulus) == was]
        )


@pytest.mark.parametrize("rows", [True, False])
def test_a_signal_without_a_later_value_is_refused_by_name(path, capsys, rows):
    """A whole table without it is one edit away; numbers without an interval would look like an answer."""
    table = pd.read_csv(path)
    later = (table["signal"] == "ERK") & (table["time"] > 0)
    (table.assign(value=table["value"].mask(later)) if rows else table[~later]).to_csv(path, index=False)
    assert main(["predict", str(path), "--out", str(path.with_name("said.csv"))]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"error: {path}: signal 'ERK' has no value after the first time")
    assert err.endswith("allowed: a later value at least, or a table without this signal\n")
    assert (out, path.with_name("said.csv").exists()) == ("", False)
    table[table["signal"] != "ERK"].to_csv(path, index=False)
    assert own.read(path).signals == ("AKT",)


def test_a_signal_of_which_no_error_can_be_counted_is_refused_by_name(path):
    table = pd.read_csv(path)
    asked, signal = (table["stimulus"] == "IGF1") & (table["inhibitor"] == "AKTi"), table["signal"] == "ERK"
    table.loc[asked & (table["time"] == 5), "value"] = [900.0, 1200.0]
    table.loc[signal & (table["time"] == 60), "value"] = np.nan
    table.to_csv(path, index=False)
    message = "blots: signal 'ERK' has no value at 60 min in a condition measured at every time, .*; allowed: one at"
    with pytest.raises(TableError, match=message):
        own.predict(own.read(path), "ridge")


@pytest.mark.parametrize("midas", [True, False])
@pytest.mark.parametrize(("stimulus", "signal"), [("EGF", "EGF"), ("EGF", "egf"), ("PBS + EGF", "EGF")])
def test_a_signal_with_the_name_of_a_stimulus_is_refused(path, midas, stimulus, signal):
    """HMLM would set what it is to foretell: an error of 1.3 in place of 0.1."""
    table = pd.read_csv(path).replace({"stimulus": {"EGF": stimulus}, "signal": {"ERK": signal}})
    (own.as_midas(table, "here") if midas else table).to_csv(path, index=False)
    message = rf"blots\.csv: signal '{signal}' has the name of stimulus 'EGF'; allowed: a name for each, such as "
    with pytest.raises(TableError, match=message):
        own.read(path)
    table.replace({"signal": {signal: f"{signal} measured"}}).to_csv(path, index=False)
    assert f"{signal} measured" in own.read(path).signals
