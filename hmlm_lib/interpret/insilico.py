"""The HPN-DREAM in-silico set: 20 species, 20 conditions, 11 times, and the graph that made them.

Every species is scaled to [0, 1] by its range, or by 12 standard deviations of the noise where that is more, so that a
species that only flickers is not blown up. Two ligands at a low or a high level and three inhibitors, whose targets are
not told, are inputs; so is BASAL, always at 1, which drives every species. Times are kept in hours.

Source: Hill et al., Nat Methods 2016;13:310 (HPN-DREAM challenge, sub-challenge 1B).
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from hmlm_lib.data import fetch
from hmlm_lib.errors import ExperimentError
from hmlm_lib.experiments import Experiments
from hmlm_lib.interpret.infer import Samples, common_tau, samples
from hmlm_lib.network.network import SignalingNetwork

LEVELS = {"loLIG1": ("LIG1", 0.5), "hiLIG1": ("LIG1", 1.0), "loLIG2": ("LIG2", 0.5), "hiLIG2": ("LIG2", 1.0)}
INHIBITORS = ("INH1", "INH2", "INH3")
TAU_H = (1 / 60, 3 / 60, 10 / 60, 30 / 60)
NOISES = 12
TRUE_EDGES = 74
BEST_SUBMITTED, SUBMISSIONS = 0.764, 65  # AUROC on the leaderboard of the challenge, SC1B_results.json


@dataclass(frozen=True, eq=False)
class InSilico:
    """experiments: replicates averaged; edge: the true graph among `species`."""

    experiments: Experiments
    species: tuple[str, ...]
    edge: Bool[np.ndarray, "target source"]

    def own(self) -> list[int]:
        """Positions of the measured species in the network."""
        return [self.experiments.network.index[name] for name in self.species]

    def tau(self) -> float:
        """The time constant that foretells best, in hours."""
        return common_tau(self.experiments, TAU_H)

    def samples(self, tau_h: float | None = None) -> Samples:
        """Samples of the measured species; tau_h: default `tau()`."""
        tau_h = self.tau() if tau_h is None else tau_h
        everyone = np.full(len(self.experiments.network.species_names), tau_h)
        return samples(self.experiments, everyone).of(self.own())

    def resampled(self, seed: int) -> "InSilico":
        """As many conditions, drawn with replacement: how much a result hangs on which were measured."""
        count = len(self.experiments)
        drawn = np.random.default_rng((seed, 11)).integers(0, count, count)
        return replace(self, experiments=self.experiments.take(drawn))


def load() -> InSilico:
    """Both files by `fetch`; ExperimentError for a table of another form."""
    return read(pd.read_csv(fetch("MD_insilico")), pd.read_csv(fetch("TrueGraph_insilico"), header=None))


def read(table: pd.DataFrame, graph: pd.DataFrame) -> InSilico:
    """table: MIDAS columns (TR: treatments, DA:ALL minutes, DV: intensities); graph: 1 where row regulates column."""
    treatments = [c for c in table if c.startswith("TR:") and not c.endswith(":CellLine")]
    values = [c for c in table if c.startswith("DV:")]
    wanted = {*LEVELS, *INHIBITORS}
    if "DA:ALL" not in table or {c.split(":")[1] for c in treatments} != wanted or len(values) != len(graph):
        raise ExperimentError(
            f"in-silico table: treatments {', '.join(c.split(':')[1] for c in treatments)} and {len(values)} species "
            f"for a graph of {len(graph)}; allowed: {', '.join(sorted(wanted))}, as many species as the graph, DA:ALL"
        )
    means = table.groupby([*treatments, "DA:ALL"])[values].agg(["mean", "std"])
    noise = float(np.sqrt((means.xs("std", axis=1, level=1) ** 2).mean().mean()))
    replicates = len(table) / len(means)
    course = means.xs("mean", axis=1, level=1)
    times = np.sort(table["DA:ALL"].unique()) / 60
    conditions = course.index.droplevel("DA:ALL").unique()
    level = course.to_numpy().reshape(len(conditions), len(times), len(values))
    low, span = level.min((0, 1)), np.ptp(level, axis=(0, 1))
    scaled = (level - low) / np.maximum(span, NOISES * noise / np.sqrt(replicates))
    return _experiments(scaled, times, conditions, treatments, [c[3:] for c in values], graph)


def _experiments(
    scaled: Float[np.ndarray, "condition time species"],
    times: Float[np.ndarray, " time"],
    conditions: pd.MultiIndex,
    treatments: list[str],
    species: list[str],
    graph: pd.DataFrame,
) -> InSilico:
    inputs = ["BASAL", "LIG1", "LIG2", *INHIBITORS]
    rules = [f"=> {name}" for name in inputs] + [f"BASAL => {name}" for name in species]
    reactions = pd.DataFrame({"rule": rules, "w": [0.0] * len(inputs) + [1.0] * len(species)}, index=rules)
    everything = pd.DataFrame({"tau": TAU_H[2]}, index=[*species, *inputs])
    network = SignalingNetwork("HPN-DREAM in silico", everything, reactions)
    shape = (len(conditions), len(network.species_names))
    stimulus, y0 = np.zeros(shape), np.zeros(shape)
    stimulus[:, network.index["BASAL"]] = 1.0
    for column, given in zip(treatments, np.array(conditions.to_list()).T, strict=True):
        name, amount = LEVELS.get(column.split(":")[1], (column.split(":")[1], 1.0))
        stimulus[:, network.index[name]] += amount * given
    y0[:, : len(species)] = scaled[:, 0].mean(0)
    y0[:, len(species) :] = stimulus[:, len(species) :]
    activity = np.repeat(y0[:, None], len(times) - 1, 1)
    activity[..., : len(species)] = scaled[:, 1:]
    names = [
        " + ".join(c.split(":")[1] for c, given in zip(treatments, row, strict=True) if given) for row in conditions
    ]
    measured = Experiments(network, tuple(names), stimulus, np.ones(shape), y0, times[1:], activity)
    edge = np.nan_to_num(graph.to_numpy(dtype=float)).T > 0
    return InSilico(measured, tuple(species), edge)
