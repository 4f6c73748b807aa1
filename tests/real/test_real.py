"""Real time courses: loading, protocols, baselines and the Gaussian process, on courses whose answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hmlm_lib.data import available
from hmlm_lib.errors import ExperimentError, ModelError, TableError
from hmlm_lib.evaluation import realcells
from hmlm_lib.midas import from_table
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.real import baselines, courses, gp, protocols
from hmlm_lib.real.courses import NONE, Courses

TIMES = np.array([0.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0])
STIMULI, INHIBITORS = ("EGF", "HGF", "PBS", "Serum", "IGF1"), (NONE, "AKTi", "MEKi")


def made(line="mine", noise=0.0, seed=0, signals=4):
    """Change = stimulus part + inhibitor part, each a rise in log time; starts differ."""
    rng = np.random.default_rng(seed)
    rise = np.log1p(TIMES) / np.log1p(240.0)
    pairs = [(s, i) for i in INHIBITORS for s in STIMULI]
    by_s = np.random.default_rng(7).normal(0, 1, (len(STIMULI), signals))
    by_i = np.random.default_rng(8).normal(0, 0.7, (len(INHIBITORS), signals))
    level = np.stack([by_s[STIMULI.index(s)] + by_i[INHIBITORS.index(i)] for s, i in pairs])
    log2 = rng.normal(0, 1, (len(pairs), 1, signals)) + level[:, None] * rise[:, None]
    log2 = log2 + rng.normal(0, noise, log2.shape) if noise else log2
    names = tuple(f"S{i}" for i in range(signals))
    return Courses(line, tuple(s for s, _ in pairs), tuple(i for _, i in pairs), TIMES, names, log2)


@pytest.fixture(scope="module")
def mine():
    return made()


def test_intensities_become_log2_and_must_be_positive():
    columns = ["TR:x:CellLine", "TR:EGF", "TR:MEKi", "DA:ALL", "DV:ERK"]
    rows = [[1, 0, 0, 0, 1.0], [1, 0, 1, 0, 2.0], [1, 1, 0, 5, 8.0], [1, 1, 1, 5, 4.0]]
    found = courses.from_midas(from_table(pd.DataFrame(rows, columns=columns)))
    assert (found.line, found.stimulus, found.inhibitor) == ("x", ("EGF", "EGF"), (NONE, "MEKi"))
    assert found.log2[:, :, 0].tolist() == [[0.0, 3.0], [1.0, 2.0]]
    assert found.change[:, 1, 0].tolist() == [3.0, 1.0]
    rows[2][4] = 0.0
    with pytest.raises(
        TableError, match="x, ERK in condition 'EGF' at 5 is not positive; allowed: intensities above 0"
    ):
        courses.from_midas(from_table(pd.DataFrame(rows, columns=columns)))
    late = pd.DataFrame([[1, 1, 0, 5, 8.0], [1, 1, 1, 0, 4.0]], columns=columns)
    with pytest.raises(TableError, match="x: signal 'ERK' with inhibitor 'none' has no value at the first time"):
        courses.from_midas(from_table(late))
    with pytest.raises(TableError, match=r"no cell line 'MCF77' \(did you mean 'MCF7'\?\)"):
        courses.load("MCF77")


def test_matching_lists_what_matches_nothing(mine):
    network = SignalingNetwork.from_rules("n", ["=> egf", "egf => S1"])
    table = courses.matched(mine, network).set_index("name")["species"]
    assert table["EGF"] == "egf"
    assert table["S1"] == "S1"
    assert table["S0"] == table["HGF"] == ""


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_folds_cover_and_never_show_what_is_asked(mine, name):
    wanted, seen = protocols.protocol(name), []

    def spy(train, shown, elsewhere):
        seen.append((train, shown))
        assert set(zip(train.stimulus, train.inhibitor, strict=True)).isdisjoint(
            zip(shown.stimulus, shown.inhibitor, strict=True)
        )
        hidden = [t for t in range(7) if t not in wanted.shown]
        assert np.isnan(shown.log2[:, hidden]).all()
        assert np.isfinite(shown.log2[:, list(wanted.shown)]).all()
        return np.zeros_like(shown.log2)

    said = protocols.predicted(spy, mine, (), wanted, 0)
    tested = ~np.isnan(said).all((1, 2))
    assert tested.tolist() == [i != NONE for i in mine.inhibitor] if wanted.by_inhibitor else tested.all()
    assert len(seen) == (2 if wanted.by_inhibitor else 5)


def test_the_score_is_the_root_mean_square_where_nothing_was_shown(mine):
    wanted = protocols.protocol("sparse4")
    said = mine.log2 + 0.5
    said[:, list(wanted.shown)] = 99.0
    said[..., 0] = mine.log2[..., 0]
    errors = protocols.squared_errors(said, mine, wanted)
    assert protocols.rmse(errors) == pytest.approx(0.5 * 3 / 4)
    gaps = mine.log2.copy()
    gaps[0, 1:6] = np.nan
    assert protocols.rmse(protocols.squared_errors(said, replace(mine, log2=gaps), wanted)) == pytest.approx(0.375)
    with pytest.raises(ExperimentError, match=r"no protocol 'fivefolds' \(did you mean 'fivefold'\?\)"):
        protocols.protocol("fivefolds")


def test_a_prediction_with_gaps_is_refused(mine):
    with pytest.raises(ModelError, match="mine: a prediction has gaps"):
        protocols.predicted(lambda train, shown, _: shown.log2, mine, (), protocols.protocol("fivefold"), 0)


def rmse_of(model, data, name, elsewhere=()):
    wanted = protocols.protocol(name)
    return protocols.rmse(
        protocols.squared_errors(protocols.predicted(model, data, elsewhere, wanted, 0), data, wanted)
    )


def test_additive_changes_are_found_by_models_that_add(mine):
    assert rmse_of(baselines.ridge, mine, "fivefold") < 0.1
    assert rmse_of(gp.one_line, mine, "fivefold") < 0.1
    assert rmse_of(baselines.mean_change, mine, "fivefold") > 0.4
    assert rmse_of(baselines.persistence, mine, "fivefold") > 0.4


def test_lines_in_log_time_are_exact_on_a_rise_in_log_time(mine):
    assert rmse_of(baselines.log_linear, mine, "sparse3") < 1e-12
    assert rmse_of(baselines.linear, mine, "sparse3") > 0.05
    assert rmse_of(baselines.log_linear_ridge, mine, "sparse3") < 1e-6


def test_copying_takes_the_uninhibited_course_of_the_same_stimulus(mine):
    train = mine.take([i == NONE for i in mine.inhibitor])
    shown = mine.take([i == "MEKi" for i in mine.inhibitor]).shown_at([0])
    np.testing.assert_allclose(baselines.copy_uninhibited(train, shown) - shown.log2[:, :1], train.change)


@pytest.mark.parametrize("name", ["persistence", "copy_uninhibited", "ridge", "forest", "log_linear_ridge", "gp"])
def test_gaps_in_the_training_data_are_survived(name):
    data = made(noise=0.1)
    log2 = data.log2.copy()
    log2[3, 4:], log2[8, 2, 1], log2[:, 6, 3] = np.nan, np.nan, log2[:, 6, 3]
    said = protocols.predicted(
        realcells.entry(name).model, replace(data, log2=log2), (), protocols.protocol("sparse4"), 0
    )
    assert np.isfinite(said[:, [1, 3, 5]]).all()


def test_other_lines_help_where_they_agree():
    mine, other = made(noise=0.3), made("other", noise=0.3, seed=5)
    alone = rmse_of(gp.one_line, mine, "inhibitor")
    together = rmse_of(gp.all_lines, mine, "inhibitor", (other,))
    assert together < 0.8 * alone


def test_the_covariance_is_symmetric_positive_and_shared_by_a_fraction(mine):
    theta = torch.tensor(gp.START, dtype=torch.float64)
    every = [mine, made("other")]
    points = gp.groups(every, gp._codes(every), mine.signals)[0].points
    k = gp.covariance(theta, points, points)
    torch.testing.assert_close(k, k.T)
    assert torch.linalg.eigvalsh(k).min() > -1e-8
    alone = theta.clone()
    alone[8:] = -50.0
    apart = gp.covariance(alone, points, points)[points.code[:, 0] == 0][:, points.code[:, 0] == 1]
    assert apart.abs().max() < 1e-12


def test_signals_of_different_lines_are_grouped():
    fewer = replace(made("other"), signals=("S0", "S1", "S9", "S8"))
    every = [made(), fewer]
    found = gp.groups(every, gp._codes(every), every[0].signals)
    assert [g.signals for g in found] == [["S0", "S1"], ["S2", "S3"]]
    assert len(found[0].points.clock) == 2 * len(found[1].points.clock)


def test_a_row_holds_every_line(monkeypatch):
    row = realcells.run_one("hpn_fivefold", "ridge", 0, (made(), made("other", seed=3)))
    assert row["values"]["R/rmse"] == pytest.approx((row["values"]["R/mine"] + row["values"]["R/other"]) / 2, rel=1e-4)
    assert len(row["values"]["R/mine/by_condition"]) == 15
    with pytest.raises(ModelError, match=r"no model 'rigde' of real cells \(did you mean 'ridge'\?\)"):
        realcells.entry("rigde")


@pytest.mark.data
@pytest.mark.skipif(not available("MD-BT20_main_for_null"), reason="HPN-DREAM: not in HMLM_DATA_DIR or cache")
def test_the_copied_course_scores_on_real_cells_what_it_should():
    row = realcells.run_one("hpn_inhibitor", "copy_uninhibited", 0)
    assert row["values"]["R/rmse"] == pytest.approx(0.245, abs=0.002)
