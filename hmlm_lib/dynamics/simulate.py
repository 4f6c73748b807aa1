"""From a network and conditions to trajectories: one batched call, on CPU or CUDA, with or without gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from hmlm_lib.device import placed
from hmlm_lib.dynamics.experiment import Condition, check_times, course, position, ymax_factors
from hmlm_lib.dynamics.hill import HillDrive, HillParameters
from hmlm_lib.dynamics.integrate import Relaxation, integrate
from hmlm_lib.dynamics.stimulus import Stimulus
from hmlm_lib.errors import ExperimentError, interval
from hmlm_lib.network.network import NetworkArrays, SignalingNetwork, check_network

BASELINE_H = 80.0  # the published network settles within 57-70 h
TOLERANCE = 1e-5
BELOW_ZERO = 1e-3  # what the end of one run may lie below 0 by the solver's error and still start the next
RANGES = {  # parameter: (low, high, whether low and high themselves are allowed)
    "w": (0.0, 1.0, True),
    "n": (0.0, np.inf, False),
    "ec50": (0.0, 1.0, False),
    "tau": (0.0, np.inf, False),
    "ymax": (0.0, np.inf, True),
    "y0": (0.0, np.inf, True),
}


@dataclass(frozen=True)
class Parameters:
    """Parameters that replace the network's: one set [axis], or one a condition [condition, axis].

    w, n, ec50 over the reactions that have reactants (`network.arrays.reaction_ids`); tau (hours), ymax, y0 over the
    species. Tensors, or anything numpy takes as an array (a pandas Series by order, not by label); None keeps the
    network's. Tensors keep their gradient. Raises ExperimentError for what is not numbers.
    """

    w: np.ndarray | Tensor | None = None
    n: np.ndarray | Tensor | None = None
    ec50: np.ndarray | Tensor | None = None
    tau: np.ndarray | Tensor | None = None
    ymax: np.ndarray | Tensor | None = None
    y0: np.ndarray | Tensor | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not isinstance(value, Tensor):
                object.__setattr__(self, field.name, _numbers(value, f"parameter {field.name}"))

    @property
    def per_condition(self) -> bool:
        """Whether any parameter differs from condition to condition."""
        return any(v is not None and v.ndim == 2 for v in (getattr(self, f.name) for f in fields(self)))

    def rows(self, part: slice) -> "Parameters":
        """The parameters of some conditions."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return Parameters(**{k: v[part] if v is not None and v.ndim == 2 else v for k, v in values.items()})


def _numbers(value: object, what: str) -> np.ndarray:
    try:
        array = np.asarray(value)
        if array.dtype.kind in "mMc":
            raise TypeError("times and complex numbers have other units or parts")
        fits = array.dtype.kind in "fiub" and array.flags.writeable  # a Series may lend a view that torch warns of
        return array if fits else array.astype(float)
    except (TypeError, ValueError):
        raise ExperimentError(f"{what} is {value!r}; allowed: an array of numbers") from None


def resolve(
    arrays: NetworkArrays, given: Parameters | None, dtype: torch.dtype, device: str
) -> dict[str, Float[Tensor, "axis batch"]]:
    """Every parameter as a tensor [axis, 1 or condition]; ExperimentError for a wrong shape or range."""
    resolved = {}
    for name in RANGES:
        own = getattr(arrays, name)
        value = getattr(given, name) if given is not None else None
        tensor = torch.as_tensor(own if value is None else value, dtype=dtype, device=device)
        if tensor.ndim not in (1, 2) or tensor.shape[-1] != len(own):
            raise ExperimentError(
                f"parameter {name} has shape {tuple(tensor.shape)}; allowed: ({len(own)},) or (conditions, {len(own)})"
            )
        if value is not None:
            _check_range(arrays, name, tensor)
        resolved[name] = tensor[:, None] if tensor.ndim == 1 else tensor.T
    return resolved


