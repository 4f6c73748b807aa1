"""From sliders to trajectories to pictures, driven without a browser."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from hmlm_lib.dynamics import Condition, simulate
from hmlm_lib.errors import ExperimentError, HmlmError, ModelError
from hmlm_lib.experiments import Experiments
from hmlm_lib.explorer import (
    CONFIG,
    HORIZON_H,
    TIMES_H,
    Explorer,
    Setting,
    Simulator,
    errors,
    groups,
    published_cell,
    training_experiments,
    trajectory,
    unseen_settings,
)
from hmlm_lib.explorer.lesson import Sizes
from hmlm_lib.explorer.picture import Picture
from hmlm_lib.figures import fig_pulses, fig_side_by_side
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.network import SignalingNetwork, load_network

CORE = load_network("fibroblast-core")
CELL = published_cell(CORE)
SMALL = Sizes(pairs=2, triples=2, knockouts=3, washed=4, test=8)
SHOWN = ["TGFB1R", "smad3", "aSMA"]


@pytest.fixture(scope="module")
def models():
    """The simulator and an untrained HMLM, which obeys the same wiring."""
    model = HMLM.from_network(CORE, CONFIG)
    model.horizon_h = HORIZON_H
    return {"simulator": Simulator(CORE), "HMLM": model}


@pytest.fixture
def explorer(models):
    return Explorer(CORE, CELL.rest, models, SHOWN, {"no smad3": Setting({"TGFB": 0.9}, ["smad3"], 24.0)})


def toy(*rules):
    return SignalingNetwork.from_rules("toy", list(rules), tau=1.0, n=2.0, ec50=0.5)


def asked(model, setting, times=TIMES_H):
    return trajectory(model, CORE, CELL.rest, setting, times)


def pixels(png):
    return plt.imread(io.BytesIO(png))


def test_a_stimulus_that_ends_by_hand():
    net = toy("=> x")
    course = trajectory(Simulator(net, 1e-9), net, np.zeros(1), Setting({"x": 0.9}, lasts_h=2.0), [0.0, 2.0, 3.0])
    reached = 0.9 * (1 - np.exp(-2))
    np.testing.assert_allclose(course.sel(species="x"), [0.0, reached, reached * np.exp(-1)], atol=1e-6)


@pytest.mark.parametrize(("hours", "end"), [(0.6, 0.0), (0.8, 1.0)])
def test_a_loop_remembers_what_lasted_longer_than_ln_2_hours(hours, end):
    net = toy("=> x", "x => x")
    course = trajectory(Simulator(net, 1e-8), net, np.zeros(1), Setting({"x": 1.0}, lasts_h=hours), [60.0])
    assert float(course[0, 0]) == pytest.approx(end, abs=1e-3)


@pytest.mark.parametrize("setting", [Setting({"TGFB": 0.9, "IL1": 0.5}), Setting({"tension": 0.85}, ["NOX"], 24.0)])
def test_the_one_cell_solver_agrees_with_the_batched_simulator(setting):
    levels = {name: [(0.0, level), (setting.lasts_h, 0.1)] for name, level in setting.stimulus.items()}
    condition = setting.condition(CORE)
    condition = type(condition)("both", levels, condition.knockout, perturb_at="stimulus")
    y0 = CELL.rest[None].copy()
    y0[0, [CORE.index[name] for name in setting.knockout]] = 0.0
    truth = simulate(CORE, condition, TIMES_H, y0=y0, baseline_h=0.0, tolerance=1e-7).values[0]
    np.testing.assert_allclose(asked(Simulator(CORE, 1e-6), setting), truth, atol=2e-5)
    np.testing.assert_allclose(asked(Simulator(CORE), setting), truth, atol=1e-3)


def test_one_late_time_is_reached_at_a_small_tolerance():
    """LSODA's own limit of 500 steps between two times ended this one early."""
    setting = Setting({"NP": 0.39, "tension": 0.61, "IL6": 0.65}, lasts_h=40.0)
    at_end = asked(Simulator(CORE, 1e-7), setting, [72.0]).values[-1]
    np.testing.assert_allclose(at_end, asked(Simulator(CORE, 1e-7), setting).values[-1], atol=1e-5)


