"""The benchmark of devices: every piece of work runs there, and the command says where nothing was timed."""

import json
import sys

import pytest
import torch
from devices import close

from hmlm_lib import paths
from hmlm_lib.composition.states import States
from hmlm_lib.metrics import KEY
from hmlm_lib.moving import moved

FOLDER = paths.ROOT / "benchmarks"


@pytest.mark.parametrize("part", ["hmlm_step", "chmr_step", "composition_step"])
def test_pieces_of_work_give_the_numbers_of_the_cpu(device, part, monkeypatch):
    """The loss of one step on eight rows: 1e-4 relative."""
    monkeypatch.syspath_prepend(FOLDER)
    from device import PARTS

    make, *_ = PARTS[part]
    close(make(8, device)(), make(8, "cpu")(), 0.0, 1e-4)


def test_the_command_times_the_cpu_and_says_that_nothing_else_was(monkeypatch, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    import device

    monkeypatch.setattr(device, "PARTS", {name: (make, 8, 4) for name, (make, *_) in device.PARTS.items()})

    def asked(*options):
        monkeypatch.setattr(sys, "argv", ["device.py", "--quick", "--device", "cpu", *options])
        device.main()
        return capsys.readouterr().out

    first, *lines = asked().splitlines()
    assert first.endswith("no CUDA device is timed (asked for)")
    assert [line.split(":")[0] for line in lines] == ["simulator", "hmlm_step", "chmr_step", "composition_step"]
    assert all("cpu_s" in line and "ratio" not in line for line in lines)
    keys = json.loads(asked("--json"))
    assert all(KEY.fullmatch(key) for key in keys)
    assert {key.split("/")[0] for key in keys} == {"95_device_cost"}


def test_moving_reaches_into_everything_and_leaves_the_rest(device):
    held = {"a": (torch.ones(2), "b", None), "c": States({1: torch.ones(2, 3, 4)}, torch.ones(2, 3, dtype=torch.bool))}
    found = moved(held, device)
    assert found["a"][1:] == ("b", None)
    tensors = (found["a"][0], found["c"].hidden[1], found["c"].exists)
    assert {x.device.type for x in tensors} == {torch.device(device).type}
    assert moved([1, 2], device) == [1, 2]
