"""The model of a population: what it learns on a small network, what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.baselines import cells as baselines
from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.evaluation import newcell
from hmlm_lib.evaluation.cells import cells
from hmlm_lib.evaluation.score import mse
from hmlm_lib.hmlm.cells import CellConfig, CellHMLM
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training

RULES = [
    "=> a", "=> b", "=> c", "a => r1", "b & !c => r2", "r1 => k1", "r2 => k1", "r1 & r2 => k2", "k1 => t1",
    "k2 => g1", "t1 => g2",
]  # fmt: skip
NETWORK = SignalingNetwork.from_rules("small", RULES, tau={"g1": 5.0, "g2": 8.0})
SMALL = CellConfig(HMLMConfig(width=8, grid=24), width=16, heads=2, layers=2, latent=4)


@pytest.fixture(scope="module")
def whole():
    return cells(0, 6, train=200, test=30, network=NETWORK)


@pytest.fixture(scope="module")
def part():
    return cells(0, 6, species=6, train=200, test=30, network=NETWORK)


@pytest.fixture(scope="module")
def trained(whole):
    model = CellHMLM.from_network(NETWORK, SMALL, seed=0)
    return model.fit(whole.train, Training(steps=150, learning_rate=0.03, shared_rate=0.2))


def test_cells_differ_and_hide_what_they_should(whole, part):
    assert whole.train.activity.shape == (200, 6, 10)
    assert whole.truth.activity.std(0).max() > 0.1
    assert np.isnan(part.seen.activity[:, :, ~part.measured]).all()
    assert np.array_equal(part.seen.activity[:, :, part.measured], whole.seen.activity[:, :, part.measured])
    assert (part.seen.y0[:, ~part.measured] == part.train.y0.mean(0)[~part.measured]).all()
    assert np.array_equal(part.truth.activity, whole.truth.activity)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": 3, "species": 0}, {"k": 3, "species": 11}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ExperimentError, match=r"allowed: k >= 1, 1 to 10 species"):
        cells(0, **wrong, network=NETWORK)


def test_reading_a_cell_beats_the_typical_cell(trained, whole, part):
    times, true = whole.truth.times_h, whole.truth.activity
    typical = mse(trained.typical.predict(whole.seen.without(), times), true)
    assert mse(trained.reconstruct(whole.seen, times), true) < 0.6 * typical
    hidden = ~part.measured
    alone = replace(part.seen, activity=np.full_like(part.seen.activity, np.nan))
    blind, seeing = (trained.reconstruct(e, times)[:, :, hidden] for e in (alone, part.seen))
    assert mse(seeing, true[:, :, hidden]) < 0.9 * mse(blind, true[:, :, hidden])


def test_refining_weighs_what_was_read_against_the_points(trained, whole, part):
    """Eq. (5): a strong pull gives back what one pass read; a weak one comes nearer to the points."""
    times, true, config = whole.truth.times_h, whole.truth.activity, trained.config
    found = {}
    try:
        for name, change in {"read": {"refine": 0}, "held": {"pull": 1e6}, "refined": {}}.items():
            trained.config = replace(config, **change)
            found[name] = [trained.reconstruct(e, times) for e in (whole.seen, part.seen)]
    finally:
        trained.config = config
    assert np.allclose(found["held"][0], found["read"][0], atol=2e-2)
    assert mse(found["refined"][0], true) < 0.8 * mse(found["read"][0], true)
    hidden = ~part.measured
    assert mse(found["refined"][1][:, :, hidden], true[:, :, hidden]) < mse(
        found["read"][1][:, :, hidden], true[:, :, hidden]
    )


def test_every_cell_is_read_by_itself(trained, whole):
    one = trained.reconstruct(whole.seen.take(np.arange(1)))
    assert np.allclose(one[0], trained.reconstruct(whole.seen)[0], atol=1e-5)


def test_other_times_than_in_training_may_be_read(trained, whole):
    fewer = whole.seen.at(np.array([0, 2, 5]))
    times, true = whole.truth.times_h, whole.truth.activity
    typical = mse(trained.typical.predict(whole.seen.without(), times), true)
    assert mse(trained.reconstruct(fewer, times), true) < typical


def test_same_seed_same_numbers(whole):
    def found(seed):
        model = CellHMLM.from_network(NETWORK, SMALL, seed).fit(whole.train, Training(steps=3, seed=seed))
        return model.reconstruct(whole.seen)

    assert np.array_equal(found(1), found(1))
    assert not np.array_equal(found(1), found(2))


def test_saved_and_loaded_it_reads_the_same(trained, whole, tmp_path):
    path = trained.save(tmp_path / "cells.safetensors")
    again = CellHMLM.load(path, NETWORK)
    assert again.config == trained.config
    assert np.array_equal(again.reconstruct(whole.seen), trained.reconstruct(whole.seen))
    with pytest.raises(ModelError, match=r"cells.safetensors: not a checkpoint of HMLM, but of CellHMLM"):
        HMLM.load(path, NETWORK)
    other = SignalingNetwork.from_rules("other", ["=> a", "a => b"])
    with pytest.raises(ModelError, match=r"trained on another network \(10 species.*'other' \(2 species"):
        CellHMLM.load(path, other)


def test_bad_use_is_refused(whole):
    with pytest.raises(ModelError, match="CellHMLM has not been fitted"):
        CellHMLM.from_network(NETWORK, SMALL).reconstruct(whole.seen)
    blank = replace(whole.train, activity=np.full_like(whole.train.activity, np.nan))
    for train, batch, message in (
        (blank, 32, "has no measured point; allowed: at least one"),
        (whole.train, 0, r"batch \(None: all conditions\) is 0; allowed: a whole number, 1 or more"),
        (whole.train.take([]), 32, "nothing to train on"),
    ):
        with pytest.raises(ModelError, match=message):
            CellHMLM.from_network(NETWORK, SMALL).fit(train, batch=batch)
    with pytest.raises(ModelError, match=r"passes = 0.*allowed: passes and latent >= 1"):
        CellConfig(passes=0)
    with pytest.raises(ModelError, match="attention='logic'"):
        CellConfig(HMLMConfig(attention="softmax"))


@pytest.mark.parametrize("name", sorted(set(newcell.MODELS) - {"hmlm"}))
def test_baselines_read_cells(name, whole, part):
    model = newcell.entry(name).build(0)
    if hasattr(model, "schedule"):
        model.schedule = replace(model.schedule, steps=30, warmup=0.3)
    model.fit(whole.train)
    times = whole.truth.times_h
    for e in (whole.seen, part.seen):
        found = model.reconstruct(e, times)
        assert found.shape == (30, len(times), 10)
        assert np.isfinite(found).all()
    mean = baselines.MeanCell().fit(whole.train).reconstruct(whole.seen, times)
    own, true = model.reconstruct(whole.seen, times), whole.truth.activity
    assert name in ("mean", "persistence") or mse(own, true) < 0.5 * mse(mean, true)
    assert np.array_equal(model.reconstruct(whole.seen, times), own)  # nothing is drawn when a cell is read
    assert (model.n_parameters > 0) == (name != "persistence")


def test_ridge_recovers_linear_cells(whole):
    # Courses that are linear in the stimulus are read exactly, up to the penalty.
    levels = whole.train.stimulus[:, :1]
    line = replace(whole.train, activity=np.repeat(levels[:, :, None], 6, 1) * np.linspace(0.1, 1, 10))
    model = baselines.PopulationRidge().fit(line)
    assert np.abs(model.reconstruct(line, line.times_h) - line.activity).max() < 2e-2


def test_partly_measured_species_are_refused_by_name(whole):
    holes = np.array(whole.seen.activity)
    holes[0, 1, 3] = np.nan
    model = baselines.PopulationRidge().fit(whole.train)
    with pytest.raises(ModelError, match="species 'r1' is measured in part"):
        model.reconstruct(replace(whole.seen, activity=holes), whole.truth.times_h)


def test_a_typo_gets_the_nearest_name():
    with pytest.raises(ModelError, match=r"no model 'pchp' of new cells \(did you mean 'pchip'\?\)"):
        newcell.entry("pchp")
