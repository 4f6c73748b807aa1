"""The simulator, for one cell at a time and in a hurry.

`dynamics.simulate` is built for batches. A slider asks for a single trajectory, and there an implicit method that
changes its order pays: LSODA on the same drive, `dynamics/hill.py`, with a Jacobian by differences whose columns
are one batch: a state and its 109 neighbours cost three drives, not 110.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.integrate import odeint

from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.experiment import check_times
from hmlm_lib.dynamics.hill import HillDrive, HillParameters
from hmlm_lib.dynamics.simulate import resolve
from hmlm_lib.errors import ExperimentError, check_finite
from hmlm_lib.experiments import Experiments, same_species
from hmlm_lib.network.network import SignalingNetwork

TOLERANCE = 1e-4
APART = 1e-6  # between the two states of a difference
MOST_STEPS = 100_000  # between two times asked about; LSODA's own 500 end early where one late time is asked exactly


class Simulator:
    """The true cell as a model: `predict` solves Eq. (1) of `dynamics/hill.py` for each condition of experiments."""

    def __init__(self, network: SignalingNetwork, tolerance: float = TOLERANCE):
        check_finite(tolerance, "tolerance", ExperimentError, above=True)
        value = resolve(network.arrays, None, torch.float64, "cpu")
        value.pop("y0")
        parameters = HillParameters(**value)
        self.network, self.tolerance, self.tau = network, tolerance, network.arrays.tau
        self.ymax = parameters.ymax
        # A condition scales the drive as a whole, so the drive itself is built once.
        self.drive = HillDrive(network.arrays, parameters)

    def predict(
        self, experiments: Experiments, times_h: np.ndarray | None = None
    ) -> Float[np.ndarray, "condition time species"]:
        """Trajectories from y0 at t = 0, at times_h (default: the experiments' own)."""
        same_species(self.network, experiments)
        times = experiments.times_h if times_h is None else check_times(times_h)
        rows = zip(experiments.stimulus, experiments.factor, experiments.y0, strict=True)
        with one_thread(), torch.no_grad():
            found = [self._solve(*row, times) for row in rows]
        return np.array(found).reshape(len(found), len(times), len(self.tau))

    def _solve(self, stimulus: np.ndarray, factor: np.ndarray, y0: np.ndarray, times: np.ndarray) -> np.ndarray:
        untouched = self.ymax * torch.as_tensor(1 - stimulus)[:, None]
        grid = times if times[0] == 0 else np.concatenate([[0.0], times])
        if len(grid) == 1:
            return y0[None]  # odeint has nothing to do and says so
        near = APART * np.eye(len(y0))

        def driven(y: Float[np.ndarray, "species batch"]) -> Float[np.ndarray, "species batch"]:
            return factor[:, None] * self.drive(torch.from_numpy(y), untouched.expand(-1, y.shape[1])).numpy()

        def slope(y: Float[np.ndarray, " species"], _: float) -> Float[np.ndarray, " species"]:
            return (driven(y[:, None])[:, 0] - y) / self.tau

        def jacobian(y: Float[np.ndarray, " species"], _: float) -> Float[np.ndarray, "species species"]:
            levels = driven(np.column_stack([y, y[:, None] + near]))
            return ((levels[:, 1:] - levels[:, :1]) / APART - np.eye(len(y))) / self.tau[:, None]

        near_enough = {"rtol": self.tolerance, "atol": self.tolerance / 10, "mxstep": MOST_STEPS}
        found, about = odeint(slope, y0, grid, Dfun=jacobian, full_output=True, **near_enough)
        if about["message"] != "Integration successful.":
            raise ExperimentError(f"the simulator stopped before {times[-1]:g} h: {about['message']}")
        return found[len(grid) - len(times) :]