def _check_range(arrays: NetworkArrays, name: str, value: Tensor) -> None:
    low, high, closed = RANGES[name]
    inside = (value >= low) & (value <= high) if closed else (value > low) & (value < high)
    inside &= torch.isfinite(value)
    if not bool(inside.all()):
        at = tuple(int(i) for i in torch.nonzero(~inside)[0])
        labels = arrays.reaction_ids if name in ("w", "n", "ec50") else arrays.species_names
        raise ExperimentError(
            f"parameter {name} of {labels[at[-1]]} is {float(value[at]):g}; allowed: {interval(low, high, closed)}"
        )


def trajectories(
    arrays: NetworkArrays,
    times_h: Sequence[float] | np.ndarray,
    stimulus: Float[Tensor, "condition species"] | Stimulus,
    y0: Float[Tensor, "condition species"] | None = None,
    parameters: Parameters | None = None,
    tolerance: float = TOLERANCE,
) -> Float[Tensor, "condition time species"]:
    """Solve Eq. (1) of `hill.py` for a batch, from y0 at times_h[0]; dtype and device are those of `stimulus`.

    Differentiable with respect to the parameters, y0 and the stimulus. `stimulus` as a tensor is held constant.
    """
    if not isinstance(stimulus, Stimulus):
        stimulus = Stimulus.hold(stimulus.T)
    levels = stimulus.levels
    value = resolve(arrays, parameters, levels.dtype, str(levels.device))
    start = value.pop("y0") if y0 is None else y0.T
    value.pop("y0", None)
    batch = max(levels.shape[-1], start.shape[-1], *(v.shape[-1] for v in value.values()))
    drive = HillDrive(arrays, HillParameters(**value))
    times = torch.as_tensor(check_times(times_h), device=levels.device)
    start = start.expand(len(arrays.tau), batch).to(levels.dtype)
    return integrate(Relaxation(drive, stimulus), start, times, tolerance)


def input_levels(network: SignalingNetwork, inputs: float | dict[str, float] | None) -> Float[np.ndarray, " species"]:
    """Level of every input before any stimulus: the network's own, one number for all, or some replaced by name."""
    arrays = network.arrays
    level = arrays.input_level.copy()
    if isinstance(inputs, dict):
        for species, value in inputs.items():
            level[position(network, species, "inputs")] = _level(value, f"inputs, {species}")
    elif inputs is not None:
        level[arrays.has_input] = _level(inputs, "inputs")
    return level


def _level(value: float, what: str) -> float:
    try:
        level = float(value) if np.isscalar(value) else np.nan
    except (TypeError, ValueError):
        level = np.nan
    if not 0 <= level <= 1:
        raise ExperimentError(f"{what} is {value!r}; allowed: a level in [0, 1]")
    return level


def stimulus_courses(
    network: SignalingNetwork, conditions: Sequence[Condition], base: Float[np.ndarray, " species"]
) -> tuple[np.ndarray, np.ndarray, str]:
    """Knots (hours) and levels [knot, species, condition] of all conditions from t = 0 on, and how to interpolate.

    A level alone that comes after t = 0 is a step, whatever its condition's interpolation. Raises ExperimentError
    where steps and lines are mixed.
    """
    courses = [{s: course(c, s) for s in c.stimulus} for c in conditions]
    kind = _interpolation(conditions, courses)
    knots = np.unique(np.concatenate([[0.0], *(t for given in courses for t, _ in given.values())]))
    levels = np.repeat(base[None, :, None], len(knots), 0).repeat(len(conditions), 2)
    for column, (condition, given) in enumerate(zip(conditions, courses, strict=True)):
        for species, (times, level) in given.items():
            row = position(network, species, f"condition {condition.name!r}, stimulus")
            if kind == "linear" and len(times) > 1:
                levels[:, row, column] = np.interp(knots, times, level)
            else:
                last = np.searchsorted(times, knots, side="right") - 1
                levels[:, row, column] = np.where(last >= 0, level[last.clip(0)], base[row])
    return knots, levels, kind


