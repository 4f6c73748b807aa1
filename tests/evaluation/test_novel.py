"""New combinations: by hand on the experiments themselves, and what a row says of them."""

import numpy as np
import pytest

from hmlm_lib.evaluation import benchmark
from hmlm_lib.evaluation.novel import MEASURE, never_combined, with_new
from hmlm_lib.evaluation.tasks import benchmark as drawn


def test_a_combination_is_new_where_no_training_condition_steps_its_inputs():
    b, new = drawn(0, 1), never_combined(0)
    moved = [{n for n, level in zip(b.world.arrays.species_names, row, strict=True) if level not in (0.0, 0.1)}
             for row in b.combine.stimulus]  # fmt: skip
    shown = [{n for n, level in zip(b.world.arrays.species_names, row, strict=True) if level not in (0.0, 0.1)}
             for row in b.train.stimulus]  # fmt: skip
    assert new.tolist() == [inputs not in shown for inputs in moved]
    assert 0 < new.sum() < len(new) == len(b.combine)


def test_a_row_says_the_mean_over_new_combinations():
    errors = np.arange(40.0)
    row = {"seed": 1, "values": {"B/by_condition": errors.tolist()}}
    assert with_new(row)["values"][MEASURE] == pytest.approx(errors[never_combined(1)].mean(), rel=1e-3)
    assert MEASURE not in row["values"]


def test_rows_of_the_record_hold_it():
    found = benchmark.rows("k8")
    assert found
    assert all(row["values"][MEASURE] > 0 or row["model"] == "oracle" for row in found)
