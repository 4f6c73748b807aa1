"""Edges off the graph: a reaction that the network lacks is found; with nothing missing, few are proposed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.errors import ModelError
from hmlm_lib.evaluation.tasks import Size, benchmark
from hmlm_lib.hmlm.attention import Proposals
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training

RULES = ["=> a", "=> b", "=> c", "a => r1", "b => r2", "r1 & r2 => k1", "c => k2", "k2 => t1", "k1 => t2", "t2 => g1"]
SIZE = Size(singles=3, pairs=12, triples=6, knockouts=4, test=8, test_knockouts=3)
SCHEDULE = Training(steps=150, learning_rate=0.05)


@pytest.fixture(scope="module")
def data():
    return benchmark(0, 6, size=SIZE, network=SignalingNetwork.from_rules("small", RULES))


def without(data, rule):
    whole = data.train.network
    cut = SignalingNetwork("cut", whole.species, whole.reactions[whole.reactions["rule"] != rule])
    return replace(data.train, network=cut), replace(data.combine, network=cut)


def fitted(train, **settings):
    return HMLM.from_network(train.network, HMLMConfig(width=8, grid=24, **settings)).fit(train, SCHEDULE)


def test_a_missing_reaction_is_proposed_and_helps(data):
    train, test = without(data, "k2 => t1")
    bold, strict = fitted(train), fitted(train, proposals=False, hierarchy=False)
    strength = bold.off_graph.strength().detach().numpy()
    row = train.network.index["t1"]
    assert train.network.species_names[np.abs(strength[row]).argmax()] in ("k2", "c")  # t1's route, or its start
    error = [np.square(m.predict(test) - test.activity)[:, :, row].mean() for m in (bold, strict)]
    assert error[0] < 0.2 * error[1]


def test_with_nothing_missing_little_is_proposed(data):
    strength = fitted(data.train).off_graph.strength().detach().abs()
    assert (strength > 0.1).sum() <= 2


def test_no_species_proposes_itself_and_the_drive_is_the_sum_by_hand():
    beyond = Proposals(3)
    with torch.no_grad():
        beyond.matrix[:] = torch.tensor([[9.0, 0.5, 0.0], [0.0, 9.0, 0.0], [0.0, -0.25, 9.0]])
    assert torch.equal(beyond.strength().diagonal(), torch.zeros(3))
    assert beyond.size().item() == pytest.approx(0.25)
    # A gate is 0 at 0 and 1 at 1, so species 1 at 1 says 0.5 to species 0 and -0.25 to species 2.
    said = beyond.drive()(torch.tensor([[0.0], [1.0], [0.0]]))
    assert torch.allclose(said, torch.tensor([[0.5], [0.0], [-0.25]]), atol=1e-5)


def test_proposals_need_species_of_their_own():
    with pytest.raises(ModelError, match="only with identity=True"):
        HMLMConfig(identity=False, proposals=True)
