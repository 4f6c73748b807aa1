"""What is asked of a cell or of a model of it: four contexts, and in each something is taken away.

Everything that predicts trajectories can be asked the same question, so truth and explanation are one function:

    effect[c, j, t, v] = y_v(t | context c without j) - y_v(t | context c)                                  Eq. (1)

j is a species (its knock-out), or a group of species at once. Ours.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from hmlm_lib.dynamics.protocols import four_conditions
from hmlm_lib.errors import ModelError, did_you_mean, pick
from hmlm_lib.evaluation.worlds import World
from hmlm_lib.experiments import Experiments
from hmlm_lib.network.network import SignalingNetwork

Predict = Callable[[Experiments, Sequence[float] | np.ndarray], np.ndarray]


def contexts(world: World, network: SignalingNetwork) -> Experiments:
    """Control, TGF-beta, strain and both, from the world's rest; network: the wiring that a model knows.

    ModelError where the world has no such inputs: make `Experiments` of contexts of your own there.
    """
    conditions, names = four_conditions(world.network), world.network.index
    for name in conditions[-1].stimulus:
        if name not in names:
            raise ModelError(
                f"network {world.network.name!r} has no input {name!r}; allowed: networks of the fibroblast, elsewhere "
                "Experiments of your own in place of contexts(...)"
            )
    stimulus = np.tile(world.baseline, (len(conditions), 1))
    for row, condition in zip(stimulus, conditions, strict=True):
        for species, level in condition.stimulus.items():
            row[names[species]] = level
    nothing = np.full((len(conditions), 1, stimulus.shape[1]), np.nan)
    rest = np.tile(world.rest, (len(conditions), 1))
    labels = tuple(condition.name for condition in conditions)
    return Experiments(network, labels, stimulus, np.ones_like(stimulus), rest, np.zeros(1), nothing)


def context(experiments: Experiments, name: str) -> Experiments:
    """One context by name; ModelError with the nearest name and all of them otherwise."""
    check_context(experiments.names, name)
    return experiments.take([experiments.names.index(name)])


def check_context(names: Sequence[str], name: str) -> None:
    """ModelError, as of `context`, for a name that is not among those of all."""
    pick(dict.fromkeys(names), name, "context")


def simulator(world: World) -> Predict:
    """The world itself as something that predicts."""
    return lambda e, times_h: world.simulate(e.stimulus, e.factor, e.y0, np.asarray(times_h, dtype=float))


def each_species(network: SignalingNetwork) -> dict[str, list[str]]:
    """Groups of one: single knock-outs."""
    return {name: [name] for name in network.species_names}


def each_module(network: SignalingNetwork) -> dict[str, list[str]]:
    """Module -> its species: whole modules knocked out at once."""
    return {m: list(network.species.index[network.species["module"] == m]) for m in network.modules}


def without(experiments: Experiments, groups: Mapping[str, Sequence[str]]) -> Experiments:
    """Every condition without every group in turn, conditions outermost. ModelError for an unknown species."""
    index = experiments.network.index
    factor = np.ones((len(groups), len(index)))
    for row, species in zip(factor, groups.values(), strict=True):
        for name in species:
            if name not in index:
                raise ModelError(
                    f"network {experiments.network.name!r} has no species {name!r}{did_you_mean(name, index)}"
                )
            row[index[name]] = 0.0
    rows = np.repeat(np.arange(len(experiments)), len(groups))
    many = experiments.take(rows)
    names = tuple(f"{c} without {g}" for c in experiments.names for g in groups)
    return Experiments(
        many.network, names, many.stimulus, many.factor * np.tile(factor, (len(experiments), 1)), many.y0,
        many.times_h, many.activity,
    )  # fmt: skip


def effects(
    predict: Predict,
    experiments: Experiments,
    times_h: Float[np.ndarray, " time"],
    groups: Mapping[str, Sequence[str]] | None = None,
) -> xr.DataArray:
    """Eq. (1), dims (context, source, time, target), fraction of maximum; groups: default every species alone."""
    groups = each_species(experiments.network) if groups is None else groups
    wild = predict(experiments, times_h)
    gone = predict(without(experiments, groups), times_h)
    change = gone.reshape(len(experiments), len(groups), *gone.shape[1:]) - wild[:, None]
    axes = {"context": list(experiments.names), "source": list(groups), "time": np.asarray(times_h)}
    axes["target"] = list(experiments.network.species_names)
    return xr.DataArray(change, dims=tuple(axes), coords=axes, name="effect")


def pairs(effect: xr.DataArray) -> Float[np.ndarray, "context target source"]:
    """Effects at the last time as matrices [target, source]."""
    return effect.isel(time=-1).transpose("context", "target", "source").values
