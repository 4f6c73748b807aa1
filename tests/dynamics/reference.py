"""The simulator's equations written a second time, in numpy and scipy, from the paper's form and nothing else."""

import numpy as np
from scipy.integrate import solve_ivp

from hmlm_lib.network.network import NetworkArrays


def drive(arrays: NetworkArrays, y: np.ndarray, stimulus: np.ndarray) -> np.ndarray:
    """ymax f(y), one reaction after the other, with the published constant B (EC50^n must not be 1/2)."""
    off = 1.0 - stimulus
    for r, product in enumerate(arrays.product):
        w, n, half = arrays.w[r], arrays.n[r], arrays.ec50[r] ** arrays.n[r]
        b = (half - 1) / (2 * half - 1)
        gates = []
        for j in np.flatnonzero(arrays.reaction == r):
            x = min(max(y[arrays.source[j]], 0.0), 1.0)
            act = min(w * b * x**n / (b - 1 + x**n), w)
            gates.append(w - act if arrays.inhibits[j] else act)
        off[product] *= 1 - np.prod(gates) / w ** (len(gates) - 1)
    return arrays.ymax * (1 - off)


def solve(arrays: NetworkArrays, y0: np.ndarray, stimulus: np.ndarray, times_h: np.ndarray) -> np.ndarray:
    """Trajectory [time, species] at rtol 1e-10 by an eighth-order explicit Runge-Kutta method."""
    slope = lambda t, y: (drive(arrays, y, stimulus) - y) / arrays.tau  # noqa: E731
    span = (times_h[0], times_h[-1])
    return solve_ivp(slope, span, y0, method="DOP853", rtol=1e-10, atol=1e-12, t_eval=times_h).y.T
