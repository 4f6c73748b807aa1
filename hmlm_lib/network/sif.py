"""Read and write SIF, the plainest network format: `source interaction target [target ...]`, one line an edge.

SIF knows no AND gates. Reading: every activator is a reaction of its own (OR), gated by the absence of all inhibitors
of its target; a target with inhibitors alone is active in their absence. A source that both activates and inhibits a
target gates its other activators, and is refused where there are none. Writing: one line a distinct signed edge.
"""

from pathlib import Path

import pandas as pd

from hmlm_lib.errors import NetworkError, TableError
from hmlm_lib.files import write_whole
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.network.rules import is_name

SIGNS = {"1": 1, "+1": 1, "+": 1, "->": 1, "activates": 1, "activation": 1, "stimulates": 1}
SIGNS |= {"-1": -1, "-": -1, "-|": -1, "--|": -1, "inhibits": -1, "inhibition": -1}


def read_sif(path: str | Path, name: str | None = None) -> SignalingNetwork:
    """The network in a SIF file; TableError or NetworkError (file, line) for what cannot be read."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "not UTF-8 text"
        raise TableError(f"{path}: {reason}") from None
    rows = {number: _edges(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1)}
    edges = [edge for row in rows.values() for edge in row]
    if not edges:
        raise TableError(f"{path}: no edge; allowed: lines `source interaction target`")
    return _network(edges, [f"line {n}" for n, row in rows.items() for _ in row], name or path.stem, str(path))


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
    """A network from signed edges (source, +1 or -1, target), by the reading stated above.

    Raises NetworkError for a name that no rule can hold and for an inhibition that no rule would hold.
    """
    edges = list(edges)
    return _network(edges, [f"edge {i + 1}" for i in range(len(edges))], name, where)


def _network(edges: list[tuple[str, int, str]], rows: list[str], name: str, where: str) -> SignalingNetwork:
    place = where or f"network {name!r}"
    first = dict(reversed(list(zip(edges, rows, strict=True))))
    edges = list(dict.fromkeys(edges))
    for edge in edges:
        _check_names(edge, f"{place}, {first[edge]}")
    acting: dict[str, dict[int, list[str]]] = {}
    for source, sign, target in edges:
        acting.setdefault(target, {1: [], -1: []})[sign].append(source)
    rules = []
    for target, by_sign in acting.items():
        if len(by_sign[1]) == 1 and by_sign[1][0] in by_sign[-1]:
            source = by_sign[1][0]
            raise NetworkError(
                f"{place}, {first[source, 1, target]} and {first[source, -1, target]}: {source!r} both activates and "
                f"inhibits {target!r}, which nothing else activates; allowed: one of the two"
            )
        for activator in by_sign[1] or [None]:
            gates = ([activator] if activator else []) + [f"!{source}" for source in by_sign[-1] if source != activator]
            rules.append(f"{' & '.join(gates)} => {target}")
    species = dict.fromkeys(name for source, _, target in edges for name in (source, target))
    reactions = pd.DataFrame({"rule": rules}, index=[f"r{i + 1}" for i in range(len(rules))])
    return SignalingNetwork(name, pd.DataFrame(index=list(species)), reactions, where=where)


def _check_names(edge: tuple[str, int, str], where: str) -> None:
    for name in (edge[0], edge[2]):
        if not is_name(name) or name.startswith("#"):
            raise NetworkError(
                f"{where}: {name!r} is not a name of a species; allowed: text without `&`, `!`, `=>`, ` + `, "
                f"line breaks, `#` in front or blanks at its ends"
            )


def write_sif(network: SignalingNetwork, path: str | Path) -> Path:
    """Write the distinct signed edges, tab-separated with 1 and -1; the file appears whole or not at all.

    Raises NetworkError for a species name that begins with `#`, which a reader takes for a remark.
    """
    path = Path(path)
    rows = list(network.signed_edges.itertuples(index=False))
    for edge in rows:
        _check_names((edge.source, edge.sign, edge.target), f"network {network.name!r}")
    text = "".join(f"{edge.source}\t{edge.sign}\t{edge.target}\n" for edge in rows)
    write_whole(path, text, TableError)
    return path
