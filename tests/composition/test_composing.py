"""What notebook 08 calls: tables of strategies, differences over seeds, attention and exchanges, and their figures."""

import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from hmlm_lib.composition import encoders, record, study
from hmlm_lib.composition.fit import auroc
from hmlm_lib.composition.pairs import Pairs, splits
from hmlm_lib.composition.planted import POCKETS, planted
from hmlm_lib.errors import DataUnavailable, ModelError, SequenceError
from hmlm_lib.evaluation import benchmark, rows, summary
from hmlm_lib.figures import fig_anchors, fig_masking, fig_strategies


@pytest.fixture(scope="module")
def parts():
    return splits(planted(12_000, 48), 0, train=800, valid=150, test=200, unseen=(8, 8))


@pytest.fixture(scope="module")
def found(parts):
    names = ["one_hot_logistic", "position_tables", "peptide_only", "composition"]
    return study.compared(names, parts, study.Live("planted", 2))


def test_strategies_side_by_side_are_those_trained_alone(parts, found):
    table, fitted = found
    assert set(fitted) == {"peptide_only", "composition"}
    alone = study.trained("peptide_only", parts, study.Live("planted", 2)).at("random")
    pairs = parts.test["random"]
    np.testing.assert_array_equal(alone.predict(pairs), fitted["peptide_only"].at("random").predict(pairs))
    assert table.loc["peptide_only", "random"] == 0.5
    assert table.loc["composition", "features"] == 32
    assert (table["random_low"] <= table["random"]).all()
    assert (table["random"] <= table["random_high"]).all()
    assert (table["random"] < study.ceiling(parts)["random"] + 0.01).all()


def test_what_needs_no_language_model_is_counted_as_in_the_record(parts, found):
    table = found[0]
    counted = {"position_tables": len(parts.train.right) * 8 * 20, "one_hot_logistic": (8 + 20) * 20 + 1}
    for name, count in counted.items():
        said, values = record.entry(name).answer(parts, 0)
        assert table.loc[name, "parameters"] == values["parameters"] == count
        assert table.loc[name, "seconds"] > 0
        for question in record.QUESTIONS:
            assert table.loc[name, question] == auroc(parts.test[question], said[question])


def test_attention_and_exchanges_of_nine_residues(parts, found):
    fitted = found[1]["composition"].at("random")
    pairs = study.nine(parts.test["random"], 20)
    assert len(pairs) == 20
    assert {len(p) for p in pairs.left} == {9}
    looks = study.looks(fitted, pairs)
    assert looks.shape == (4, 9, 20)
    np.testing.assert_allclose(looks.sum(-1), 1, atol=1e-5)
    moved = study.exchanged(fitted, pairs, "right")
    assert moved.shape == (20,)
    assert (moved > 0).all()
    np.testing.assert_array_equal(moved, study.exchanged(fitted, pairs, "right"))


def test_what_has_no_attention_or_place_is_refused(parts, found):
    pairs, (_, fitted) = parts.test["random"], found
    with pytest.raises(ModelError, match="no attention of the peptide"):
        study.looks(fitted["peptide_only"], study.nine(pairs, 2))
    for some in (pairs, study.nine(pairs, 0)):
        with pytest.raises(SequenceError, match="one length"):
            study.looks(fitted["composition"], some)
        with pytest.raises(SequenceError, match="one length"):
            study.exchanged(fitted["composition"], some, "left")
    with pytest.raises(SequenceError, match="no side 'top'"):
        study.exchanged(fitted["composition"], study.nine(pairs, 2), "top")
    with pytest.raises(SequenceError, match="count is -3"):
        study.nine(pairs, -3)
    with pytest.raises(ModelError, match="did you mean"):
        study.trained("compositon", parts, study.Live("planted", 1))
    with pytest.raises(ModelError, match="did you mean"):
        study.ahead("composition", "atention", "random")
    with pytest.raises(ModelError, match="no question 'rare'"):
        study.ahead("composition", "attention", "rare")


def test_pockets_are_places_of_the_pseudosequence():
    assert len(study.CHAIN) == 34
    assert study.pocket("B").sum() == len(study.POCKETS["B"])
    assert study.pocket("F").sum() == len(study.POCKETS["F"])
    assert not (study.pocket("B") & study.pocket("F")).any()


def test_a_small_set_of_ones_own_is_scored_by_folds():
    rng = np.random.default_rng(0)
    peptides = ["".join(rng.choice(list("ACDEF"), 9)) for _ in range(200)]
    label = [p[1] in "AC" for p in peptides]  # the peptide says it all
    pairs = Pairs.of(peptides, [f"GGG{'KR'[k % 2]}{'A' * (k % 7)}" for k in range(200)], label)
    scores = study.own_set(pairs)
    assert scores["random"] > 0.95
    assert scores["unseen"] > 0.95


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "rows_dir", lambda: tmp_path)
    return tmp_path


