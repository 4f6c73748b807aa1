"""`python -m hmlm_lib predict`: what it writes, what it says, and what it refuses before anything is trained."""

import pandas as pd
import pytest

from hmlm_lib.__main__ import main
from hmlm_lib.real import own


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "blots.csv"
    made.write_text(own.template())
    return made


@pytest.mark.parametrize(("model", "said"), [("persistence", 0), ("hmlm", 2)])
def test_species_are_counted_for_the_models_that_look_for_them(path, tmp_path, capsys, monkeypatch, model, said):
    wiring = tmp_path / "wiring.sif"
    wiring.write_text("EGF 1 ERK\n")
    monkeypatch.setattr(own, "compare", lambda courses, *_: [own.predict(courses, "persistence")])
    words = ["predict", str(path), "--network", str(wiring), "--models", "ridge", model]
    assert main([*words, "--out", str(tmp_path / "said.csv")]) == 0
    assert capsys.readouterr().out.count("are species of wiring") == said


@pytest.mark.parametrize("stimulus", ["IGF1", "IGF2"])
def test_the_written_file_says_whose_interval_is_too_narrow(path, tmp_path, stimulus):
    table, out = pd.read_csv(path), tmp_path / "said.csv"
    asked = (table["stimulus"] == "IGF1") & (table["inhibitor"] == "AKTi")
    start = table[(table["inhibitor"] == "AKTi") & (table["time"] == 0)].assign(inhibitor="JNKi")
    table = table.assign(stimulus=table["stimulus"].mask(asked, stimulus))
    if stimulus == "IGF2":
        table = pd.concat([table.assign(inhibitor=table["inhibitor"].mask(asked, "JNKi")), start])
    table.to_csv(path, index=False)
    assert main(["predict", str(path), "--models", "ridge", "--out", str(out)]) == 0
    found = pd.read_csv(out, keep_default_na=False)
    of_asked = found["predicted"] != ""
    assert of_asked.sum() == 4
    note = "interval of known treatments: too narrow for IGF2, JNK" if stimulus == "IGF2" else ""
    assert set(found.loc[of_asked, "note"]) == {note}
    assert set(found.loc[~of_asked, "note"]) == {""}


def test_the_command_writes_a_template_and_predictions(tmp_path, capsys):
    table, out = tmp_path / "blots.csv", tmp_path / "said.csv"
    assert main(["predict", str(table), "--template"]) == 0
    assert main(["predict", str(table), "--template"]) == 2  # never over a file
    assert main(["predict", str(table), "--models", "ridge", "persistence", "--out", str(out)]) == 0
    found = pd.read_csv(out)
    assert set(found["model"]) == {"ridge", "persistence"}
    assert found.groupby("model")["predicted"].count().tolist() == [4, 4]
    assert "there is a file already" in capsys.readouterr().err


def test_the_command_spares_what_it_reads(tmp_path, capsys):
    table, wiring, link = (tmp_path / name for name in ("blots.csv", "wiring.sif", "link.csv"))
    table.write_text(own.template())
    wiring.write_text("EGF 1 ERK\n")
    link.symlink_to(table)
    for out, said in (
        (table, "which is read"),
        (link, "which is read"),
        (wiring, "which is read"),
        (tmp_path, "folder"),
        (".", "folder"),
    ):
        words = ["predict", str(table), "--network", str(wiring), "--models", "persistence", "--out", str(out)]
        assert main(words) == 2
        told = capsys.readouterr()
        assert (told.out, said in told.err) == ("", True)
    assert table.read_text() == own.template()
    assert wiring.read_text() == "EGF 1 ERK\n"


def test_the_command_trains_nothing_whose_result_cannot_be_written(tmp_path, capsys, monkeypatch):
    table, blocked, trained = tmp_path / "blots.csv", tmp_path / "blocked", []
    table.write_text(own.template())
    blocked.write_text("a file")
    monkeypatch.setattr(own, "compare", lambda *given: trained.append(given) or [])
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    before = sorted(tmp_path.iterdir())
    places = blocked / "said.csv", blocked / "deeper" / "said.csv", tmp_path / ("long" * 80), tmp_path / "nowhere" / "a"
    for out in places:
        assert main(["predict", str(table), "--out", str(out)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith(f"error: {out}: cannot be written (")
        assert len(told.err.splitlines()) == 1
    assert (trained, sorted(tmp_path.iterdir())) == ([], before)


def test_a_result_in_a_new_folder_leaves_none_where_the_table_is_wrong(tmp_path):
    table, out = tmp_path / "blots.csv", tmp_path / "new" / "deeper" / "said.csv"
    table.write_text("stimulus\nEGF\n")
    assert main(["predict", str(table), "--out", str(out)]) == 2
    assert sorted(tmp_path.iterdir()) == [table]
    table.write_text(own.template())
    assert main(["predict", str(table), "--models", "persistence", "--out", str(out)]) == 0
    assert [path.name for path in out.parent.iterdir()] == ["said.csv"]
