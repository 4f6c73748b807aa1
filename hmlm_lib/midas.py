"""MIDAS tables, the field's format for perturbation experiments: treatments, times and measured signals by row.

Columns `TR:name[:kind]` say what was done (0 or 1, or a level), `DA:ALL` or `DA:signal` when it was measured,
`DV:signal` what was found. kind is CellLine, Stimuli or Inhibitors; without one a name whose last `i` follows a digit
or a capital is an inhibitor (`GSK690693i`, `MEKi`), any other a stimulus. Rows with the same treatment and time are
replicates.

Source: Saez-Rodriguez et al., Bioinformatics 2008;24:840 (MIDAS).
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from hmlm_lib.errors import TableError
from hmlm_lib.tables import read_csv

KINDS = ("CellLine", "Stimuli", "Inhibitors")
INHIBITOR = re.compile(r".*[0-9A-Z_]i$")


@dataclass(frozen=True, eq=False)
class Midas:
    """One table. stimuli, inhibitors: level of each by condition (index: its name).

    values: dims (condition, time, replicate, signal), NaN where nothing was measured; time in the units of the file.
    """

    cell_line: str
    stimuli: pd.DataFrame
    inhibitors: pd.DataFrame
    values: xr.DataArray

    def mean(self) -> xr.DataArray:
        """Mean of the replicates, NaN where there are none."""
        return self.values.mean("replicate", skipna=True)


def read_midas(path: str | Path, share_start: bool = True) -> Midas:
    """The table in a file; see `from_table`. TableError names file, column or row."""
    path = Path(path)
    return from_table(read_csv(path), str(path), share_start)


def from_table(table: pd.DataFrame, where: str = "MIDAS table", share_start: bool = True) -> Midas:
    """share_start: rows of the first time without any stimulus start every condition with the same inhibitors.

    TableError for columns that are none of TR, DA, DV, a time or treatment that is no number, signals that are neither
    numbers nor empty, several cell lines, and rows that repeat another to the last digit.
    """
    kinds = _columns(table, where)
    numbers = table.apply(pd.to_numeric, errors="coerce").astype(float)
    given = [*kinds["CellLine"], *kinds["Stimuli"], *kinds["Inhibitors"]]
    _check(table, numbers, [*given, *kinds["DA"]], where, empty=False)
    _check(table, numbers, list(kinds["DV"]), where, empty=True)
    twice = np.flatnonzero(numbers.duplicated())
    if len(twice):
        first = np.flatnonzero((numbers == numbers.iloc[twice[0]]).where(numbers.notna(), True).all(axis=1))[0]
        raise TableError(f"{where}, row {twice[0] + 2} repeats row {first + 2}; allowed: replicates, which differ")
    lines = [name for column, name in kinds["CellLine"].items() if numbers[column].any()]
    if len(lines) > 1:
        raise TableError(f"{where}: {len(lines)} cell lines ({', '.join(lines)}); allowed: one a table")
    time = _times(numbers, kinds, where)
    treatment = numbers[[*kinds["Stimuli"], *kinds["Inhibitors"]]].rename(
        columns=kinds["Stimuli"] | kinds["Inhibitors"]
    )
    names = pd.Series(_names(treatment))
    apart = names[~pd.DataFrame(treatment.to_numpy()).duplicated()]
    twice = apart[apart.duplicated()]
    if len(twice):
        raise TableError(f"{where}: two treatments would both be called {twice.iloc[0]!r}; allowed: names that differ")
    rows = pd.DataFrame({"condition": names.to_numpy(), "time": time})
    rows["replicate"] = rows.groupby(["condition", "time"]).cumcount()
    values = _filled(rows, numbers[list(kinds["DV"])].rename(columns=kinds["DV"]))
    about = treatment.assign(condition=rows["condition"]).groupby("condition", sort=False).first()
    stimuli, inhibitors = about[list(kinds["Stimuli"].values())], about[list(kinds["Inhibitors"].values())]
    if share_start:
        values, stimuli, inhibitors = _shared(values, stimuli, inhibitors)
    return Midas(lines[0] if lines else "", stimuli, inhibitors, values)


def _columns(table: pd.DataFrame, where: str) -> dict[str, dict[str, str]]:
    """Kind -> column -> name."""
    if table.empty or not table.columns.is_unique:
        problem = "no row" if table.empty else f"column {table.columns[table.columns.duplicated()][0]!r} twice"
        raise TableError(f"{where}: {problem}; allowed: rows, under columns of different names")
    found: dict[str, dict[str, str]] = {kind: {} for kind in (*KINDS, "DA", "DV")}
    for column in map(str, table.columns):
        head, _, rest = column.partition(":")
        name, _, kind = rest.partition(":")
        if head in ("DA", "DV") and name:
            found[head][column] = name
        elif head == "TR" and name and kind in ("", *KINDS):
            found[kind or ("Inhibitors" if INHIBITOR.match(name) else "Stimuli")][column] = name
        else:
            raise TableError(
                f"{where}, column {column!r}; allowed: TR:name[:{'|'.join(KINDS)}], DA:ALL, DA:signal, DV:signal"
            )
    for kind in ("Stimuli", "Inhibitors", "DV"):
        names = list(found[kind].values())
        odd = [name for name in names if names.count(name) > 1 or (kind != "DV" and " + " in name)]
        if odd:
            raise TableError(f"{where}: {kind} {odd[0]!r}; allowed: every name once, treatments without ` + `")
    for kind, what in (("DA", "a column of times, DA:ALL"), ("DV", "at least one signal, DV:name")):
        if not found[kind]:
            raise TableError(f"{where}: no {kind} column; allowed: {what}")
    return found


def _check(table: pd.DataFrame, numbers: pd.DataFrame, columns: list[str], where: str, empty: bool) -> None:
    for column in columns:
        wrong = numbers[column].isna() & (table[column].notna() if empty else True) | np.isinf(numbers[column])
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            value = table[column].iloc[row]
            shown = "empty" if pd.isna(value) else repr(str(value))
            raise TableError(
                f"{where}, row {row + 2}, {column} is {shown}; allowed: a number" + (", or nothing" if empty else "")
            )


def _times(numbers: pd.DataFrame, kinds: dict[str, dict[str, str]], where: str) -> pd.Series:
    times = numbers[list(kinds["DA"])]
    apart = np.flatnonzero(times.nunique(axis=1) > 1)
    if len(apart):
        raise TableError(f"{where}, row {apart[0] + 2}: signals measured at different times; allowed: one time a row")
    negative = np.flatnonzero(times.iloc[:, 0] < 0)
    if len(negative):
        raise TableError(f"{where}, row {negative[0] + 2}: time {times.iloc[negative[0], 0]:g}; allowed: 0 or later")
    return times.iloc[:, 0]


def _names(treatment: pd.DataFrame) -> list[str]:
    """What was given, by name, levels other than 1 in brackets; `nothing` where all is 0."""
    rows = []
    for row in treatment.itertuples(index=False):
        parts = [n if v == 1 else f"{n} ({v:g})" for n, v in zip(treatment.columns, row, strict=True) if v]
        rows.append(" + ".join(parts) or "nothing")
    return rows


def _filled(rows: pd.DataFrame, signals: pd.DataFrame) -> xr.DataArray:
    conditions, times = list(dict.fromkeys(rows["condition"])), sorted(rows["time"].unique())
    shape = (len(conditions), len(times), int(rows["replicate"].max()) + 1, signals.shape[1])
    values = np.full(shape, np.nan)
    at = (pd.Index(conditions).get_indexer(rows["condition"]), pd.Index(times).get_indexer(rows["time"]))
    values[(*at, rows["replicate"].to_numpy())] = signals.to_numpy()
    axes = {
        "condition": conditions, "time": times, "replicate": np.arange(shape[2]), "signal": list(signals.columns),
    }  # fmt: skip
    return xr.DataArray(values, dims=tuple(axes), coords=axes, name="signal")


def _shared(
    values: xr.DataArray, stimuli: pd.DataFrame, inhibitors: pd.DataFrame
) -> tuple[xr.DataArray, pd.DataFrame, pd.DataFrame]:
    """Conditions without stimulus that were seen at the first time alone become the start of the stimulated ones.

    One without a stimulated condition of the same inhibitors stays a condition; where these have starts of their own,
    as in the files of the HPN-DREAM lines, it is left out.
    """
    seen = values.notnull().any(["replicate", "signal"]).values
    start = ~stimuli.any(axis=1).to_numpy() & seen[:, 0] & ~seen[:, 1:].any(1)
    if not start.any() or start.all():
        return values, stimuli, inhibitors
    filled, alone = values.values.copy(), start.copy()
    for own in np.flatnonzero(start):
        same = (inhibitors.to_numpy() == inhibitors.to_numpy()[own]).all(1)
        takers = same & ~alone
        filled[takers & ~seen[:, 0], 0] = filled[own, 0]
        start[own] = takers.any()
    return values.copy(data=filled)[~start], stimuli[~start], inhibitors[~start]
