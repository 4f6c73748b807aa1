"""The simulator against a solver that shares nothing with it but the equations."""

import numpy as np
import torch
from scipy.integrate import solve_ivp

from hmlm_lib.dynamics.hill import HillDrive, HillParameters
from hmlm_lib.dynamics.simulate import Parameters, trajectories
from hmlm_lib.network.network import SignalingNetwork


def against_scipy(
    network: SignalingNetwork, n_conditions: int, tolerance: float, seed: int, hours: float = 240.0
) -> float:
    """Largest error over random inputs, knock-outs, all species and 97 times, activity units.

    Each condition has random input levels up to 0.9 and every second one a knock-out; the reference is scipy's
    DOP853 at rtol 1e-10, atol 1e-12, on the same right-hand side.
    """
    arrays, rng = network.arrays, np.random.default_rng(seed)
    times = np.linspace(0, hours, 97)
    stimulus = np.where(arrays.has_input, rng.uniform(0, 0.9, (n_conditions, len(arrays.tau))), 0.0)
    ymax = np.repeat(arrays.ymax[None], n_conditions, axis=0)
    ymax[np.arange(0, n_conditions, 2), rng.integers(0, len(arrays.tau), len(ymax[::2]))] = 0.0
    worst = 0.0
    for level, cap in zip(stimulus, ymax, strict=True):
        column = {name: torch.as_tensor(getattr(arrays, name))[:, None] for name in ("w", "n", "ec50", "tau")}
        drive = HillDrive(arrays, HillParameters(**column, ymax=torch.as_tensor(cap)[:, None]))
        untouched = torch.as_tensor(cap * (1 - level))[:, None]

        def slope(_: float, y: np.ndarray, drive=drive, untouched=untouched) -> np.ndarray:
            return (drive(torch.as_tensor(y)[:, None], untouched)[:, 0].numpy() - y) / arrays.tau

        exact = solve_ivp(slope, (0, hours), arrays.y0, method="DOP853", rtol=1e-10, atol=1e-12, t_eval=times).y.T
        ours = trajectories(
            arrays, times, torch.as_tensor(level)[None], parameters=Parameters(ymax=cap), tolerance=tolerance
        )
        worst = max(worst, float(np.abs(ours[0].numpy() - exact).max()))
    return worst
