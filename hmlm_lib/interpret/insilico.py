"""The HPN-DREAM in-silico set: 20 species, 20 conditions, 11 times, and the graph that made them.

Every species is scaled to [0, 1] by its range, or by 12 standard deviations of the noise where that is more, so that a
species that only flickers is not blown up. Two ligands at a low or a high level and three inhibitors, whose targets are
not told, are inputs; so is BASAL, always at 1, which drives every species. Times are kept in hours.

Source: Hill et al., Nat Methods 2016;13:310 (HPN-DREAM challenge, sub-challenge 1B).
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool

from hmlm_lib.data import fetch
from hmlm_lib.errors import ExperimentError
from hmlm_lib.experiments import Experiments
from hmlm_lib.interpret.infer import Samples, common_tau, samples
from hmlm_lib.midas import Midas, read_midas
from hmlm_lib.network.network import SignalingNetwork

LEVELS = {"loLIG1": ("LIG1", 0.5), "hiLIG1": ("LIG1", 1.0), "loLIG2": ("LIG2", 0.5), "hiLIG2": ("LIG2", 1.0)}
INHIBITORS = ("INH1", "INH2", "INH3")
TAU_H = (1 / 60, 3 / 60, 10 / 60, 30 / 60)
NOISES = 12
TRUE_EDGES = 74


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
    return read(read_midas(fetch("MD_insilico")), pd.read_csv(fetch("TrueGraph_insilico"), header=None))


def read(table: Midas, graph: pd.DataFrame) -> InSilico:
    """table: times in minutes; graph: 1 where row regulates column, in the order of the signals."""
    given, wanted = {*table.stimuli, *table.inhibitors}, {*LEVELS, *INHIBITORS}
    if given != wanted or table.values.sizes["signal"] != len(graph):
        raise ExperimentError(
            f"in-silico table: treatments {', '.join(sorted(given))} and {table.values.sizes['signal']} species for a "
            f"graph of {len(graph)}; allowed: {', '.join(sorted(wanted))}, as many species as the graph"
        )
    level = table.mean()
    noise = float(np.sqrt(table.values.var("replicate", ddof=1).mean() / table.values.sizes["replicate"]))
    span = level.max(("condition", "time")) - level.min(("condition", "time"))
    scaled = (level - level.min(("condition", "time"))) / np.maximum(span, NOISES * noise)
    return _experiments(scaled, table, graph)


def _experiments(scaled: xr.DataArray, table: Midas, graph: pd.DataFrame) -> InSilico:
    species = [str(name) for name in scaled.signal.values]
    inputs = ["BASAL", "LIG1", "LIG2", *INHIBITORS]
    rules = [f"=> {name}" for name in inputs] + [f"BASAL => {name}" for name in species]
    reactions = pd.DataFrame({"rule": rules, "w": [0.0] * len(inputs) + [1.0] * len(species)}, index=rules)
    everything = pd.DataFrame({"tau": TAU_H[2]}, index=[*species, *inputs])
    network = SignalingNetwork("HPN-DREAM in silico", everything, reactions)
    shape = (scaled.sizes["condition"], len(network.species_names))
    stimulus, y0 = np.zeros(shape), np.zeros(shape)
    stimulus[:, network.index["BASAL"]] = 1.0
    for name, given in pd.concat([table.stimuli, table.inhibitors], axis=1).items():
        source, amount = LEVELS.get(str(name), (str(name), 1.0))
        stimulus[:, network.index[source]] += amount * given.to_numpy()
    y0[:, : len(species)] = scaled.isel(time=0).mean("condition")
    y0[:, len(species) :] = stimulus[:, len(species) :]
    activity = np.repeat(y0[:, None], scaled.sizes["time"] - 1, 1)
    activity[..., : len(species)] = scaled.values[:, 1:]
    names, times = tuple(map(str, scaled.condition.values)), scaled.time.values[1:] / 60
    measured = Experiments(network, names, stimulus, np.ones(shape), y0, times, activity)
    return InSilico(measured, tuple(species), np.nan_to_num(graph.to_numpy(dtype=float)).T > 0)
