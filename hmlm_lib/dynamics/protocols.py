"""The experiments of the study on the fibroblast network: four conditions, dose response, knock-out screen."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from hmlm_lib.dynamics.experiment import Condition
from hmlm_lib.dynamics.simulate import simulate
from hmlm_lib.network.network import SignalingNetwork

SETTLED_H = 240.0  # the eLife protocol's length; every condition here has come to rest by then


def four_conditions(network: SignalingNetwork) -> list[Condition]:
    """Control, TGF-beta (0.9), strain (tension 0.85) and both (0.95 and 0.9), as in the HMLM paper.

    In the 132-species network the stimuli act on the external supplies `TGFBin` and `tensionin`.
    """
    supplied = "TGFBin" in network.index
    tgfb, tension = ("TGFBin", "tensionin") if supplied else ("TGFB", "tension")
    return [
        Condition("control"),
        Condition("TGF-beta", stimulus={tgfb: 0.9}),
        Condition("strain", stimulus={tension: 0.85}),
        Condition("combined", stimulus={tgfb: 0.95, tension: 0.9}),
    ]


def dose_response(
    network: SignalingNetwork,
    species: str,
    levels: Sequence[float] | np.ndarray,
    hours: float = 1000.0,
    device: str = "cpu",
) -> xr.DataArray:
    """Resting activity at each level of one input, reached from the low and from the high state.

    `low` starts at rest with the input at 0, `high` at rest with it at 1. Where the two differ the cell remembers
    where it came from. Returns dims (start, level, species).
    """
    branches = []
    for start in (0.0, 1.0):
        before = simulate(network, Condition("start"), [hours], inputs={species: start}, baseline_h=0.0, device=device)
        conditions = [Condition(f"{level:.6f}", stimulus={species: level}) for level in levels]
        y0 = np.repeat(before.values[:, 0], len(conditions), axis=0)
        rest = simulate(network, conditions, [hours], baseline_h=0.0, y0=y0, device=device).isel(time=0)
        branches.append(rest.rename(condition="level").assign_coords(level=np.asarray(levels, dtype=float)))
    return xr.concat(branches, xr.DataArray(["low", "high"], dims="start", name="start"))


def knockout_screen(
    network: SignalingNetwork, stimulus: dict[str, float] | None = None, hours: float = SETTLED_H, device: str = "cpu"
) -> xr.DataArray:
    """Change of every species' activity when one species is knocked out, `hours` after the stimulus.

    All knock-outs and the wild type are one batch. Returns dims (knockout, species), fraction of maximum; negative
    where the knocked-out species is needed.
    """
    wild = Condition("wild type", stimulus=stimulus or {})
    knockouts = [Condition(name, stimulus=stimulus or {}, knockout=name) for name in network.species_names]
    end = simulate(network, [wild, *knockouts], [hours], device=device).isel(time=0, drop=True)
    change = end.isel(condition=slice(1, None)) - end.isel(condition=0, drop=True)
    return change.rename(condition="knockout").rename("change of activity")


def settling_time(trajectories: xr.DataArray, within: float = 0.05) -> Float[xr.DataArray, "condition species"]:
    """First time (hours) after which a species stays within `within` of its last value."""
    away = np.abs(trajectories - trajectories.isel(time=-1)) > within
    last = len(away.time) - 1 - away.isel(time=slice(None, None, -1)).argmax("time")
    after = trajectories.time.values[np.minimum(last.values + 1, len(away.time) - 1)]
    return last.copy(data=np.where(away.any("time").values, after, trajectories.time.values[0]))
