"""The published data: clipped, unsigned linear sums on 50 points of 24 h, smoothed; truth and observation at once.

    x_i(t + dt) = clip(x_i + dt (0.3 k_i sum_parents x_p - d_i x_i) + N(0, .01), 0, 1)             Eq. (1)

A species without parents keeps .98 of its activity per step, whatever a step is, so the dynamics depend on the grid. No
inhibition, no AND, no saturation but the clip; 11 of 102 species touch no edge.
"""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from hmlm_lib.errors import ExperimentError

MARKERS = ("proCI", "proCIII", "fibronectin", "aSMA", "periostin", "TNC", "LOX")
TIMES_H = np.linspace(0.0, 24.0, 50)
RATES = {  # module: (k, d)
    "receptors": (0.4, 0.05), "second_messengers": (0.35, 0.08), "kinases": (0.35, 0.08), "mapk": (0.35, 0.08),
    "transcription": (0.25, 0.06), "ecm_fibrosis": (0.15, 0.03), "matrix_remodeling": (0.15, 0.03),
    "mechanotransduction": (0.3, 0.07),
}  # fmt: skip
OTHERS = (0.2, 0.05)
STARTS = {
    "control": {},
    "TGF-beta": {"TGFBin": 0.9, "TGFB1R": 0.8},
    "strain": {"tensionin": 0.85, "B1int": 0.8},
    "combined": {"TGFBin": 0.95, "TGFB1R": 0.85, "tensionin": 0.9, "B1int": 0.85},
}
EDGE_WEIGHT, KEPT, STEP_NOISE, START_NOISE, SMOOTHING = 0.3, 0.98, 0.01, 0.02, 1.5


@dataclass(frozen=True, eq=False)
class PublishedNetwork:
    """The 102 species of the notebook, their modules and the 126 unsigned edges [target, source]."""

    species: tuple[str, ...]
    module: tuple[str, ...]
    edges: Float[np.ndarray, "target source"]

    def index(self, names: tuple[str, ...]) -> np.ndarray:
        """Positions of species."""
        return np.array([self.species.index(name) for name in names])

    def members(self, module: str) -> np.ndarray:
        """Positions of a module's species."""
        return np.flatnonzero(np.array(self.module) == module)


def published_network() -> PublishedNetwork:
    """The notebook's network."""
    with (files("hmlm_lib.published") / "network.csv").open() as file:
        table = pd.read_csv(file, keep_default_na=False)
    position = {name: i for i, name in enumerate(table["species"])}
    edges = np.zeros((len(table), len(table)))
    for target, regulators in enumerate(table["regulators"]):
        edges[target, [position[name] for name in regulators.split()]] = 1.0
    return PublishedNetwork(tuple(table["species"]), tuple(table["module"]), edges)


def published_data(seed: int) -> xr.DataArray:
    """Eq. (1) for the four conditions; dims (condition, time, species), smoothed as published (not causal)."""
    if seed < 0:
        raise ExperimentError(f"seed is {seed}; allowed: 0 or more")
    network, rng = published_network(), np.random.default_rng((seed, 9))
    rate = np.array([RATES.get(module, OTHERS) for module in network.module]).T
    start = START_NOISE * rng.standard_normal((len(STARTS), len(network.species))) + 0.05
    for row, levels in enumerate(STARTS.values()):
        for name, level in levels.items():
            start[row, network.species.index(name)] = level + 0.1
    x, course = start.clip(0, 1), [start.clip(0, 1)]
    driven, dt = network.edges.any(1), TIMES_H[1]
    for _ in TIMES_H[1:]:
        noise = STEP_NOISE * rng.standard_normal(x.shape)
        moved = x + dt * (rate[0] * EDGE_WEIGHT * (x @ network.edges.T) - rate[1] * x)
        x = (np.where(driven, moved, KEPT * x) + noise).clip(0, 1)
        course.append(x)
    smooth = gaussian_filter1d(np.stack(course, axis=1), SMOOTHING, axis=1)
    coords = {"condition": list(STARTS), "time": TIMES_H, "species": list(network.species)}
    return xr.DataArray(smooth, dims=tuple(coords), coords=coords, name="activity")