def test_at_rest_nothing_moves(models):
    np.testing.assert_allclose(asked(models["simulator"], Setting()), np.tile(CELL.rest, (145, 1)), atol=1e-4)


@pytest.mark.parametrize("who", ["simulator", "HMLM"])
def test_both_models_answer_a_slider_a_knockout_and_an_end(models, who):
    model = models[who]
    course = asked(model, Setting({"TGFB": 0.9}))
    assert np.abs(course - asked(model, Setting({"TGFB": 0.5}))).max() > 0.05
    lost = asked(model, Setting({"TGFB": 0.9}, ("smad3",)))
    assert (lost.sel(species="smad3") == 0).all()
    assert float(course.sel(species="proCI")[-1] - lost.sel(species="proCI")[-1]) > 0.2
    held, ended = (asked(model, Setting({"PDGF": 0.9}, lasts_h=hours)) for hours in (HORIZON_H, 10.0))
    before = TIMES_H <= 10.0
    np.testing.assert_allclose(ended[before], held[before], atol=1e-3)
    levels = [float(course.sel(species="PDGF")[-1]) for course in (held, ended)]
    assert levels == pytest.approx([0.9, 0.1], abs=1e-3)


def test_a_stimulus_that_outlasts_the_times_is_one_stretch(models):
    np.testing.assert_array_equal(
        asked(models["HMLM"], Setting({"TGFB": 0.9}, lasts_h=50.0), [1.0, 20.0]),
        asked(models["HMLM"], Setting({"TGFB": 0.9}), [1.0, 20.0]),
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (Setting({"TGFb": 0.9}), r"setting, stimulus: .*no species 'TGFb' \(did you mean 'TGFB'\?\)"),
        (Setting({"smad3": 0.9}), "'smad3' is no input of network 'fibroblast-core'.*; allowed: AngII, ET1"),
        (Setting({"TGFB": 1.5}), r"stimulus TGFB, level is 1.5; allowed: a number in \[0, 1\]"),
        (Setting({"TGFB": float("nan")}), "stimulus TGFB, level is nan"),
        (Setting({}, ("smad33",)), r"knockout: .*no species 'smad33' \(did you mean 'smad3'\?\)"),
        (Setting({}, (), 0.0), "setting: lasts_h is 0.0; allowed: above 0, finite"),
        (Setting({}, (), "a day"), "setting: lasts_h is 'a day'; allowed: above 0, finite"),
        (Setting({}, (), float("nan")), "lasts_h is nan"),
    ],
)
def test_a_bad_setting_is_one_clear_error(models, setting, message):
    with pytest.raises(ExperimentError, match=message):
        asked(models["simulator"], setting)


def test_nothing_is_asked_of_no_time_and_no_setting(models):
    start = asked(models["simulator"], Setting(None), [0.0])
    np.testing.assert_array_equal(start, CELL.rest[None])
    none = training_experiments(CELL, 3, SMALL).take([])
    assert models["simulator"].predict(none, [1.0, 2.0]).shape == (0, 2, 109)


def test_the_simulator_takes_experiments_of_its_own_species_in_their_order_alone():
    net, turned = toy("=> x", "x => y"), toy("x => y", "=> z")
    backwards = toy("y => x", "=> x")
    for other in (turned, backwards):
        one = Experiments.asked(other, [Condition("one")], np.zeros((1, len(other.species_names))), [1.0])
        with pytest.raises(ModelError, match=r"the model is on|the model's network 'toy' lacks"):
            Simulator(net).predict(one)
    for wrong in (0, -1.0, float("nan"), "small"):
        with pytest.raises(ExperimentError, match=r"tolerance is .*; allowed: above 0, finite"):
            Simulator(net, wrong)