def _interpolation(conditions: Sequence[Condition], courses: Sequence[Mapping[str, tuple]]) -> str:
    first: dict[str, str] = {}
    for condition, given in zip(conditions, courses, strict=True):
        for species, (times, _) in given.items():
            if len(times) > 1 or times[0] > 0:
                kind = condition.interpolation if len(times) > 1 else "step"
                first.setdefault(kind, f"condition {condition.name!r}, stimulus {species}")
    if len(first) > 1:
        raise ExperimentError(
            f"conditions of one call mix step and linear stimuli: {first['step']} is a step (as is any single level "
            f"after 0 h), {first['linear']} is linear; allowed: one kind, so simulate them apart or give all as lines"
        )
    return next(iter(first), "step")


def simulate(
    network: SignalingNetwork,
    conditions: Condition | Sequence[Condition],
    times_h: Sequence[float] | np.ndarray,
    *,
    inputs: float | dict[str, float] | None = None,
    baseline_h: float = BASELINE_H,
    y0: Float[np.ndarray, "condition species"] | None = None,
    parameters: Parameters | None = None,
    tolerance: float = TOLERANCE,
    dtype: torch.dtype | str | type = torch.float64,
    device: str | torch.device = "cpu",
    batch_size: int = 2048,
) -> xr.DataArray:
    """Trajectories of the network under conditions, from rest.

    The cell first settles for baseline_h hours with its inputs alone (from y0, or the network's); the stimuli act
    from t = 0 on. `inputs` replaces input levels of the baseline, and of what a condition does not stimulate.
    Returns activities (fraction of maximum) with dims (condition, time, species), time in hours; errors against a
    tight reference are about ten `tolerance` at most. device: auto, cpu, cuda, or a device of PyTorch. Raises
    ExperimentError for anything that cannot be run, NetworkError for what is no network, RunError for a device that is
    not there.
    """
    check_network(network)
    conditions = [conditions] if isinstance(conditions, Condition) else list(conditions)
    times = _check_call(conditions, times_h, baseline_h, tolerance, batch_size)
    dtype, device = _torch_dtype(dtype), placed(device)
    base = input_levels(network, inputs)
    knots, levels, kind = stimulus_courses(network, conditions, base)
    factors = np.array([ymax_factors(network, c) for c in conditions])
    at_rest = np.array([c.perturb_at == "baseline" for c in conditions])
    own = parameters or Parameters()
    y0 = _check_conditions(own, y0, len(conditions), len(base))
    chunks = []
    for first in range(0, len(conditions), batch_size):
        part = slice(first, first + batch_size)
        cell, start = own.rows(part), None if y0 is None else y0[part]
        with torch.no_grad():
            on = _On(network.arrays, dtype, device, tolerance)
            rest = on.settle(base, np.where(at_rest[part, None], factors[part], 1.0), start, cell, baseline_h)
            stimulus = Stimulus(torch.as_tensor(knots, device=device), on.tensor(levels[..., part]), kind)
            chunks.append(on.run(stimulus, rest, factors[part], cell, times).cpu().numpy())
    return as_data_array(np.concatenate(chunks), [c.name for c in conditions], times, network)


@dataclass(frozen=True)
class _On:
    """What every run of one `simulate` call shares."""

    arrays: NetworkArrays
    dtype: torch.dtype
    device: str
    tolerance: float

    def tensor(self, values: np.ndarray | Tensor) -> Tensor:
        return torch.as_tensor(values, dtype=self.dtype, device=self.device)

    def run(
        self,
        stimulus: Tensor | Stimulus,
        start: Tensor,
        factors: Float[np.ndarray, "condition species"],
        parameters: Parameters,
        times: Float[np.ndarray, " time"],
    ) -> Float[Tensor, "condition time species"]:
        """Trajectories from `start` at 0 h, at `times`, with ymax multiplied by each condition's factors."""
        if (factors != 1).any():
            ymax = self.arrays.ymax if parameters.ymax is None else np.asarray(parameters.ymax)
            parameters = replace(parameters, ymax=ymax * factors)
        from_zero = times if times[0] == 0 else np.concatenate([[0.0], times])
        out = trajectories(self.arrays, from_zero, stimulus, start, parameters, self.tolerance)
        return out[:, len(from_zero) - len(times) :]

    def settle(
        self,
        base: Float[np.ndarray, " species"],
        factors: Float[np.ndarray, "condition species"],
        y0: np.ndarray | None,
        parameters: Parameters,
        baseline_h: float,
    ) -> Float[Tensor, "condition species"]:
        """State after baseline_h hours of inputs alone; cells that are alike are simulated once."""
        cells, same = factors, slice(None)
        if y0 is None and not parameters.per_condition:
            cells, same = np.unique(factors, axis=0, return_inverse=True)
            same = same.reshape(-1)
        if y0 is None:
            y0 = self.arrays.y0 if parameters.y0 is None else parameters.y0
        start = self.tensor(y0).expand(len(cells), -1)
        if baseline_h > 0:
            held = self.tensor(base).expand(len(cells), -1)
            start = self.run(held, start, cells, parameters, np.array([baseline_h]))[:, 0]
        return start[same]


