"""A signalling network: species in modules, reactions with signs and AND gates, and the arrays that models read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from hmlm_lib.errors import NetworkError, did_you_mean, interval
from hmlm_lib.network.places import Places
from hmlm_lib.network.rules import Rule, check_once, parse_rule

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

SPECIES_DEFAULTS: dict[str, object] = {
    "full_name": "",
    "kind": "",
    "module": "unassigned",
    "scale": "molecular",
    "tau": 1.0,
    "ymax": 1.0,
    "y0": 0.0,
    "is_output": False,
    "core": True,
}
REACTION_DEFAULTS: dict[str, object] = {"w": 1.0, "n": 1.4, "ec50": 0.5, "evidence": ""}
RANGES = {  # column: (low, high, whether the bounds themselves are allowed)
    "tau": (0.0, np.inf, False),
    "ymax": (0.0, np.inf, True),
    "y0": (0.0, np.inf, True),
    "w": (0.0, 1.0, True),
    "n": (0.0, np.inf, False),
    "ec50": (0.0, 1.0, False),
}


@dataclass(frozen=True)
class NetworkArrays:
    """The network as arrays; species, reactions and reactants are numbered in table order.

    Input reactions (`=> X`) are folded into input_level, so every reaction here has reactants.
    """

    species_names: tuple[str, ...]
    tau: Float[np.ndarray, " species"]  # hours
    ymax: Float[np.ndarray, " species"]
    y0: Float[np.ndarray, " species"]
    input_level: Float[np.ndarray, " species"]  # 1 - prod(1 - w) over a species' input reactions; 0 without
    has_input: Bool[np.ndarray, " species"]
    module: Int[np.ndarray, " species"]
    reaction_ids: tuple[str, ...]
    w: Float[np.ndarray, " reaction"]
    n: Float[np.ndarray, " reaction"]
    ec50: Float[np.ndarray, " reaction"]
    product: Int[np.ndarray, " reaction"]
    source: Int[np.ndarray, " reactant"]
    reaction: Int[np.ndarray, " reactant"]  # non-decreasing
    inhibits: Bool[np.ndarray, " reactant"]


@dataclass(frozen=True, eq=False)
class SignalingNetwork:
    """Species and reactions, checked on construction.

    species: index = species id; columns full_name, kind, module, scale, tau (h), ymax, y0, is_output, core.
    reactions: index = reaction id; columns rule (text), w, n, ec50, evidence (PMIDs).
    Missing columns, and blank cells of text or mixed columns, get SPECIES_DEFAULTS and REACTION_DEFAULTS; NaN in a
    column of floats is refused, as a calculation that went wrong. Further columns are kept, unless their name is a
    known one misspelt (`Tau`, `weight`). Raises NetworkError (a wrong name or number) or RuleError (a rule that cannot
    be read), with `where` (of a reader, the row and column of its file), the species or reaction, the value and what
    is allowed.
    """

    name: str
    species: pd.DataFrame
    reactions: pd.DataFrame
    citation: str = ""
    where: str | Places = ""
    rules: tuple[Rule, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        where = self.where if isinstance(self.where, Places) else Places(self.where or f"network {self.name!r}")
        species = _complete(self.species, SPECIES_DEFAULTS, where, "species")
        reactions = _complete(self.reactions, REACTION_DEFAULTS, where, "reaction")
        if "rule" not in reactions:
            raise NetworkError(f"{where}: the reactions have no column 'rule'")
        cells = [where.of("reaction", row, name, "rule") for row, name in enumerate(reactions.index)]
        rules = [parse_rule(text, where=cell) for text, cell in zip(reactions["rule"], cells, strict=True)]
        known = set(species.index)
        for cell, rule in zip(cells, rules, strict=True):
            for name in (*(reactant.species for reactant in rule.reactants), rule.product):
                if name not in known:
                    raise NetworkError(
                        f"{cell}, rule {str(rule)!r}: unknown species {name!r}{did_you_mean(name, known)}"
                    )
        reactions["rule"] = [str(rule) for rule in rules]
        species["is_input"] = species.index.isin({rule.product for rule in rules if not rule.reactants})
        object.__setattr__(self, "species", species)
        object.__setattr__(self, "reactions", reactions)
        object.__setattr__(self, "rules", tuple(rules))

    @classmethod
    def from_rules(
        cls,
        name: str,
        rules: Iterable[str],
        tau: float | Mapping[str, float] = 1.0,
        input_level: float = 0.0,
        n: float = 1.4,
        ec50: float = 0.5,
    ) -> "SignalingNetwork":
        """A network from its rules alone; species in order of appearance.

        tau (hours) for all species, or by name (1 for the others); input_level is the level of every input `=> X`
        before a stimulus; all other reactions have weight 1. NetworkError for a rule given twice, inputs aside.
        """
        rules = list(rules)
        parsed = [parse_rule(text, where=f"network {name!r}, rule {i + 1}") for i, text in enumerate(rules)]
        check_once(parsed, [f"network {name!r}, rule {i + 1}" for i in range(len(parsed))])
        found = dict.fromkeys(s for rule in parsed for s in (*(r.species for r in rule.reactants), rule.product))
        given = dict(tau) if isinstance(tau, Mapping) else dict.fromkeys(found, tau)
        for species in given:
            if species not in found:
                raise NetworkError(f"network {name!r}, tau: unknown species {species!r}{did_you_mean(species, found)}")
        w = [1.0 if rule.reactants else input_level for rule in parsed]
        reactions = pd.DataFrame({"rule": list(rules), "w": w}, index=[f"r{i + 1}" for i in range(len(parsed))])
        times = pd.DataFrame({"tau": [given.get(species, 1.0) for species in found]}, index=list(found))
        return cls(name, times, reactions.assign(n=n, ec50=ec50))

    def __repr__(self) -> str:
        counts = self.summary()
        return (
            f"SignalingNetwork({self.name!r}: {counts['species']} species, {counts['reactions']} reactions, "
            f"{counts['modules']} modules)"
        )

    @cached_property
    def species_names(self) -> tuple[str, ...]:
        return tuple(self.species.index)

    @cached_property
    def index(self) -> dict[str, int]:
        """Species name -> position."""
        return {name: i for i, name in enumerate(self.species_names)}

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """Module names in order of first appearance."""
        return tuple(dict.fromkeys(self.species["module"]))

    @property
    def input_species(self) -> tuple[str, ...]:
        return tuple(self.species.index[self.species["is_input"]])

    @property
    def output_species(self) -> tuple[str, ...]:
        return tuple(self.species.index[self.species["is_output"]])

    def position(self, species: str) -> int:
        """Index of a species; NetworkError with the nearest name if there is none such."""
        if species not in self.index:
            raise NetworkError(
                f"network {self.name!r} has no species {species!r}{did_you_mean(species, self.species_names)}"
            )
        return self.index[species]

    @cached_property
    def edges(self) -> pd.DataFrame:
        """One row a reactant: source, target, sign (+1 or -1), reaction, in_and_group."""
        rows = [
            (reactant.species, rule.product, -1 if reactant.inhibits else 1, reaction, len(rule.reactants) > 1)
            for reaction, rule in zip(self.reactions.index, self.rules, strict=True)
            for reactant in rule.reactants
        ]
        return pd.DataFrame(rows, columns=["source", "target", "sign", "reaction", "in_and_group"])

    @cached_property
    def signed_edges(self) -> pd.DataFrame:
        """The distinct (source, target, sign)."""
        return self.edges[["source", "target", "sign"]].drop_duplicates(ignore_index=True)

    @property
    def and_groups(self) -> pd.DataFrame:
        """The reactions with two or more reactants."""
        return self.reactions[[len(rule.reactants) > 1 for rule in self.rules]]

    @cached_property
    def arrays(self) -> NetworkArrays:
        """The network as numbers: what the simulator and the models read."""
        return _arrays(self)

    def to_networkx(self) -> nx.MultiDiGraph:
        """Species as nodes with their parameters; one edge a reactant, with sign, reaction and in_and_group."""
        graph = nx.MultiDiGraph(name=self.name)
        graph.add_nodes_from((name, dict(row)) for name, row in self.species.iterrows())
        for edge in self.edges.to_dict("records"):
            graph.add_edge(edge.pop("source"), edge.pop("target"), **edge)
        return graph

    def to_hetero(self) -> "HeteroData":
        """PyTorch Geometric graph of species, pathway (module) and cell nodes; see `hetero.py`."""
        from hmlm_lib.network.hetero import to_hetero

        return to_hetero(self)

    def summary(self) -> dict[str, int]:
        """Counts: species, reactions, inputs, signed_edges, activating, inhibiting, and_gates, modules, largest_scc."""
        signs = self.signed_edges["sign"]
        graph = nx.DiGraph(list(self.signed_edges[["source", "target"]].itertuples(index=False, name=None)))
        return {
            "species": len(self.species),
            "reactions": len(self.reactions),
            "inputs": sum(not rule.reactants for rule in self.rules),
            "signed_edges": len(signs),
            "activating": int((signs > 0).sum()),
            "inhibiting": int((signs < 0).sum()),
            "and_gates": len(self.and_groups),
            "modules": len(self.modules),
            "largest_scc": max(map(len, nx.strongly_connected_components(graph)), default=0),
        }


def check_network(value: object) -> None:
    """NetworkError for what is no network: the name of a file, a table, None."""
    if not hasattr(value, "arrays"):  # whatever says what models read of a network may stand for one
        raise NetworkError(f"network is a {type(value).__name__}; allowed: a SignalingNetwork (see read_network)")


def _complete(table: pd.DataFrame, defaults: dict[str, object], where: Places, what: str) -> pd.DataFrame:
    """A copy with unique text index, every column there, and every number in its range."""
    table = table.copy()
    table.index = pd.Index([str(name) for name in table.index], name=what, dtype=object)
    if len(table) == 0 and what == "species":
        raise NetworkError(f"{where}: no species; allowed: at least one")
    twice = table.index[table.index.duplicated()]
    if len(twice):
        first, second = np.flatnonzero(table.index == twice[0])[:2]
        if what in where.rows:
            both = f"{where.of(what, second, repr(twice[0]))} stands in {where.rows[what][first]} too"
            raise NetworkError(f"{both}; allowed: every name once")
        raise NetworkError(f"{where}: {what} {twice[0]!r} is given twice (entries {first + 1} and {second + 1})")
    _check_columns(table, defaults, where, what)
    for column, default in defaults.items():
        if column not in table:
            table[column] = default
        elif isinstance(default, float):
            table[column] = _numbers(table[column], default, where, what)
            _check_range(table[column], where, what)
        elif isinstance(default, bool):
            table[column] = _flags(table[column], where, what)
        elif isinstance(default, str):
            table[column] = table[column].astype(object).where(table[column].notna(), default).astype(str)
    return table


def _check_columns(table: pd.DataFrame, defaults: dict[str, object], where: Places, what: str) -> None:
    """NetworkError for a column twice, and for one that is ours but for case, blanks or Netflux's spelling."""
    ours = {name: name for name in ([*defaults, "rule"] if what == "reaction" else defaults)}
    spelt = ours | ({"weight": "w"} if what == "reaction" else {"yinit": "y0"})
    for column in table.columns:
        meant = spelt.get("".join(str(column).split()).casefold())
        if meant is not None and column != meant:
            raise NetworkError(
                f"{where}, {what} table: column {column!r} (did you mean {meant!r}?); allowed: {', '.join(ours)}, "
                f"and names unlike these"
            )
        if column in ours and list(table.columns).count(column) > 1:
            raise NetworkError(f"{where}, {what} table: column {column!r} is given twice; allowed: once")


