"""One model for many networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.errors import ModelError
from hmlm_lib.evaluation.networks import drawn_network, experiments_on
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.hmlm.tokens import tokens
from hmlm_lib.hmlm.transfer import SHARED, begun, moved, pretrain
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training

SMALL = replace(SHARED, width=4, grid=12)
NETWORKS = [drawn_network(size, size) for size in (12, 15)]
SHORT = Training(steps=12, learning_rate=0.02, shared_rate=1.0)


@pytest.fixture(scope="module")
def members():
    return experiments_on(NETWORKS, 0, "hill", 4)


@pytest.fixture(scope="module")
def shared(members):
    return pretrain(members, SMALL, SHORT)


def test_tokens_are_read_in_their_own_network(shared):
    expected = torch.cat([tokens(network.arrays).species for network in NETWORKS])
    assert torch.equal(shared._species, expected)
    assert not torch.equal(tokens(shared.network.arrays).species, expected)  # the union's module shares are smaller


def test_every_member_is_predicted_as_the_model_moved_to_it_does(shared, members):
    from hmlm_lib.many import side_by_side

    together = shared.predict(side_by_side(members))
    first = NETWORKS[0].arrays.tau.size
    for part, one in zip((together[:, :, :first], together[:, :, first:]), members, strict=True):
        np.testing.assert_allclose(moved(shared, one.network).predict(one), part, atol=1e-5)


def test_what_was_learned_elsewhere_helps_on_networks_never_seen():
    """Mass action, of which an untrained model knows nothing."""
    parts = experiments_on([drawn_network(15, n) for n in range(16)], 0, "mass_action", 8)
    learned = pretrain(parts[:12], SMALL, Training(steps=100, learning_rate=0.05, shared_rate=0.2))
    untrained = HMLM.from_network(parts[0].network, SMALL, 0)
    before, after = (
        [np.square(moved(model, e.network).predict(e) - e.activity).mean() for e in parts[12:]]
        for model in (untrained, learned)
    )
    assert np.log(after).mean() < np.log(before).mean() - 0.2


def test_a_beginning_says_what_the_moved_model_says_and_then_learns(shared):
    [new] = experiments_on([drawn_network(13, 5)], 5, "hill", 4)
    start = begun(shared, new.network)
    assert start.config.identity
    assert start.n_parameters > 2 * moved(shared, new.network).n_parameters
    zero_shot = moved(shared, new.network).predict(new)
    np.testing.assert_allclose(start.predict(new), zero_shot, atol=1e-5)
    np.testing.assert_allclose(begun(shared, new.network, proposals=True).predict(new), zero_shot, atol=1e-5)
    after = start.fit(new, Training(steps=40, learning_rate=0.02)).predict(new)
    assert np.square(after - new.activity).mean() < 0.8 * np.square(zero_shot - new.activity).mean()


def test_a_saved_model_without_identity_opens_on_any_network(shared, tmp_path):
    path, network = shared.save(tmp_path / "shared"), drawn_network(13, 5)
    [new] = experiments_on([network], 5, "hill", 2)
    np.testing.assert_array_equal(HMLM.load(path, network).predict(new), moved(shared, network).predict(new))
    own = begun(shared, network).save(tmp_path / "own")
    with pytest.raises(ModelError, match="trained on another network"):
        HMLM.load(own, NETWORKS[0])


def other_modules(network, renamed=None):
    """The same network cut into five modules instead of eight, or under other names of modules."""
    names = [f"part {i % 5}" for i in range(len(network.species))]
    species = network.species.assign(module=[renamed[name] for name in names] if renamed else names)
    return SignalingNetwork(network.name, species, network.reactions)


@pytest.mark.parametrize(
    "change",
    [{}, {"attention": "softmax", "layers": 2}, {"cell": False}, {"pathway": False}, {"signs": False, "layers": 3}],
    ids=str,
)
def test_without_identity_a_whole_model_moves_to_other_modules(members, tmp_path, change):
    config = replace(HMLMConfig(width=4, grid=12, identity=False), **change)
    model = HMLM.from_network(NETWORKS[0], config).fit(members[0], Training(steps=2))
    assert model.hierarchy.decompose.read.weight.abs().max() > 0  # the hierarchy has a say
    there = other_modules(drawn_network(13, 5))
    [new] = experiments_on([there], 5, "hill", 2)
    found = moved(model, there)
    said = found.predict(new)
    assert np.isfinite(said).all()
    assert found.n_parameters == model.n_parameters
    np.testing.assert_array_equal(HMLM.load(model.save(tmp_path / "whole"), there).predict(new), said)
    back = other_modules(drawn_network(13, 5), {f"part {i}": f"{9 - i}" for i in range(5)})  # first becomes last
    np.testing.assert_allclose(moved(model, back).predict(replace(new, network=back)), said, atol=1e-5)
    np.testing.assert_allclose(begun(model, there).predict(new), said, atol=1e-5)


def test_names_of_modules_that_were_learned_do_not_move(members, tmp_path):
    model = HMLM.from_network(NETWORKS[0], HMLMConfig(width=4, grid=12))
    with pytest.raises(ModelError, match="allowed: identity=False"):
        moved(model, NETWORKS[1])
    with pytest.raises(ModelError, match="trained on another network"):
        HMLM.load(model.save(tmp_path / "own"), NETWORKS[1])


def test_a_batch_of_conditions_and_the_seed_decide_the_numbers(members):
    one, two, other = (
        pretrain(members, SMALL, replace(SHORT, steps=3, seed=seed), batch=2).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_models_that_belong_to_one_network_are_refused(members):
    for config in (HMLMConfig(hierarchy=False), HMLMConfig(identity=False)):
        with pytest.raises(ModelError, match="allowed for many networks: False, False"):
            pretrain(members, config, SHORT)
    with pytest.raises(ModelError, match="allowed: identity=False"):
        moved(HMLM.from_network(NETWORKS[0], HMLMConfig(width=4)), NETWORKS[1])
