"""What attends to what: rows that sum to one, every layer, and cases that can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.cells import CellConfig, CellHMLM
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.interpret import explain
from hmlm_lib.network import SignalingNetwork

RULES = ["=> a", "=> b", "a => c", "a & !b => d", "c => e", "d => e"]
PLAIN = SignalingNetwork.from_rules("small", RULES, tau={"e": 5.0})
NETWORK = SignalingNetwork("small", PLAIN.species.assign(module=["in", "in", "mid", "mid", "out"]), PLAIN.reactions)
SMALL = HMLMConfig(width=4, grid=12)
TIMES = [1.0, 30.0]


def drawn(count, times_h):
    """Conditions with stimuli, starts and points drawn at random."""
    rng = np.random.default_rng(0)
    stimulus, y0, points = (rng.random((count, *shape, 5)) for shape in ((), (), (len(times_h),)))
    names = tuple(f"cell {i}" for i in range(count))
    return Experiments(NETWORK, names, stimulus, np.ones_like(y0), y0, np.array(times_h), points)


@pytest.fixture(scope="module")
def asked():
    return drawn(2, [0.0, 5.0])


def built(**change):
    return HMLM.from_network(NETWORK, replace(SMALL, **change), seed=0)


@pytest.mark.parametrize("change", [{}, {"cell": False}, {"pathway": False}, {"identity": False, "layers": 2}], ids=str)
def test_every_scale_above_the_molecules_has_rows_that_sum_to_one(asked, change):
    maps = built(**change).attention(asked, TIMES)
    names = ["all", "cell"] if "pathway" in change else ["in", "mid", "out", "cell"][: 3 if "cell" in change else 4]
    assert maps["aggregate"].dims == ("condition", "time", "target", "species")
    assert maps["aggregate"].target.values.tolist() == names
    for scale, axis in {"aggregate": "species", "pathway": "source", "decompose": "source"}.items():
        assert np.allclose(maps[scale].sum(axis), 1, atol=1e-5)


def test_pathways_pool_their_own_species_and_the_cell_is_their_mean(asked):
    model = built()
    pooling = model.hierarchy.aggregate
    with torch.no_grad():
        for layer in (pooling.score, pooling.pull):
            layer.weight.zero_()
        pooling.score.bias.zero_()
        pooling.pull.bias.fill_(1.0)
    found = model.attention(asked, TIMES)["aggregate"]
    pull = np.exp(4 * np.tanh(model.predict(asked, TIMES) / 4))  # score 0 + 1 y, bounded by 4
    c, d = pull[:, :, 2], pull[:, :, 3]
    np.testing.assert_allclose(found.sel(target="mid", species="c"), c / (c + d), atol=1e-6)
    np.testing.assert_allclose(found.sel(target="out", species="e"), 1.0, atol=1e-6)
    assert (found.sel(target="mid", species=["a", "b", "e"]) == 0).all()
    np.testing.assert_allclose(found.sel(target="cell", species="d"), d / (c + d) / 3, atol=1e-6)


def seen_by(layers, run):
    """Inputs of each layer when run() is called."""
    inputs, hooks = [], [layer.register_forward_hook(lambda _, given, __: inputs.append(given[0])) for layer in layers]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return inputs


def test_every_layer_among_pathways_is_shown(asked):
    model = built(layers=3)
    found = model.attention(asked, TIMES)["pathway"]
    assert found.dims == ("condition", "time", "layer", "head", "target", "source")
    y = torch.as_tensor(model.predict(asked, TIMES), dtype=torch.float32).flatten(0, 1).T
    inputs = seen_by(model.hierarchy.layers, lambda: model.hierarchy(model.token(), model._read(), y))
    for number, (layer, z) in enumerate(zip(model.hierarchy.layers, inputs, strict=True)):
        wanted = layer.attention(z)[0].detach().unflatten(0, (2, 2))
        np.testing.assert_allclose(found.sel(layer=number), wanted, atol=1e-6)
    one = built().attention(asked, TIMES)
    assert all("layer" not in weights.dims for weights in one.values())
    assert one["pathway"].mean(["condition", "time", "head"]).dims == ("target", "source")


def test_every_layer_of_the_softmax_is_shown_and_explanations_keep_to_the_first(asked):
    model = built(attention="softmax", layers=2)
    found = model.attention(asked, TIMES)["molecular"]
    assert found.dims == ("condition", "time", "layer", "head", "edge")
    y = torch.as_tensor(model.predict(asked, TIMES), dtype=torch.float32).flatten(0, 1).T
    inputs = seen_by(model.mix, lambda: model._softmax_quiet(model.token())(y))
    for number, (mix, state) in enumerate(zip(model.mix, inputs, strict=True)):
        wanted = mix.weights(state, model._source, model._target, model.edge_kind()).transpose(1, 2)
        np.testing.assert_allclose(found.sel(layer=number), wanted.detach().unflatten(0, (2, 2)), atol=1e-6)
    first = found.sel(layer=0, edge="a -> c").isel(time=1).mean("head")
    np.testing.assert_allclose(explain.attention(model, asked, TIMES[1])[:, 2, 0], first, atol=1e-6)


def test_without_layers_there_is_nothing_to_show(asked):
    assert set(built(layers=0).attention(asked, TIMES)) == {"molecular", "aggregate", "decompose"}
    assert set(built(layers=0, attention="softmax").attention(asked, TIMES)) == {"aggregate", "decompose"}


@pytest.fixture(scope="module")
def population():
    """Cells seen at three times from 1 h on, of which the first lacks a point of c, and all of e."""
    seen = drawn(2, [1.0, 10.0, 60.0])
    activity = seen.activity.copy()
    activity[0, 1, 2] = np.nan
    activity[:, :, 4] = np.nan
    return replace(seen, activity=activity)


def reader(**change):
    model = CellHMLM.from_network(NETWORK, CellConfig(SMALL, width=4, heads=2, layers=1, latent=2, **change), seed=0)
    model.horizon_h = 60.0
    return model


def test_a_cells_points_are_weighed_in_time(population):
    found = reader().attention(population)
    assert found.dims == ("cell", "time", "head", "species")
    assert found.cell.values.tolist() == list(population.names)
    assert found.time.values.tolist() == [0.0, *population.times_h]
    np.testing.assert_allclose(found.sel(species=["a", "b", "c", "d"]).sum("time"), 1, atol=1e-6)
    assert (found.sel(species="e") == 0).all()
    assert (found.isel(cell=0, time=2).sel(species="c") == 0).all()


def test_temporal_weights_follow_the_points_by_hand(population):
    """Query 1 and a key that reads 10 (point - forecast) alone: weights are exp(10 residual sqrt(2)), rescaled."""
    model = reader()
    time = model.encoder.time
    with torch.no_grad():
        for layer in (time.query, time.key):
            layer.weight.zero_()
            layer.bias.zero_()
        time.query.bias.fill_(1.0)
        time.key.weight[:, 0] = 1.0
    found = model.attention(population)
    hours = np.append(0.0, population.times_h)
    points = np.concatenate([population.y0[:, None], population.activity], 1)
    forecast = model.typical.predict(population.without(), hours)
    residual = points - np.where(hours[:, None] > 0, forecast, model.rest.numpy())  # the start: against the mean start
    weight = np.exp(10 * residual * np.sqrt(2))  # two numbers a head, over the root of two
    weight /= np.nansum(weight, 1, keepdims=True)
    np.testing.assert_allclose(found.isel(head=0)[..., :4], np.nan_to_num(weight)[..., :4], atol=1e-4)


def test_every_pass_over_a_cell_is_shown(population):
    found = reader(passes=2).attention(population)
    assert found.dims == ("cell", "time", "pass", "head", "species")
    np.testing.assert_allclose(found.isel({"pass": 0}), reader().attention(population), atol=1e-6)


def test_cells_that_cannot_be_read_are_refused(population):
    with pytest.raises(ModelError, match="CellHMLM has not been fitted"):
        CellHMLM.from_network(NETWORK, CellConfig(SMALL)).attention(population)
    other = SignalingNetwork.from_rules("other", ["=> a", "a => zzz"])
    zeros, ones = np.zeros((1, 2)), np.ones((1, 2))
    strange = Experiments(other, ("x",), zeros, ones, zeros, np.ones(1), np.zeros((1, 1, 2)))
    with pytest.raises(ModelError, match="species 'zzz'"):
        reader().attention(strange)