def _flags(column: pd.Series, where: Places, what: str) -> pd.Series:
    """The column as booleans; anything but True, False, 1 and 0 is refused."""
    for row, (name, value) in enumerate(column.items()):
        if not isinstance(value, bool | np.bool_ | Real) or value not in (0, 1):
            place = where.of(what, row, name, column.name)
            raise NetworkError(f"{place}: {column.name} is {_shown(value)}; allowed: True, False, 1 or 0")
    return column.astype(bool)


def _numbers(column: pd.Series, default: float, where: Places, what: str) -> pd.Series:
    """The column as float64, blanks replaced by the default; text is refused, and NaN in a column of floats.

    Such a NaN is a calculation that went wrong rather than a cell that was left blank.
    """
    odd = column.dtype.kind in "mMc"  # times would be read as nanoseconds
    numbers = (column.map(lambda _: np.nan) if odd else pd.to_numeric(column, errors="coerce")).astype(float)
    computed = isinstance(column.dtype, np.dtype) and column.dtype.kind == "f"
    numbers = numbers if computed else numbers.where(column.notna(), default)
    if numbers.isna().any():
        row = int(np.flatnonzero(numbers.isna())[0])
        place = where.of(what, row, column.index[row], column.name)
        raise NetworkError(f"{place}: {column.name} is {_shown(column.iloc[row])}; allowed: a finite number")
    return numbers


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _check_range(column: pd.Series, where: Places, what: str) -> None:
    low, high, closed = RANGES[column.name]
    inside = column.between(low, high, inclusive="both" if closed else "neither") & np.isfinite(column)
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        place = where.of(what, row, column.index[row], column.name)
        raise NetworkError(f"{place}: {column.name} is {column.iloc[row]:g}; allowed: {interval(low, high, closed)}")