def test_differences_are_paired_by_seed(folder):
    values = {"composition": (0.94, 0.93, 0.95), "attention": (0.90, 0.91, 0.93)}
    for model, scores in values.items():
        for seed, score in enumerate(scores):
            kept = {"L/random": score, "L/unseen": score - 0.1, "parameters": 5, "features": 2, "seconds": 1.0}
            name = "composition_16k"
            rows.add_row(name, rows.make_row(name, model, seed, kept) | {"code": benchmark.code(name, model)})
    gap, error, count = study.ahead("composition", "attention", "random")
    assert (round(gap, 6), count) == (round(0.08 / 3, 6), 3)
    assert error == pytest.approx(np.std([0.04, 0.02, 0.02], ddof=1) / 3**0.5)
    assert np.isnan(study.ahead("composition", "concatenation", "random")[0])
    table = study.recorded()
    assert table.loc["composition", "random"] == pytest.approx(0.94)
    assert "| composition | 0.940 ± 0.010 | 0.840 ± 0.010 | 5 | 2 | 3 |" in summary.markdown("composition_16k")
    plt.close(fig_strategies(table))


def test_the_record_knows_the_strategies():
    assert benchmark.models("composition_16k") == list(record.MODELS)
    assert {"one_hot_logistic", "position_tables", "peptide_only", "composition_untrained"} <= set(record.MODELS)


def test_a_language_model_is_told_by_its_name_or_by_its_files(monkeypatch, tmp_path):
    assert record.mark("composition") == ""
    monkeypatch.setenv(encoders.VARIABLE, "facebook/esm2_t6_8M_UR50D")
    assert record.mark("composition") == record.mark("composition_untrained") == "-facebook--esm2_t6_8M_UR50D"
    assert record.mark("position_tables") == ""
    monkeypatch.setenv(encoders.VARIABLE, str(tmp_path))
    with pytest.raises(ModelError, match=r"no file is there, though HMLM_LANGUAGE_MODEL names it"):
        record.mark("composition")
    marks = []
    for content in ("{}", "{ }"):
        (tmp_path / "config.json").write_text(content)
        marks.append(record.mark("composition"))
    assert len({*marks}) == 2
    assert all(len(one) == 17 for one in marks)
    monkeypatch.setenv(encoders.VARIABLE, "esm2_8m")
    assert record.mark("composition") == "-facebook--esm2_t6_8M_UR50D"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("emb2_8m", r"no model 'emb2_8m' \(did you mean 'esm2_8m'\?\); allowed: esm2_8m"),
        ("mine", "no model 'mine'; allowed: .*a folder that is there"),
        (" ", "no model ' '"),
        ("./not/there", "no model './not/there'"),
        ("a/" + "b" * 5000, None),
        ("a--b/c", "no model 'a--b/c'"),
        ("molformer", "runs code from the hub, which no variable can allow"),
    ],
)
def test_what_names_no_language_model_is_refused_before_any_row_is_asked(monkeypatch, tmp_path, name, message):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(encoders.VARIABLE, name)
    if message is None:
        assert record.mark("composition") == "-" + name.replace("/", "--")
        return
    with pytest.raises(ModelError, match=message):
        benchmark.codes("composition_16k")


def test_the_folder_that_is_marked_is_the_one_that_is_loaded(monkeypatch, tmp_path):
    """transformers, as far as it is asked: what it is told to load."""
    told = []

    class Auto:
        @staticmethod
        def from_pretrained(where, **_):
            told.append(where)
            raise OSError("no weights")

    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(AutoModel=Auto, AutoTokenizer=Auto))
    monkeypatch.chdir(tmp_path)
    for name in ("esm2_8m", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(name)
    for name, place in (("esm2_8m", "facebook/esm2_t6_8M_UR50D"), ("./mine", "mine"), ("a/b", "a/b")):
        monkeypatch.setenv(encoders.VARIABLE, name)
        encoders._loaded.cache_clear()
        with pytest.raises(DataUnavailable, match="no weights"):
            encoders.encoders(True, 0)
        assert told[-1] == place
    monkeypatch.setenv(encoders.VARIABLE, "./mine")
    assert len(record.mark("composition")) == 17


def test_a_draw_that_cannot_be_dealt_out_is_drawn_again(monkeypatch, parts):
    tried = []

    def refuse(ligands, seed, **sizes):
        tried.append(seed)
        if seed < 2000:
            raise SequenceError("cannot be dealt out")
        return parts

    record.question.cache_clear()
    monkeypatch.setattr(record, "transphla", lambda: None)
    monkeypatch.setattr(record, "splits", refuse)
    assert record.question(4) is parts
    assert tried == [4, 1004, 2004]
    record.question.cache_clear()


def test_figures_draw(found):
    plt.close(fig_strategies(found[0], {"random": 0.9, "unseen": 0.9}))
    plt.close(fig_masking(pd.DataFrame({"a": [0.5, 0.5, 0.0]}, index=[1, 2, 3]), 2))
    looks = pd.DataFrame(np.full((9, 20), 0.05), [f"P{k}" for k in range(1, 10)])
    doors = {name: looks.columns == place for name, place in POCKETS.items()}
    fig = fig_anchors(looks, looks.mean(axis=1), looks.mean(axis=0), doors)
    assert len(fig.axes) == 4
    plt.close(fig)
