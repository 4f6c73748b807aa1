"""Hints about a treatment: its own start, and what it does elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.errors import ExperimentError
from hmlm_lib.real import alike, gp
from hmlm_lib.real.courses import NONE, Courses
from hmlm_lib.real.hints import SMALL, effects, hints, rebound

TIMES = np.array([0.0, 5.0, 30.0])
STIMULI = ("EGF", "HGF")


def line(name, log2, inhibitors=(NONE, "Ai", "Bi"), signals=("x", "y")):
    """log2 [inhibitor, stimulus, time, signal]."""
    pairs = [(s, i) for i in inhibitors for s in STIMULI]
    values = np.asarray(log2, float).reshape(len(pairs), len(TIMES), len(signals))
    return Courses(name, *(tuple(n) for n in zip(*pairs, strict=True)), TIMES, signals, values)


def test_a_start_that_lies_off_is_said_to_come_back_but_not_far():
    log2 = np.zeros((3, 2, 3, 2))
    log2[1, :, 0] = 0.1, -5.0
    found = rebound(line("one", log2)).reshape(3, 2, 2, 2)
    assert found[1, 0, :, 0] == pytest.approx(-SMALL * np.tanh(0.1 / SMALL))
    assert found[1, 0, :, 1] == pytest.approx(SMALL)
    assert not found[[0, 2]].any()


def test_effects_elsewhere_are_means_over_stimuli_and_lines_of_shared_signals():
    log2 = np.zeros((3, 2, 3, 2))
    log2[1, 0, 1:, 0] = 1.0, 2.0  # Ai on x under EGF
    log2[1, 1, 1:, 0] = 3.0, 4.0  # and under HGF
    log2[:, :, 1:] += 7.0  # what stimuli do with and without it
    one, silent = line("one", log2), line("two", np.zeros((2, 2, 3, 1)), (NONE, "Ai"), ("x",))
    asked = line("asked", np.zeros((3, 2, 3, 2)), (NONE, "Ci", "Ai"), ("z", "x"))
    found = effects(asked, [one]).reshape(3, 2, 2, 2)
    assert found[2, 0, :, 1].tolist() == found[2, 1, :, 1].tolist() == [2.0, 3.0]
    assert not found[:2].any()
    assert not found[..., 0].any()
    assert effects(asked, [one, silent]).reshape(3, 2, 2, 2)[2, 0, :, 1].tolist() == [1.0, 1.5]
    assert not effects(asked, []).any()


def test_lines_at_other_times_are_refused():
    one = line("one", np.zeros((3, 2, 3, 2)))
    for times in (one.times * 10, one.times[:2]):
        other = replace(one, line="two", times=times, log2=one.log2[:, : len(times)])
        with pytest.raises(ExperimentError, match=r"two was measured at \[.*\] minutes, one at .*; allowed: the same"):
            effects(one, [other])


def test_values_that_lack_are_left_out_of_means():
    log2 = np.zeros((3, 2, 3, 2))
    log2[1, :, 1:, 0] = 2.0
    log2[1, 0, 1, 0] = np.nan
    found = effects(line("asked", np.zeros((3, 2, 3, 2))), [line("one", log2)])
    assert found.reshape(3, 2, 2, 2)[1, :, :, 0].tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert np.isfinite(hints(line("asked", log2), [line("one", log2)])).all()


def noisy_starts(seed):
    """Thirty signals that never move, measured with noise; one start for both stimuli of an inhibitor."""
    rng = np.random.default_rng(seed)
    log2 = rng.normal(10.0, 0.1, (3, 2, 3, 30))
    log2[:, :, 0] = log2[:, :1, 0]
    return line("still", log2, signals=tuple(f"s{k}" for k in range(30)))


@pytest.mark.parametrize("predict", [alike.predict, gp.one_line])
def test_both_processes_learn_that_starts_come_back(predict, monkeypatch):
    courses = noisy_starts(0)
    asked = np.array(courses.inhibitor) == "Bi"
    known, shown = courses.take(~asked), courses.take(asked).shown_at([0])

    def error():
        return np.square(predict(known, shown, ()) - 10.0)[:, 1:].mean()

    with_hints = error()
    for module in (alike, gp):
        name = "hints" if module is alike else "rebound"
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, real=real: 0 * real(*given))
    assert with_hints < 0.8 * error()