def _arrays(network: SignalingNetwork) -> NetworkArrays:
    species, index = network.species, network.index
    acting = np.array([bool(rule.reactants) for rule in network.rules], dtype=bool)
    reactions = network.reactions[acting] if len(acting) else network.reactions
    rules = [rule for rule in network.rules if rule.reactants]
    reactants = [(index[r.species], i, r.inhibits) for i, rule in enumerate(rules) for r in rule.reactants]
    source, reaction, inhibits = (np.array(column) for column in zip(*reactants, strict=True)) if rules else [()] * 3
    quiet = np.ones(len(species))
    has_input = np.zeros(len(species), dtype=bool)
    for rule, w in zip(network.rules, network.reactions["w"], strict=True):
        if not rule.reactants:
            quiet[index[rule.product]] *= 1 - w
            has_input[index[rule.product]] = True
    number = {name: i for i, name in enumerate(network.modules)}
    return NetworkArrays(
        species_names=network.species_names,
        **{name: species[name].to_numpy(float, copy=True) for name in ("tau", "ymax", "y0")},
        input_level=1 - quiet,
        has_input=has_input,
        module=_int(number[module] for module in species["module"]),
        reaction_ids=tuple(reactions.index),
        **{name: reactions[name].to_numpy(float, copy=True) for name in ("w", "n", "ec50")},
        product=_int(index[rule.product] for rule in rules),
        source=_int(source),
        reaction=_int(reaction),
        inhibits=np.asarray(inhibits, dtype=bool),
    )


def _int(values: Iterable) -> Int[np.ndarray, " item"]:
    return np.array(list(values), dtype=np.int64)