@pytest.mark.parametrize("rest", [np.zeros(3), np.zeros((1, 109)), 0.0, "rest", None])
def test_a_state_of_another_shape_is_refused(models, rest):
    with pytest.raises(ExperimentError, match=r"rest (is 'rest'|has shape .*); allowed"):
        trajectory(models["simulator"], CORE, rest, Setting())


def test_an_answer_of_another_shape_is_refused():
    class Flat:
        def predict(self, experiments, times_h):
            return np.zeros((1, 109))

    with pytest.raises(ModelError, match=r"Flat predicts shape \(1, 109\); allowed: \(1, 145, 109\)"):
        asked(Flat(), Setting())


def test_a_panel_that_could_show_nothing_is_not_made(models):
    with pytest.raises(ModelError, match="no models; allowed: one or more"):
        Explorer(CORE, CELL.rest, {}, SHOWN)
    with pytest.raises(ExperimentError, match=r"no species 'TGFb' \(did you mean 'TGFB'\?\)"):
        Explorer(CORE, CELL.rest, models, SHOWN, {"typo": Setting({"TGFb": 0.9})})


def test_bad_times_are_refused(models):
    with pytest.raises(ExperimentError, match="times must increase"):
        asked(models["simulator"], Setting(), [1.0, 1.0])


def test_training_never_contains_a_knockout_of_the_test():
    train, test = training_experiments(CELL, 3, SMALL), unseen_settings(CELL, 3, SMALL)
    assert len(train) == 1 + 10 + 2 + 2 + 3 + 4
    removed = {CORE.species_names[i] for i in np.flatnonzero((train.factor == 0).any(0))}
    asked_for = {name for setting in test for name in setting.knockout}
    assert len(removed) == 3
    assert len(asked_for) == 4
    assert not removed & asked_for
    assert (train.y0[train.factor == 0] == 0).all()
    washed = train.take(range(len(train) - 4, len(train)))
    np.testing.assert_array_equal(washed.stimulus, np.tile(CELL.baseline, (4, 1)))
    assert (np.abs(washed.y0 - CELL.rest).max(1) > 0.1).all()


def test_the_groups_of_a_test_share_it_out_and_the_truth_has_no_error():
    test = unseen_settings(CELL, 0, SMALL)
    assert np.sum(list(groups(test).values()), axis=0).tolist() == [1] * 8
    assert [int(chosen.sum()) for chosen in groups(test).values()] == [2, 2, 2, 2]
    assert errors(Simulator(CORE, 1e-6), CELL, test[:2], np.linspace(0, HORIZON_H, 9)).max() < 1e-8


def test_every_control_changes_curves_and_picture(explorer):
    def moved(change):
        picture, curves = explorer.image.value, {who: c.values for who, c in explorer.courses.items()}
        change()
        assert not np.array_equal(pixels(explorer.image.value), pixels(picture))
        return {who: float(np.abs(c.values - curves[who]).max()) for who, c in explorer.courses.items()}

    assert all(gap > 0.05 for gap in moved(lambda: setattr(explorer.sliders["TGFB"], "value", 0.9)).values())
    assert all(gap > 0.05 for gap in moved(lambda: setattr(explorer.lasts, "value", 12)).values())
    assert all(gap > 0.05 for gap in moved(lambda: setattr(explorer.knockout, "value", ["TGFB1R"])).values())
    assert all(gap == 0 for gap in moved(lambda: setattr(explorer.species, "value", ["AP1"])).values())
    assert explorer.setting == Setting({"TGFB": 0.9}, ("TGFB1R",), 12.0)
    assert set(explorer.milliseconds) == {"simulator", "HMLM", "drawing"}