def _check_call(
    conditions: list[Condition],
    times_h: Sequence[float] | np.ndarray,
    baseline_h: float,
    tolerance: float,
    batch_size: int,
) -> np.ndarray:
    names = [c.name for c in conditions]
    if not names:
        raise ExperimentError("no condition given; allowed: at least one")
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ExperimentError(f"condition name {twice[0]!r} is given twice; names must be unique")
    if not 0 <= baseline_h < np.inf:
        raise ExperimentError(f"baseline_h is {baseline_h}; allowed: finite hours >= 0")
    if not 0 < tolerance <= 0.1:
        raise ExperimentError(f"tolerance is {tolerance}; allowed: (0, 0.1]")
    if not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise ExperimentError(f"batch_size is {batch_size!r}; allowed: a whole number >= 1")
    return check_times(times_h)


def _torch_dtype(dtype: object) -> torch.dtype:
    """torch's type, also for numpy's or its name."""
    try:
        known = dtype if isinstance(dtype, torch.dtype) else getattr(torch, np.dtype(dtype).name)
    except (TypeError, AttributeError):
        known = None
    if not isinstance(known, torch.dtype) or not known.is_floating_point:
        raise ExperimentError(f"dtype is {dtype!r}; allowed: torch.float64, torch.float32")
    return known


def _check_conditions(
    parameters: Parameters, y0: np.ndarray | None, n_conditions: int, n_species: int
) -> np.ndarray | None:
    """y0 as float64, after a look at the rows of everything that is given by condition."""
    for field in fields(parameters):
        value = getattr(parameters, field.name)
        if value is not None and value.ndim == 2 and len(value) != n_conditions:
            raise ExperimentError(f"{field.name} has {len(value)} rows for {n_conditions} conditions")
    if y0 is None:
        return None
    y0 = _numbers(y0, "y0").astype(float, copy=False)
    if y0.shape != (n_conditions, n_species):
        raise ExperimentError(f"y0 has shape {y0.shape}; allowed: (conditions, species) = {(n_conditions, n_species)}")
    wrong = ~(np.isfinite(y0) & (y0 >= -BELOW_ZERO))
    if wrong.any():
        row, species = np.argwhere(wrong)[0]
        raise ExperimentError(f"y0[{row}, {species}] is {y0[row, species]}; allowed: finite activities >= 0")
    return y0


def as_data_array(
    values: Float[np.ndarray, "condition time species"],
    conditions: Sequence[str],
    times_h: Float[np.ndarray, " time"],
    network: SignalingNetwork,
) -> xr.DataArray:
    """Activities with the field's names on every axis, and the module of each species.

    ExperimentError for values that are no numbers, or of another shape.
    """
    values, shape = np.asarray(values), (len(conditions), len(times_h), len(network.species_names))
    if values.shape != shape or values.dtype.kind not in "fiub":
        raise ExperimentError(f"activities of shape {values.shape}, {values.dtype}; allowed: numbers of shape {shape}")
    data = xr.DataArray(
        values,
        dims=("condition", "time", "species"),
        coords={
            "condition": list(conditions),
            "time": times_h,
            "species": list(network.species_names),
            "module": ("species", network.species["module"].to_numpy()),
        },
        name="activity",
        attrs={"units": "fraction of maximum", "network": network.name},
    )
    data.time.attrs["units"] = "h"
    return data
