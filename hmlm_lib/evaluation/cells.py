"""Task D: many cells of one wiring, each with kinetics of its own; a new cell from k noisy points of its trajectory.

Every cell draws w, n, EC50 and tau as a world of tasks A to C does, rests under baseline inputs, and is given a
combination of stimuli of its own. Training cells are seen at k noisy points, all species; a test cell at the same k
points, all species or only those that can be measured. What is asked is the true trajectory of every species.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from hmlm_lib.device import one_thread
from hmlm_lib.dynamics.experiment import observation_times
from hmlm_lib.dynamics.simulate import BASELINE_H, Parameters, trajectories
from hmlm_lib.errors import ExperimentError
from hmlm_lib.evaluation.tasks import HORIZON_H, NOISE_SD, SCORED, draw_stimuli, with_noise
from hmlm_lib.evaluation.worlds import World, draw_kinetics
from hmlm_lib.experiments import Experiments
from hmlm_lib.network import load_network
from hmlm_lib.network.network import SignalingNetwork

N_TRAIN, N_TEST = 400, 60


@dataclass(frozen=True, eq=False)
class Cells:
    """train: cells seen at k noisy points. seen: test cells, the same; truth: their true course at scored times.

    measured [species]: which species of a test cell were seen; the others are NaN in `seen`, and their y0 there is
    the mean of the training cells.
    """

    train: Experiments
    seen: Experiments
    truth: Experiments
    measured: Bool[np.ndarray, " species"]


def simulate_cells(
    network: SignalingNetwork,
    kinetics: Parameters,
    stimulus: Float[np.ndarray, "cell species"],
    times_h: Float[np.ndarray, " time"],
) -> tuple[Float[np.ndarray, "cell species"], Float[np.ndarray, "cell time species"]]:
    """Rest state of every cell under baseline inputs, and its course at times_h after the stimulus."""
    arrays, count = network.arrays, len(stimulus)
    base = torch.as_tensor(np.tile(World(network, arrays, "hill", 0).baseline, (count, 1)))
    start = torch.as_tensor(np.tile(arrays.y0, (count, 1)))
    grid = times_h if times_h[0] == 0 else np.append(0.0, times_h)
    with one_thread(), torch.no_grad():
        rest = trajectories(arrays, [0.0, BASELINE_H], base, start, kinetics)[:, -1]
        course = trajectories(arrays, grid, torch.as_tensor(stimulus), rest, kinetics)
    return rest.numpy(), course[:, len(grid) - len(times_h) :].numpy()


def draw_cells(
    network: SignalingNetwork, count: int, times_h: Float[np.ndarray, " time"], seed: int | tuple[int, ...]
) -> Experiments:
    """Cells with kinetics and one to three stimuli of their own, true at times_h."""
    rng = np.random.default_rng(seed)
    kinetics = draw_kinetics(network, count, rng)
    stimulus = draw_stimuli(World(network, network.arrays, "hill", 0), rng.integers(1, 4, count), rng)
    rest, course = simulate_cells(network, kinetics, stimulus, times_h)
    names = tuple(f"cell {i}" for i in range(count))
    return Experiments(network, names, stimulus, np.ones_like(stimulus), rest, times_h, course)


def cells(
    seed: int,
    k: int,
    species: int | None = None,
    train: int = N_TRAIN,
    test: int = N_TEST,
    noise_sd: float = NOISE_SD,
    network: SignalingNetwork | None = None,
) -> Cells:
    """Task D of one seed; species: how many of a test cell's species are measured (default all, inputs among them).

    Raises ExperimentError for k < 1 or a number of species that the network does not have.
    """
    network = network or load_network("fibroblast-core")
    size = len(network.species_names)
    chosen = size if species is None else species
    if k < 1 or not 1 <= chosen <= size:
        raise ExperimentError(f"k = {k}, species = {species}; allowed: k >= 1, 1 to {size} species")
    union = np.unique(np.concatenate([SCORED, observation_times(k + 1, HORIZON_H)]))
    at = np.searchsorted(union, observation_times(k + 1, HORIZON_H)[1:])
    everyone = draw_cells(network, train + test, union, (seed, 20))
    population, new = everyone.take(np.arange(train)), everyone.take(np.arange(train, train + test))
    shown = np.random.default_rng((seed, 21)).permutation(size)[:chosen]
    measured = np.isin(np.arange(size), shown)
    seen = with_noise(new.at(at), noise_sd, seed + 1_000_000)
    seen = replace(
        seen,
        activity=np.where(measured, seen.activity, np.nan),
        y0=np.where(measured, seen.y0, population.y0.mean(0)),
    )
    return Cells(
        train=with_noise(population.at(at), noise_sd, seed),
        seen=seen,
        truth=new.at(np.searchsorted(union, SCORED)),
        measured=measured,
    )
