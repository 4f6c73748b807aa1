"""Read and write SIF, the plainest network format: `source interaction target [target ...]`, one line an edge.

SIF knows no AND gates. Reading: every activator is a reaction of its own (OR), gated by the absence of all inhibitors
of its target; a target with inhibitors alone is active in their absence. Writing: one line a distinct signed edge.
"""

from pathlib import Path

import pandas as pd

from hmlm_lib.errors import TableError
from hmlm_lib.files import write_whole
from hmlm_lib.network.network import SignalingNetwork

SIGNS = {"1": 1, "+1": 1, "+": 1, "->": 1, "activates": 1, "activation": 1, "stimulates": 1}
SIGNS |= {"-1": -1, "-": -1, "-|": -1, "--|": -1, "inhibits": -1, "inhibition": -1}


def read_sif(path: str | Path, name: str | None = None) -> SignalingNetwork:
    """The network in a SIF file; TableError (file, line) for what cannot be read."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "not UTF-8 text"
        raise TableError(f"{path}: {reason}") from None
    edges = [edge for number, line in enumerate(lines, start=1) for edge in _edges(line, f"{path}, line {number}")]
    if not edges:
        raise TableError(f"{path}: no edge; allowed: lines `source interaction target`")
    return edges_to_network(edges, name or path.stem, where=str(path))


def _edges(line: str, where: str) -> list[tuple[str, int, str]]:
    words = line.split("\t") if "\t" in line else line.split()
    words = [word.strip() for word in words if word.strip()]
    if not words or words[0].startswith("#"):
        return []
    if len(words) < 3:
        raise TableError(f"{where}: {line.strip()!r} has {len(words)} of the 3 fields `source interaction target`")
    source, interaction, *targets = words
    if interaction.lower() not in SIGNS:
        raise TableError(f"{where}: interaction {interaction!r}; allowed: {', '.join(SIGNS)}")
    return [(source, SIGNS[interaction.lower()], target) for target in targets]


def edges_to_network(edges: list[tuple[str, int, str]], name: str, where: str = "") -> SignalingNetwork:
    """A network from signed edges (source, +1 or -1, target), by the reading stated above."""
    edges = list(dict.fromkeys(edges))
    acting: dict[str, dict[int, list[str]]] = {}
    for source, sign, target in edges:
        acting.setdefault(target, {1: [], -1: []})[sign].append(source)
    rules = []
    for target, by_sign in acting.items():
        for activator in by_sign[1] or [None]:
            gates = ([activator] if activator else []) + [f"!{source}" for source in by_sign[-1] if source != activator]
            rules.append(f"{' & '.join(gates)} => {target}")
    species = dict.fromkeys(name for source, _, target in edges for name in (source, target))
    reactions = pd.DataFrame({"rule": rules}, index=[f"r{i + 1}" for i in range(len(rules))])
    return SignalingNetwork(name, pd.DataFrame(index=list(species)), reactions, where=where)


def write_sif(network: SignalingNetwork, path: str | Path) -> Path:
    """Write the distinct signed edges, tab-separated with 1 and -1; the file appears whole or not at all."""
    path = Path(path)
    rows = network.signed_edges.itertuples(index=False)
    text = "".join(f"{edge.source}\t{edge.sign}\t{edge.target}\n" for edge in rows)
    write_whole(path, text, TableError)
    return path
