"""What one turns in the explorer, and the two stretches of time that it means for any model.

A setting holds some inputs at a level from t = 0 until `lasts_h`, then lets them fall back to rest. A knocked-out
species is taken out at t = 0: its activity is 0 from then on. Both stretches are ordinary `Experiments` on one
condition, so every model of the study can be asked, and all are asked the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import xarray as xr
from jaxtyping import Float

from hmlm_lib.dynamics.experiment import Condition, check_times, course, position, ymax_factors
from hmlm_lib.errors import ExperimentError, ModelError, check_finite, did_you_mean
from hmlm_lib.experiments import Experiments, held_levels
from hmlm_lib.network.network import SignalingNetwork

HORIZON_H = 72.0
TIMES_H = np.linspace(0.0, HORIZON_H, 145)


class Model(Protocol):
    """Anything that predicts trajectories from experiments: HMLM, a baseline, the simulator of `cell.py`."""

    def predict(self, experiments: Experiments, times_h: np.ndarray) -> Float[np.ndarray, "condition time species"]: ...


@dataclass(frozen=True)
class Setting:
    """stimulus: input -> level in [0, 1]; knockout: species without activity; lasts_h: hours until the stimuli end."""

    stimulus: Mapping[str, float] = field(default_factory=dict)
    knockout: Sequence[str] = ()
    lasts_h: float = HORIZON_H

    def condition(self, network: SignalingNetwork) -> Condition:
        """The first stretch as a condition on a network; ExperimentError names what the network cannot do."""
        condition = Condition("setting", self.stimulus, self.knockout, perturb_at="stimulus")
        for name in condition.stimulus:
            position(network, name, "setting, stimulus")
            if name not in network.input_species:
                raise ExperimentError(
                    f"setting: {name!r} is no input of network {network.name!r}"
                    f"{did_you_mean(name, network.input_species)}; allowed: {', '.join(network.input_species)}"
                )
            course(condition, name)
        ymax_factors(network, condition)
        check_finite(self.lasts_h, "setting: lasts_h", ExperimentError, above=True)
        return condition


def trajectory(
    model: Model,
    network: SignalingNetwork,
    rest: Float[np.ndarray, " species"],
    setting: Setting,
    times_h: Sequence[float] | np.ndarray = TIMES_H,
) -> xr.DataArray:
    """Activities (time, species) that a model gives for a setting, from the state at rest.

    The second stretch starts where the model itself ended the first. ExperimentError for a setting or times that
    cannot be run, or another state; ModelError for an answer of another shape.
    """
    condition, times = setting.condition(network), check_times(times_h)
    y, until = _state(network, rest) * ymax_factors(network, condition), setting.lasts_h
    on = times[times <= until]
    first = _stretch(model, network, condition, y, np.union1d(on, [min(until, times[-1])]))
    values = first[: len(on)]
    if until < times[-1]:
        after = Condition("after", knockout=setting.knockout, perturb_at="stimulus")
        second = _stretch(model, network, after, first[-1].clip(0.0), times[times > until] - until)
        values = np.concatenate([values, second])
    return xr.DataArray(
        values,
        dims=("time", "species"),
        coords={"time": times, "species": list(network.species_names)},
        name="activity",
        attrs={"units": "fraction of maximum"},
    )


def _state(network: SignalingNetwork, rest: Float[np.ndarray, " species"]) -> Float[np.ndarray, " species"]:
    try:
        y = np.asarray(rest, dtype=float)
    except (TypeError, ValueError):
        raise ExperimentError(f"rest is {rest!r}; allowed: a number for each species") from None
    if y.shape != (len(network.species_names),):
        raise ExperimentError(f"rest has shape {y.shape}; allowed: ({len(network.species_names)},), one a species")
    return y


def _stretch(
    model: Model, network: SignalingNetwork, condition: Condition, y0: np.ndarray, times_h: np.ndarray
) -> Float[np.ndarray, "time species"]:
    nothing = np.full((1, 1, len(y0)), np.nan)
    levels, factor = held_levels(network, condition), ymax_factors(network, condition)
    one = Experiments(network, (condition.name,), levels[None], factor[None], y0[None], np.zeros(1), nothing)
    said = np.asarray(model.predict(one, times_h))
    if said.shape != (1, len(times_h), len(y0)):
        raise ModelError(f"{type(model).__name__} predicts shape {said.shape}; allowed: {(1, len(times_h), len(y0))}")
    return said[0]
