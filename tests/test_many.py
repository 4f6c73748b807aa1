"""Several networks as one."""

import numpy as np
import pytest

from hmlm_lib.dynamics import Condition, simulate
from hmlm_lib.errors import ModelError
from hmlm_lib.evaluation.networks import experiments_on
from hmlm_lib.experiments import Experiments
from hmlm_lib.many import apart, side_by_side, union
from hmlm_lib.network.network import SignalingNetwork

ONE = SignalingNetwork.from_rules("one", ["=> a", "a => b", "a & !b => c"], tau={"b": 5.0})
TWO = SignalingNetwork.from_rules("two", ["=> a", "!a => d"], n=2.0)


def test_the_union_keeps_every_number_of_its_members():
    found = union([ONE, TWO])
    assert found.species_names == ("n0_a", "n0_b", "n0_c", "n1_a", "n1_d")
    assert list(found.reactions["rule"]) == [
        "=> n0_a", "n0_a => n0_b", "n0_a & !n0_b => n0_c", "=> n1_a", "!n1_a => n1_d",
    ]  # fmt: skip
    assert found.species["tau"].tolist() == [1, 5, 1, 1, 1]
    assert found.reactions["n"].tolist() == [1.4, 1.4, 1.4, 2, 2]
    assert not set(found.arrays.module[:3]) & set(found.arrays.module[3:])


def test_members_move_as_if_they_were_alone():
    times = [0, 2, 12]
    alone = simulate(ONE, Condition("x", stimulus={"a": 0.8}), times_h=times).to_dataframe()["activity"].unstack()
    union_of = simulate(union([TWO, ONE]), Condition("x", stimulus={"n1_a": 0.8}), times_h=times)
    together = union_of.to_dataframe()["activity"].unstack()
    for name in ONE.species_names:
        np.testing.assert_allclose(together[f"n1_{name}"], alone[name], atol=1e-3)
    assert alone["b"].max() > 0.3


def test_condition_i_of_the_union_is_condition_i_of_every_member():
    [one], [two] = (experiments_on([network], seed, "hill", 3) for seed, network in enumerate((ONE, TWO)))
    whole = side_by_side([one, two])
    assert isinstance(whole, Experiments)
    assert len(whole) == 3
    np.testing.assert_array_equal(whole.activity[:, :, 3:], two.activity)
    np.testing.assert_array_equal(whole.factor[:, :3], one.factor)
    again = apart(whole, [ONE, TWO])
    assert again[1].network is TWO
    np.testing.assert_array_equal(again[0].stimulus, one.stimulus)


def test_members_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="no networks"):
        union([])
    with pytest.raises(ModelError, match=r"member 1: 2 conditions .* allowed: as those of member 0, 3"):
        side_by_side([*experiments_on([ONE], 0, "hill", 3), *experiments_on([TWO], 1, "hill", 2)])
