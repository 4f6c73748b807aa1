"""What the tests of devices share: small data, and how results are compared."""

import numpy as np
import torch
from torch import Tensor

from hmlm_lib.experiments import Experiments
from hmlm_lib.network import SignalingNetwork

RULES = ["=> a", "=> b", "a => r1", "b & !r1 => k1", "r1 => k1", "k1 & !k2 => t1", "t1 => g1", "t1 & k1 => k2"]


def network() -> SignalingNetwork:
    """Seven species with an AND, inhibition and a loop, in three modules."""
    plain = SignalingNetwork.from_rules("small", RULES, tau={"g1": 5.0, "k2": 8.0}, input_level=0.1)
    return SignalingNetwork(
        "small", plain.species.assign(module=["in"] * 2 + ["mid"] * 3 + ["out"] * 2), plain.reactions
    )


def experiments(count: int, seed: int = 0) -> Experiments:
    """Conditions of the small network at 1, 6 and 24 h, some values not measured."""
    rng, small = np.random.default_rng(seed), network()
    shape = count, len(small.species_names)
    activity = rng.uniform(0.1, 0.9, (count, 3, shape[1]))
    start, activity[0, 1, 2:4] = activity[:, 0].copy(), np.nan
    names, factor = tuple(f"c{i}" for i in range(count)), np.where(rng.random(shape) < 0.1, 0.0, 1.0)
    return Experiments(small, names, rng.uniform(0, 1, shape), factor, start, np.array([1.0, 6.0, 24.0]), activity)


def close(found: Tensor | np.ndarray, wanted: Tensor | np.ndarray, atol: float, rtol: float = 0.0) -> None:
    """Whether two results, wherever they lie, have one shape and differ by no more than atol + rtol |wanted|."""
    found, wanted = (x.detach().cpu() if isinstance(x, Tensor) else torch.as_tensor(x) for x in (found, wanted))
    torch.testing.assert_close(found.double(), wanted.double(), atol=atol, rtol=rtol, equal_nan=True)


def slopes(model: torch.nn.Module) -> dict[str, Tensor]:
    """Gradients by name, of the parameters that have one."""
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def slopes_close(found: torch.nn.Module, wanted: torch.nn.Module, atol: float, rtol: float) -> None:
    """Whether two models have the same gradients."""
    ours, theirs = slopes(found), slopes(wanted)
    assert ours.keys() == theirs.keys()
    assert ours
    for name, slope in ours.items():
        close(slope, theirs[name], atol, rtol)