def test_species_are_added_from_a_list_and_removed_by_a_click(explorer):
    explorer.knockout.adder.value = "smad3"
    explorer.knockout.adder.value = "YAP"
    assert explorer.setting.knockout == ("smad3", "YAP")
    assert explorer.knockout.adder.value == "knock out ..."
    explorer.knockout.box.children[0].click()
    assert explorer.setting.knockout == ("YAP",)
    assert float(explorer.courses["HMLM"].sel(species="YAP").max()) == 0
    with pytest.raises(ExperimentError, match=r"no species 'smad33' \(did you mean 'smad3'\?\)"):
        explorer.species.value = ["smad33"]
    assert explorer.species.value == tuple(SHOWN)


def test_a_button_sets_all_controls_and_draws_once(explorer, monkeypatch):
    updates = []
    monkeypatch.setattr(explorer, "update", lambda: updates.append(explorer.setting))
    explorer.sliders["IL6"].value = 0.5
    explorer.buttons["no smad3"].click()
    assert updates[1:] == [Setting({"TGFB": 0.9}, ("smad3",), 24.0)]
    explorer.buttons["at rest"].click()
    assert updates[2:] == [Setting()]


def test_moving_back_gives_the_same_picture(explorer):
    first = explorer.image.value
    explorer.sliders["tension"].value = 0.8
    explorer.sliders["tension"].value = 0.1
    assert explorer.image.value == first


def test_what_cannot_be_shown_is_said_and_the_picture_stays(explorer):
    picture = explorer.image.value
    explorer.species.value = []
    assert "0 species are chosen; allowed: 1 to 8" in explorer.status.value
    assert explorer.image.value == picture
    with pytest.raises(ExperimentError, match="no input of network"):
        explorer.show(Setting({"smad3": 0.5}))
    assert explorer.setting == Setting()


def test_too_many_species_are_refused(models):
    courses = {"simulator": asked(models["simulator"], Setting())}
    with pytest.raises(HmlmError, match="9 species are chosen"):
        Picture().draw(courses, list(CORE.species_names[:9]), HORIZON_H)


def test_a_moved_picture_is_the_one_that_would_be_painted_anew(models):
    quiet, loud = (
        {who: asked(m, setting) for who, m in models.items()} for setting in (Setting(), Setting({"IL1": 0.9}))
    )
    moving = Picture()
    moving.draw(quiet, SHOWN, 10.0)
    np.testing.assert_array_equal(pixels(moving.draw(loud, SHOWN, 40.0)), pixels(Picture().draw(loud, SHOWN, 40.0)))


def test_without_a_kernel_a_picture_and_one_line_remain(explorer):
    bundle = explorer._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == explorer.image.value
    assert "JupyterLab" in bundle["text/plain"]
    assert "\n" not in bundle["text/plain"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.box.model_id


def test_figures_show_the_numbers_they_are_given(models):
    courses = {who: asked(model, Setting({"TGFB": 0.9}, lasts_h=24.0)) for who, model in models.items()}
    fig = fig_side_by_side({"a": courses, "b": courses}, SHOWN, [24.0, 24.0])
    left, right = fig.axes[0], fig.axes[1]
    assert (len(left.lines), len(right.lines)) == (3, 6)
    np.testing.assert_array_equal(right.lines[0].get_ydata(), courses["HMLM"].sel(species="TGFB1R"))
    np.testing.assert_array_equal(right.lines[3].get_ydata(), left.lines[0].get_ydata())
    plt.close(fig)
    ends = pd.DataFrame(
        {
            "cell": "a",
            "model": ["simulator", "simulator", "HMLM", "HMLM"],
            "hours": [1, 2, 1, 2],
            "activity": [0, 1, 0, 0.5],
        }
    )
    fig = fig_pulses(ends, "TGFB1R", "tension")
    assert [line.get_ydata().tolist() for line in fig.axes[0].lines] == [[0, 1], [0, 0.5]]
    plt.close(fig)
