"""Dynamics: the equations, the integrator, conditions and what is measured."""

from hmlm_lib.dynamics.experiment import Condition, observation_times, observe
from hmlm_lib.dynamics.hill import activation
from hmlm_lib.dynamics.protocols import dose_response, four_conditions, knockout_screen, settling_time
from hmlm_lib.dynamics.simulate import Parameters, simulate, trajectories

__all__ = [
    "Condition",
    "Parameters",
    "activation",
    "dose_response",
    "four_conditions",
    "knockout_screen",
    "observation_times",
    "observe",
    "settling_time",
    "simulate",
    "trajectories",
]
