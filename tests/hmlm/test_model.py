"""HMLM as a whole: what it may read, what it must refuse, what it learns on a small network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.dynamics import Condition, simulate
from hmlm_lib.errors import ModelError
from hmlm_lib.evaluation.tasks import Size, benchmark
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.looking import attention, attention_matrix, gate_curves
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training

RULES = [
    "=> a", "=> b", "=> c", "a => r1", "b & !c => r2", "r1 => k1", "r2 => k1", "r1 & r2 => k2", "k1 & !k3 => t1",
    "k2 => t1", "t1 => g1", "k2 & !t1 => g2", "g2 => k3", "t1 & k2 => g3",
]  # fmt: skip
SIZE = Size(singles=3, pairs=6, triples=4, knockouts=4, test=6, test_knockouts=4)


def small_network():
    network = SignalingNetwork.from_rules("small", RULES, tau={"g1": 5.0, "g2": 8.0, "g3": 6.0})
    return SignalingNetwork(
        "small", network.species.assign(module=["in"] * 3 + ["mid"] * 5 + ["out"] * 4), network.reactions
    )


@pytest.fixture(scope="module")
def data():
    return benchmark(0, 6, size=SIZE, network=small_network())


@pytest.fixture(scope="module")
def trained(data):
    model = HMLM.from_network(data.train.network, HMLMConfig(width=8, grid=24), seed=0)
    return model.fit(data.train, Training(steps=120, learning_rate=0.05))


def error(model, experiments):
    return np.square(model.predict(experiments) - experiments.activity).mean()


def test_it_learns_combinations_and_knock_outs(trained, data):
    still = np.square(data.combine.y0[:, None] - data.combine.activity).mean()
    assert error(trained, data.combine) < 0.05 * still
    effect = data.knockout.activity - data.wild.activity
    found = trained.predict(data.knockout) - trained.predict(data.wild)
    assert np.corrcoef(effect.ravel(), found.ravel())[0, 1] > 0.9


def test_prediction_does_not_read_measurements_and_starts_at_rest(trained, data):
    hidden = data.combine.without()
    assert np.array_equal(trained.predict(hidden), trained.predict(data.combine))
    assert np.allclose(trained.predict(data.combine)[:, 0], data.combine.y0, atol=1e-6)


def test_same_seed_same_numbers_other_seed_others(data):
    short = Training(steps=5)
    one, two, other = (
        HMLM.from_network(data.train.network, HMLMConfig(width=4, grid=12), seed=s)
        .fit(data.train, short)
        .predict(data.combine)
        for s in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_dense_and_sparse_paths_agree(data):
    dense, sparse = (
        HMLM.from_network(data.train.network, HMLMConfig(width=4, dense=flag), seed=0).predict(data.combine)
        for flag in (True, False)
    )
    assert np.allclose(dense, sparse, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"attention": "softmax", "layers": 2}, {"signs": False}, {"and_groups": False}, {"pathway": False},
        {"cell": False}, {"learn_tau": False}, {"identity": False}, {"hierarchy": False}, {"heads": 1}, {"layers": 3},
        {"identity": False, "signs": False},
    ],
    ids=str,
)  # fmt: skip
def test_every_ablation_trains_and_its_gradient_reaches_every_parameter(data, change):
    config = replace(HMLMConfig(width=4, grid=12), **change)
    model = HMLM.from_network(data.train.network, config, seed=0)
    before = error(model, data.train)
    model.fit(data.train, Training(steps=40, learning_rate=0.03))
    assert error(model, data.train) < before
    silent = [name for name, p in model.named_parameters() if p.numel() and p.grad is None]
    assert silent == []


def test_a_model_without_identity_moves_to_another_network(data):
    config = HMLMConfig(width=4, grid=12, identity=False, pathway=False)
    here = HMLM.from_network(data.train.network, config, seed=0).fit(data.train, Training(steps=20))
    other = SignalingNetwork.from_rules("other", ["=> x", "x => y", "y & !x => z"])
    there = HMLM.from_network(other, config, seed=1)
    there.load_state_dict(here.state_dict())
    assert sum(p.numel() for p in there.parameters()) == here.n_parameters


def test_attention_rows_and_labels(trained, data):
    maps = attention(trained, data.combine.take([0, 1]), [1.0, 30.0])
    assert set(maps) == {"molecular", "aggregate", "pathway", "decompose"}
    assert maps["molecular"].dims == ("condition", "time", "head", "edge")
    assert float(maps["molecular"].min()) >= 0
    assert float(maps["molecular"].max()) <= 1
    for name in ("pathway", "decompose"):
        assert np.allclose(maps[name].sum("source"), 1, atol=1e-5)
    assert list(maps["pathway"].source.values) == ["in", "mid", "out", "cell"]
    assert "c -| r2" in maps["molecular"].edge.values
    matrix = attention_matrix(maps["molecular"], ["r2"], ["b", "c", "g3"])
    assert matrix.notna().to_numpy().tolist() == [[True, True, False]]


def test_attention_of_names_with_blanks_and_arrows_finds_its_place():
    names = ["IL-1 beta", "a -> b", "gene x"]
    network = SignalingNetwork.from_rules(
        "blanks", ["=> IL-1 beta", "IL-1 beta => gene x", "a -> b & !IL-1 beta => gene x"]
    )
    model = HMLM.from_network(network, HMLMConfig(width=4, hierarchy=False, proposals=False), seed=0)
    zeros, ones = np.zeros((1, 3)), np.ones((1, 3))
    asked = Experiments(network, ("rest",), zeros, ones, zeros, np.zeros(1), np.full((1, 1, 3), np.nan))
    maps = attention(model, asked, [1.0])["molecular"]
    assert maps.edge.values[0] == "IL-1 beta -> gene x"
    matrix = attention_matrix(maps, ["gene x"], names)
    assert matrix.notna().to_numpy().tolist() == [[True, True, False]]
    assert matrix.loc["gene x", "a -> b"] == pytest.approx(float(maps.sel(edge="a -> b -> gene x").mean()))


def test_softmax_attention_rows_sum_to_one(data):
    model = HMLM.from_network(data.train.network, HMLMConfig(width=4, attention="softmax", hierarchy=False), seed=0)
    weight = attention(model, data.combine.take([0]), [5.0])["molecular"]
    target = weight.edge_target.values
    for one in np.unique(target):
        assert np.allclose(weight.isel(edge=target == one).sum("edge"), 1, atol=1e-5)


def test_gate_curves_rise_for_activators_and_fall_for_inhibitors(trained):
    curves = gate_curves(trained, np.linspace(0, 1, 11))
    falls = np.array(["-|" in label for label in trained.edge_labels()])
    assert (np.diff(curves[~falls], axis=1) >= 0).all()
    assert (np.diff(curves[falls], axis=1) <= 0).all()
    assert np.allclose(curves[~falls][:, [0, -1]], [0, 1], atol=1e-5)


@pytest.mark.parametrize("levels", ["high", [[0.0, 1.0]], 0.5, [None, "x"]])
def test_gates_are_asked_at_a_list_of_levels(trained, levels):
    with pytest.raises(ModelError, match=r"levels (are|have shape) .*; allowed: a list of numbers"):
        gate_curves(trained, levels)


def test_what_has_no_gates_or_edges_is_said(trained, data):
    with pytest.raises(ModelError, match="attention is 'softmax', which has no gates; allowed: logic"):
        gate_curves(HMLM.from_network(data.train.network, HMLMConfig(attention="softmax")), [0.0])
    pathway = attention(trained, data.combine.take([0]))["pathway"]
    with pytest.raises(ModelError, match=r"attention has the axes .*; allowed: those of molecular"):
        attention_matrix(pathway, ["r2"], ["b"])


def test_saved_and_loaded_it_predicts_the_same(trained, data, tmp_path):
    again = HMLM.load(trained.save(tmp_path / "model.safetensors"), data.train.network)
    assert np.array_equal(again.predict(data.combine), trained.predict(data.combine))
    assert again.horizon_h == trained.horizon_h
    assert again.config == trained.config


def test_bad_checkpoints_are_named(trained, data, tmp_path):
    path = trained.save(tmp_path / "model.safetensors")
    other = SignalingNetwork.from_rules("other", ["=> a", "a => b"])
    with pytest.raises(
        ModelError, match=r"model.safetensors: trained on another network \(12 species.*'other' \(2 spe"
    ):
        HMLM.load(path, other)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match=r"model.safetensors: not a readable safetensors file"):
        HMLM.load(path, data.train.network)
    with pytest.raises(ModelError, match=r"nowhere.safetensors: no such checkpoint"):
        HMLM.load(tmp_path / "nowhere.safetensors", data.train.network)


def test_a_checkpoint_cannot_be_written_half(trained, tmp_path):
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(ModelError, match=r"model.safetensors: cannot be written"):
        trained.save(tmp_path / "model.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_bad_experiments_are_refused(trained, data):
    other = benchmark(0, 3, size=SIZE, network=SignalingNetwork.from_rules("other", [*RULES, "g1 => zzz"]))
    with pytest.raises(ModelError, match="species 'zzz', which the model's network 'small' lacks"):
        trained.predict(other.combine)
    blank = replace(data.train, activity=np.full_like(data.train.activity, np.nan))
    with pytest.raises(ModelError, match="condition 'control 0' has no measured point"):
        HMLM.from_network(data.train.network).fit(blank)


def test_it_warns_beyond_the_trained_range(trained, data):
    with pytest.warns(UserWarning, match="predicting to 90 h, trained to 60 h"):
        trained.predict(data.combine, [0.0, 90.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attention": "dot"}, "attention is 'dot'; allowed: logic, softmax"),
        ({"grid": 0}, "grid is 0; allowed: a whole number, 1 or more"),
        ({"shift_penalty": float("inf")}, "shift_penalty is inf; allowed: 0 or more, finite"),
        ({"width": 7, "heads": 2}, "width is 7; allowed: a multiple of heads = 2"),
    ],
)
def test_bad_configurations_are_refused(change, message):
    with pytest.raises(ModelError, match=message):
        HMLMConfig(**change)


def test_missing_species_are_not_scored_but_still_predicted(data):
    activity = data.train.activity.copy()
    activity[:, :, ::2] = np.nan
    model = HMLM.from_network(data.train.network, HMLMConfig(width=4, grid=12, hierarchy=False), seed=0)
    model.fit(replace(data.train, activity=activity), Training(steps=60, learning_rate=0.05))
    hidden = np.square(model.predict(data.combine) - data.combine.activity)[:, :, ::2].mean()
    still = np.square(data.combine.y0[:, None] - data.combine.activity)[:, :, ::2].mean()
    assert hidden < still


def test_cost_is_linear_in_edges():
    """No tensor of the sparse path is larger than a few numbers an edge and condition."""
    from hmlm_lib.hmlm.attention import GroupSum

    layer = GroupSum(torch.arange(50_000) % 1000, 1000, dense=False)
    assert sum(b.numel() for b in layer.buffers()) == 50_000


def test_the_networks_ymax_is_the_models():
    network = SignalingNetwork.from_rules("one", ["=> a"])
    doubled = SignalingNetwork("one", network.species.assign(ymax=2.0), network.reactions)
    conditions = [Condition("low", {"a": 0.5}), Condition("high", {"a": 0.9})]
    course = simulate(doubled, conditions, [0.0, 1.0, 5.0, 20.0], baseline_h=0.0)
    seen = Experiments.from_data_array(doubled, conditions, np.zeros((2, 1)), course)
    model = HMLM.from_network(doubled, HMLMConfig(width=4, hierarchy=False, proposals=False))
    assert np.allclose(model.predict(seen), seen.activity, atol=0.01)  # nothing to learn: one input, known tau


def test_a_network_of_the_same_edges_is_another_one(tmp_path):
    rules = {"a": ["a & b => d", "c => d"], "b": ["a => d", "b & c => d"]}
    one, other = (SignalingNetwork.from_rules("abc", ["=> a", "=> b", "=> c", *some]) for some in rules.values())
    path = HMLM.from_network(one, HMLMConfig(width=4)).save(tmp_path / "m.safetensors")
    slower = SignalingNetwork("abc", one.species.assign(tau=3.0), one.reactions)
    HMLM.load(path, SignalingNetwork("renamed", one.species, one.reactions))
    for network in (other, slower):
        with pytest.raises(ModelError, match="of the same edges, but with other AND groups, inputs, modules, tau or"):
            HMLM.load(path, network)


def test_a_training_is_not_resumed_on_other_data(data, tmp_path):
    training = Training(steps=2, checkpoint=tmp_path / "run.safetensors")
    config = HMLMConfig(width=4, grid=8)
    HMLM.from_network(data.train.network, config).fit(data.train, training)
    HMLM.from_network(data.train.network, config).fit(data.train, training)
    changed = replace(data.train, activity=0.5 * data.train.activity)
    with pytest.raises(ModelError, match=r"run.safetensors: written by a training on other data"):
        HMLM.from_network(data.train.network, config).fit(changed, training)


@pytest.mark.parametrize("change", ["configuration", "seed", "wiring", "batch"])
def test_a_training_is_not_resumed_by_another_model(data, tmp_path, change):
    training, config, network = (
        Training(steps=2, checkpoint=tmp_path / "run.safetensors"),
        HMLMConfig(width=4),
        data.train.network,
    )
    HMLM.from_network(network, config).fit(data.train, training)
    written = training.checkpoint.read_bytes()
    turned = network.reactions.assign(rule=[r.replace("r1 => k1", "g2 => k1") for r in network.reactions.rule])
    other = SignalingNetwork("small", network.species, turned) if change == "wiring" else network
    config = replace(config, shift_penalty=1.0) if change == "configuration" else config
    model = HMLM.from_network(other, config, seed=int(change == "seed"))
    with pytest.raises(ModelError, match="on other data, another network or with another configuration"):
        model.fit(replace(data.train, network=other), training, batch=2 if change == "batch" else None)
    assert training.checkpoint.read_bytes() == written


@pytest.mark.parametrize("how", ["no condition", "no later time", "no batch"])
def test_nothing_to_train_on_is_said(data, how):
    model = HMLM.from_network(data.train.network, HMLMConfig(width=4))
    seen = {"no condition": data.train.take([]), "no later time": data.wild.at([0]), "no batch": data.train}[how]
    if how == "no later time":
        seen = replace(seen, times_h=np.zeros(1))
    with pytest.raises(
        ModelError,
        match=r"batch \(None: all conditions\) is 0; allowed" if how == "no batch" else "nothing to train on",
    ):
        model.fit(seen, batch=0 if how == "no batch" else None)
