"""What papers say a stimulus does to a species: 120 observations on cardiac fibroblasts, and who gets them right.

An observation is a stimulus, a species and a class: Increase, Decrease or No Change. A prediction is the change of
the species' activity from the baseline, called a change where its size exceeds 0.05 (the authors' threshold). Accuracy
flatters: 75 % of what can be predicted is Increase, so recall by class and their mean are reported beside it.

Source: Rogers and Richardson, eLife 2022;11:e62856 (observations, protocol and threshold; n and EC50 of the published
network were tuned on these observations).
"""

from collections.abc import Mapping
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.metrics import roc_auc_score

from hmlm_lib.data import fetch
from hmlm_lib.dynamics import Condition, simulate
from hmlm_lib.errors import TableError
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.real.sheets import read_sheet

CLASSES = ("Increase", "No Change", "Decrease")
THRESHOLD = 0.05
BASELINE, TENSION, STIMULUS, HOURS = 0.1, 0.4, 0.8, 240.0
COLUMNS = {"ID": "id", "Input": "stimulus", "Output": "species", "Measurement": "measured", "in-out": "kind"}


def read(path: str | Path, network: SignalingNetwork) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Observations that the network can be asked (index id; columns stimulus, species, measured, kind), and the others.

    TableError for a sheet without the columns or with another class.
    """
    sheet = read_sheet(path)
    missing = [name for name in COLUMNS if name not in sheet]
    if missing:
        raise TableError(f"{path}: no column {missing[0]!r}; allowed: a sheet with {', '.join(COLUMNS)}")
    table = sheet[list(COLUMNS)].rename(columns=COLUMNS)
    odd = np.flatnonzero(~table["measured"].isin(CLASSES))
    if len(odd):
        row = table.iloc[odd[0]]
        raise TableError(f"{path}, {row['id']}: {row['measured']!r}; allowed: {', '.join(CLASSES)}")
    table = table.set_index("id")
    known = table["stimulus"].isin(network.species_names) & table["species"].isin(network.species_names)
    return table[known], table[~known]


def load(network: SignalingNetwork) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The published sheet by `fetch`."""
    return read(fetch("snm_1_1_validation"), network)


def simulated(network: SignalingNetwork, stimuli: list[str]) -> pd.DataFrame:
    """Change [stimulus, species] as published: to rest (inputs 0.1, tension 0.4), then 240 h of the stimulus at 0.8."""
    inputs = dict.fromkeys(network.input_species, BASELINE)
    inputs |= {"tension": TENSION} if "tension" in inputs else {}
    conditions = [Condition("rest"), *(Condition(name, stimulus={name: STIMULUS}) for name in stimuli)]
    end = simulate(network, conditions, [HOURS], inputs=inputs).isel(time=0).to_pandas()
    return end.loc[stimuli] - end.loc["rest"]


def by_paths(network: SignalingNetwork, stimuli: list[str]) -> pd.DataFrame:
    """Sign of the shortest paths from stimulus to species, their mean where they disagree; 0 without a path.

    The baseline that knows the wiring and nothing else.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(network.species_names)
    for edge in network.signed_edges.itertuples():
        graph.add_edge(edge.source, edge.target, sign=edge.sign)
    found = pd.DataFrame(0.0, stimuli, list(network.species_names))
    for start in stimuli:
        reach = {start: (1.0, 1.0)}  # number of shortest paths, and the sum of their signs
        for layer in nx.bfs_layers(graph, start):
            counts: dict[str, list[float]] = {}
            for source in layer:
                found.loc[start, source] = reach[source][1] / reach[source][0]
                for target in graph.successors(source):
                    if target not in reach:
                        total = counts.setdefault(target, [0.0, 0.0])
                        total[0] += reach[source][0]
                        total[1] += reach[source][1] * graph.edges[source, target]["sign"]
            reach |= {name: (many, signed) for name, (many, signed) in counts.items()}
    return found


def changes(change: pd.DataFrame, observations: pd.DataFrame) -> Float[np.ndarray, " observation"]:
    """The predicted change that every observation asks for; TableError for one that is no number."""
    found = np.array([change.loc[o.stimulus, o.species] for o in observations.itertuples()], dtype=float)
    if not np.isfinite(found).all():
        odd = observations.iloc[int((~np.isfinite(found)).argmax())]
        raise TableError(f"the predicted change of {odd.species} under {odd.stimulus} is no number; allowed: finite")
    return found


def ranking(change: pd.DataFrame, observations: pd.DataFrame) -> dict[str, float]:
    """Without a threshold: AUROC of telling Increase from No Change, and Decrease from everything else."""
    value, measured = changes(change, observations), observations["measured"].to_numpy()
    some = measured != "Decrease"
    return {
        "auroc_increase": float(roc_auc_score(measured[some] == "Increase", value[some])),
        "auroc_decrease": float(roc_auc_score(measured == "Decrease", -value)),
    }


def classes(change: pd.DataFrame, observations: pd.DataFrame, threshold: float = THRESHOLD) -> pd.Series:
    """Class of every observation by the predicted change."""
    value = changes(change, observations)
    named = np.where(value > threshold, "Increase", np.where(value < -threshold, "Decrease", "No Change"))
    return pd.Series(named, observations.index)


def scores(said: pd.Series, measured: pd.Series) -> dict[str, float]:
    """accuracy, recall of every class, balanced_accuracy (the mean of the recalls)."""
    recall = {name: float((said == measured)[measured == name].mean()) for name in CLASSES}
    found = {f"recall_{name.lower().replace(' ', '_')}": value for name, value in recall.items()}
    return {
        "accuracy": float((said == measured).mean()),
        "balanced_accuracy": float(np.mean(list(recall.values()))),
    } | found


def confusion(said: Mapping[str, str] | pd.Series, measured: pd.Series) -> pd.DataFrame:
    """Counts; rows measured, columns said."""
    table = pd.crosstab(measured, pd.Series(said))
    return table.reindex(index=list(CLASSES), columns=list(CLASSES), fill_value=0)
