"""Your own blots: a table in, every unmeasured value predicted out, with intervals that were measured, not hoped for.

The table is MIDAS (`midas.py`, one level of a treatment besides 0) or tidy: columns stimulus, inhibitor, time, signal,
value, replicates as further rows. A value to be predicted is left empty. Each model is first asked what is known:
conditions are left out in five parts and shown as the unknown ones are, and the half-width of a signal's interval is
the quantile of its errors there, in log2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from hmlm_lib.errors import TableError, pick
from hmlm_lib.midas import from_table
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.real import alike, baselines, hmlm, protocols
from hmlm_lib.real.courses import NONE, Courses, from_midas, matched
from hmlm_lib.real.drugs import drugs_of
from hmlm_lib.real.learnable import check_judged, check_signals
from hmlm_lib.real.protocols import Model, Protocol, Values
from hmlm_lib.real.strangers import Asked, notes, strangers
from hmlm_lib.seeds import check_seed
from hmlm_lib.tables import line_numbers, read_csv

MIDAS = ("TR:", "DA:", "DV:")
TIDY = ("stimulus", "inhibitor", "time", "signal", "value")
LEVEL = 0.9
LISTED = 5  # rows that repeat others, each with a line of its own
PLURAL = {"signal": "signals", "stimulus": "stimuli"}
READS_NETWORK = ("hmlm",)  # of `models`; it finds signals and stimuli there, and no drug


def template() -> str:
    """A tidy table of made-up blots to start from: two signals, three stimuli, three inhibitors, one pair asked."""
    raised = {"EGF": {"ERK": (4.0, 2.0), "AKT": (1.8, 1.3)}, "IGF1": {"ERK": (1.3, 1.1), "AKT": (5.0, 4.0)}}
    raised["PBS"] = {"ERK": (1.1, 1.0), "AKT": (1.1, 1.0)}
    lowered = {NONE: {}, "MEKi": {"ERK": 0.2}, "AKTi": {"AKT": 0.25}}
    rows, wobble = [",".join(TIDY)], np.random.default_rng(0).lognormal(0.0, 0.05, 60).tolist()
    for inhibitor, less in lowered.items():
        start = {"ERK": 1000 * less.get("ERK", 1.0), "AKT": 800 * less.get("AKT", 1.0)}
        rows += [f"{NONE},{inhibitor},0,{signal},{value:g}" for signal, value in start.items()]
        for stimulus, by_signal in raised.items():
            asked = (stimulus, inhibitor) == ("IGF1", "AKTi")
            for k, minutes in enumerate((5, 60)):
                values = {s: "" if asked else f"{start[s] * by_signal[s][k] * wobble.pop():.0f}" for s in start}
                rows += [f"{stimulus},{inhibitor},{minutes},{s},{value}" for s, value in values.items()]
    return "\n".join(rows) + "\n"


def read(path: str | Path, hours: bool = False) -> Courses:
    """The courses in a file, MIDAS or tidy by its columns; hours: times are hours, not minutes.

    Blanks around names do not count. TableError, naming file, column or row, for a table that is neither, names that
    differ in case alone, a treatment of two levels, a signal that is a stimulus too or has no value after the start,
    and a table copied onto itself: a replicate may equal another in some samples (in `notes`), not in each of them.
    """
    # NA is a name here (noradrenaline), which pandas takes for a gap; a blank before a name does not count.
    names = dict.fromkeys(("stimulus", "inhibitor"), " {}".format)
    table, where = read_csv(path, skipinitialspace=True, converters=names), str(path)
    if table.empty:
        raise TableError(f"{path}: no row; allowed: one or more below the names of the columns")
    table.columns = [":".join(part.strip() for part in str(column).split(":")) for column in table.columns]
    tidy = not any(column.startswith("DV:") for column in table.columns)
    table.index = line_numbers(path, table)
    table = _checked_tidy(table, where) if tidy else _checked_midas(table, where)
    notes = _repeats(table)
    midas = _widened(table) if tidy else table
    _check_levels(midas, where)
    midas = _distinct(midas, where)
    if hours:
        midas = midas.assign(**{column: 60 * midas[column] for column in midas.columns if column.startswith("DA:")})
    read = from_table(midas, where)
    courses = from_midas(read if read.cell_line else replace(read, cell_line=Path(path).stem), where)
    check_signals(courses, where)
    return replace(courses, notes=notes)


def as_midas(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """A tidy table, by row of the file, as MIDAS, under the number of the first row that a row holds.

    TableError for columns that are missing or unknown, cells that are empty or no number, and two spellings of a name.
    """
    return _widened(_checked_tidy(table, where))


def _checked_tidy(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """A tidy table, by row of the file, with times and values as numbers and one way to write a treatment."""
    columns = pd.Index(map(str, table.columns))
    odd = [*sorted(set(TIDY) ^ set(columns)), *columns[columns.duplicated()]]
    if odd:
        problem = "there twice" if odd[0] in columns and odd[0] in TIDY else "missing" if odd[0] in TIDY else "unknown"
        raise TableError(
            f"{where}: column {odd[0]!r} is {problem}; allowed: MIDAS columns (TR:, DA:, DV:), or {', '.join(TIDY)}"
        )
    numbers = {"time": _times(table, "time", where), "value": _intensities(table, "value", where)}
    names = {column: table[column].map(_parts).map(" + ".join) for column in ("stimulus", "inhibitor")}
    names["signal"] = table["signal"].map(lambda name: "" if pd.isna(name) else str(name).strip())
    _refuse(names["signal"] == "", table, "signal", where, "a name; empty values only")
    for column, found in names.items():
        _check_spelling(found if column == "signal" else found.str.split(" + ", regex=False).explode(), column, where)
    return table.assign(**{column: found.replace("", NONE) for column, found in names.items()}, **numbers)


def _widened(table: pd.DataFrame) -> pd.DataFrame:
    """A checked tidy table as MIDAS."""
    table = table.copy()
    keys = ["stimulus", "inhibitor", "time"]
    table["replicate"] = table.groupby([*keys, "signal"]).cumcount()
    table["row"] = table.index
    keys = [*keys, "replicate"]
    wide = table.pivot(index=keys, columns="signal", values="value")
    found = {}
    for kind, column in (("Stimuli", "stimulus"), ("Inhibitors", "inhibitor")):
        parts = wide.index.get_level_values(column).str.split(" + ", regex=False)
        for name in sorted({p for row in parts for p in row} - {NONE}):
            found[f"TR:{name}:{kind}"] = [int(name in row) for row in parts]
    found["DA:ALL"] = wide.index.get_level_values("time")
    found |= {f"DV:{name}": wide[name].to_numpy() for name in wide}
    return pd.DataFrame(found, index=table.groupby(keys)["row"].min().reindex(wide.index).to_numpy())


def _parts(cell: object) -> list[str]:
    """The names in a cell, `A + B`."""
    names = [] if pd.isna(cell) else [part.strip() for part in str(cell).split(" + ")]
    return [name for name in names if name and name.casefold() != NONE]


def _check_spelling(names: pd.Series, column: str, where: str) -> None:
    """names: by row of the file."""
    first: dict[str, tuple[str, int]] = {}
    for row, name in names.items():
        if ":" in name:
            raise TableError(f"{where}, row {row}, {column} is {name!r}; allowed: names without a colon")
        known, at = first.setdefault(name.casefold(), (name, row))
        if name != known:
            raise TableError(f"{where}, row {row}, {column} is {name!r}, in row {at} {known!r}; allowed: one spelling")


def _checked_midas(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """A MIDAS table, by row of the file, as numbers."""
    first: dict[tuple[str, ...], str] = {}
    for column in table.columns:
        name = tuple(column.casefold().split(":")[:2])
        if name in first:
            both = f"columns {first[name]!r} and {column!r}"
            raise TableError(f"{where}, row 1: {both}; allowed: one column a name, in one spelling")
        first[name] = column
    checks = {"TR": _numbers, "DA": _times, "DV": _intensities}
    known = {column: checks[column[:2]](table, column, where) for column in table.columns if column[:3] in MIDAS}
    return table.assign(**known)


def _numbers(table: pd.DataFrame, column: str, where: str) -> pd.Series:
    found = pd.to_numeric(table[column], errors="coerce").astype(float)
    _refuse(~np.isfinite(found), table, column, where, "a number")
    return found


def _times(table: pd.DataFrame, column: str, where: str) -> pd.Series:
    found = _numbers(table, column, where)
    _refuse(found < 0, table, column, where, "0 or later")
    return found


def _intensities(table: pd.DataFrame, column: str, where: str) -> pd.Series:
    found = pd.to_numeric(table[column], errors="coerce").astype(float)
    _refuse(~np.isfinite(found) & table[column].notna(), table, column, where, "a number, or nothing")
    _refuse(found <= 0, table, column, where, "intensities above 0, which have a logarithm")
    return found


def _refuse(wrong: pd.Series, table: pd.DataFrame, column: str, where: str, allowed: str) -> None:
    """TableError for the first wrong cell of a column; wrong, table: by row of the file."""
    if wrong.any():
        row = wrong.idxmax()
        value = table[column][row]
        shown = (
            "empty"
            if pd.isna(value) or not str(value).strip()
            else repr(f"{value:g}" if isinstance(value, float) else str(value))
        )
        raise TableError(f"{where}, row {row}, {column} is {shown}; allowed: {allowed}")


def _check_levels(midas: pd.DataFrame, where: str) -> None:
    """A name of `Courses` holds no level: two of one treatment would be taken for replicates."""
    for column in (c for c in midas.columns if c.startswith("TR:") and not c.endswith(":CellLine")):
        given = midas[column][midas[column] != 0].sort_index()
        other = given[given != given.iloc[0]] if len(given) else given
        if len(other):
            raise TableError(
                f"{where}, row {other.index[0]}, {column} is {other.iloc[0]:g}, in row {given.index[0]} "
                f"{given.iloc[0]:g}; allowed: 0 and one level, another dose as a column of its own"
            )


def _repeats(table: pd.DataFrame) -> tuple[str, ...]:
    """A line for each measured row that equals one above it, up to LISTED; table: checked, by row of the file."""
    values = [column for column in table.columns if column == "value" or column.startswith("DV:")]
    known = table[table[values].notna().any(axis=1)]
    rows = known.index.to_series()
    first = rows.groupby([known[column] for column in known.columns], dropna=False).transform("first")
    found = [f"row {row} repeats row {other}: averaged as replicates" for row, other in first.items() if row != other]
    more = [f"further rows that repeat others: {len(found) - LISTED}"] if len(found) > LISTED else []
    return (*found[:LISTED], *more)


def _distinct(midas: pd.DataFrame, where: str) -> pd.DataFrame:
    """Replicates averaged where some are equal, of which `from_table` takes none.

    TableError where every sample that was measured holds a row twice, to the last digit.
    """
    if not midas.duplicated().any():
        return midas
    signals = [column for column in midas.columns if column.startswith("DV:")]
    sample = [column for column in midas.columns if column not in signals]
    known = midas[midas[signals].notna().any(axis=1)].sort_index()
    twice = known.duplicated()
    if len(known) and twice.groupby([known[column] for column in sample]).any().all():
        row = twice.idxmax()
        first = ((known == known.loc[row]) | (known.isna() & known.loc[row].isna())).all(axis=1).idxmax()
        raise TableError(
            f"{where}, row {row} repeats row {first}, and so on in every sample; allowed: replicates, which differ"
        )
    return midas.groupby(sample, sort=False, as_index=False, dropna=False)[signals].mean()[list(midas.columns)]


def matches(courses: Courses, network: SignalingNetwork) -> pd.DataFrame:
    """What is which species of the network, empty for none: signals, stimuli (each of `A + B`), drugs (`MEKi`: MEK)."""
    by_name = {name.casefold(): name for name in network.species_names}
    agents = dict.fromkeys(drug for names in drugs_of(courses.inhibitor) for drug in names)
    rows = [("drug", name, by_name.get(name.casefold(), "")) for name in agents]
    return pd.concat([matched(courses, network), pd.DataFrame(rows, columns=["what", "name", "species"])])


def described(courses: Courses, network: SignalingNetwork | None, wanted: Sequence[str] = READS_NETWORK) -> list[str]:
    """What was read and, where one of the models wanted looks it up in the network, what is not there; in lines."""
    asked = int(np.isnan(courses.log2).sum())
    shape = f"{len(courses)} conditions, {len(courses.times)} times, {len(courses.signals)} signals"
    lines = [f"{courses.line}: {shape}, {asked} of {courses.log2.size} values asked", *courses.notes]
    lines += strangers(courses, _parts_asked(courses))
    if network is None or not set(READS_NETWORK) & set(wanted):
        return lines
    for what, part in matched(courses, network).groupby("what", sort=False):
        lost = part.loc[part["species"] == "", "name"]
        note = f"; without a species: {', '.join(lost)}" if len(lost) else ""
        lines.append(f"{len(part) - len(lost)} of {len(part)} {PLURAL[what]} are species of {network.name}{note}")
    return lines


def models(network: SignalingNetwork | None) -> dict[str, Model]:
    """What can be asked; HMLM rests on the network, without one on proposed edges alone."""
    return {
        "hmlm": lambda train, shown, elsewhere: hmlm.predict(shown, (train,), network),
        "gp_alike": alike.predict,
        "ridge": baselines.ridge,
        "copy_uninhibited": baselines.copy_uninhibited,
        "persistence": baselines.persistence,
    }


@dataclass(frozen=True, eq=False)
class Prediction:
    """log2 of every condition; error: RMSE of what was left out and foretold; width [signal]: half of the interval."""

    model: str
    log2: Values
    error: float
    width: Float[np.ndarray, " signal"]


def predict(courses: Courses, model: str, network: SignalingNetwork | None = None, seed: int = 0) -> Prediction:
    """Every condition by one model, which learns from all that is measured.

    A value that lacks in a sample of which others were measured is read from all that was measured of its condition,
    by a model of the others; conditions with such gaps are dealt into five parts.

    TableError for a seed that is none, where nothing is asked, fewer conditions are known than there are folds, or none
    of them says how far a model errs on a signal.
    """
    said = pick(models(network), model, "model")
    check_seed(seed, TableError)
    asked = incomplete(courses)
    known = courses.take(~asked)
    if not np.isnan(courses.log2).any():
        raise TableError(f"{courses.line}: nothing is asked; allowed: a table with empty values, which are predicted")
    if len(known) < protocols.FOLDS:
        raise TableError(
            f"{courses.line}: {len(known)} conditions are measured at every time; allowed: {protocols.FOLDS} or more"
        )
    unknown = courses.take(asked)
    wanted = Protocol(_shown(unknown), by_inhibitor=False)
    later = [t for t in range(len(courses.times)) if t not in wanted.shown]
    check_judged(known, later)
    foretold = protocols.predicted(said, known, (), wanted, seed)
    found = courses.log2.copy()
    for part in _parts_asked(courses):
        those = courses.take(part.conditions)
        found[part.conditions] = _filled(those.log2, said(courses.take(part.learned), those, ()))
    away = np.abs(foretold - known.log2)[:, later]
    width = np.nanquantile(away, LEVEL, axis=(0, 1))
    error = protocols.rmse(protocols.squared_errors(foretold, known, wanted))
    return Prediction(model, found, error, width)


def _filled(log2: Values, said: Values) -> Values:
    """What was measured, and what is said of the rest."""
    return np.where(np.isnan(log2), said, log2)


def incomplete(courses: Courses) -> Bool[np.ndarray, " condition"]:
    """Conditions with a time at which nothing was measured."""
    return np.isnan(courses.log2).all(2).any(1)


def _parts_asked(courses: Courses) -> list[Asked]:
    """Incomplete conditions, asked of all others, and those with gaps alone, dealt into parts, each of all others."""
    every, lacks = np.arange(len(courses)), incomplete(courses)
    gaps = np.flatnonzero(np.isnan(courses.log2).any((1, 2)) & ~lacks)
    dealt = [gaps[k :: protocols.FOLDS] for k in range(min(len(gaps), protocols.FOLDS))]
    whole = [Asked(every[lacks], every[~lacks])] if lacks.any() else []
    return [*whole, *(Asked(part, np.setdiff1d(every, part)) for part in dealt)]


def _shown(unknown: Courses) -> tuple[int, ...]:
    """Times, by index, that every condition shows; the start at least, and nothing else where none is unknown."""
    if not len(unknown):
        return (0,)
    seen = ~np.isnan(unknown.log2).all(2)
    return tuple(t for t in range(len(unknown.times)) if t == 0 or seen[:, t].all())


def as_table(courses: Courses, found: Prediction) -> pd.DataFrame:
    """One row a value: stimulus, inhibitor, minutes, signal, model, measured, predicted, low, high, note.

    Values are in the units of the table. Measured ones stay as they are: predicted, low and high are empty there. note:
    of a predicted value whose treatment nothing was learned of, that its interval is that of known ones; else empty.
    TableError for a prediction of other courses.
    """
    if found.log2.shape != courses.log2.shape:
        raise TableError(f"{courses.line}: a prediction of other courses; allowed: that of these")
    c, t, s = np.meshgrid(*(np.arange(n) for n in courses.log2.shape), indexing="ij")
    c, t, s = c.ravel(), t.ravel(), s.ravel()
    measured, said = courses.log2.ravel(), found.log2.ravel()
    asked = np.isnan(measured)
    half = found.width[s]

    def value(log2: np.ndarray) -> np.ndarray:
        return np.where(asked, np.exp2(log2), np.nan)

    return pd.DataFrame(
        {
            "stimulus": np.array(courses.stimulus)[c],
            "inhibitor": np.array(courses.inhibitor)[c],
            "minutes": courses.times[t],
            "signal": np.array(courses.signals)[s],
            "model": found.model,
            "measured": np.exp2(measured),
            "predicted": value(said),
            "low": value(said - half),
            "high": value(said + half),
            "note": np.where(asked, np.array(notes(courses, _parts_asked(courses)))[c], ""),
        }
    )


def next_experiments(courses: Courses, spread: Callable = alike.posterior) -> pd.DataFrame:
    """Pairs of stimulus and inhibitor that were not measured, widest interval first: stimulus, inhibitor, spread.

    spread: mean standard deviation of the change over times and signals, in log2 units. The start of a new pair is that
    of its inhibitor.
    """
    known = courses.take(~incomplete(courses))
    have = set(zip(known.stimulus, known.inhibitor, strict=True))
    pairs = [
        (s, i) for i in dict.fromkeys(known.inhibitor) for s in dict.fromkeys(known.stimulus) if (s, i) not in have
    ]
    if not pairs:
        return pd.DataFrame(columns=["stimulus", "inhibitor", "spread"])
    rows = [known.inhibitor.index(i) for _, i in pairs]
    names = tuple(s for s, _ in pairs), tuple(i for _, i in pairs)
    asked = replace(known.take(rows).shown_at([0]), stimulus=names[0], inhibitor=names[1])
    _, sd = spread(known, asked)
    table = pd.DataFrame({"stimulus": names[0], "inhibitor": names[1], "spread": sd[:, 1:].mean((1, 2))})
    return table.sort_values("spread", ascending=False, ignore_index=True)


def compare(
    courses: Courses, wanted: Sequence[str], network: SignalingNetwork | None, seed: int = 0
) -> list[Prediction]:
    """Predictions of several models, the one that foretold best first; ModelError for a wrong name, before any fit."""
    wanted = list(dict.fromkeys(wanted))
    for name in wanted:
        pick(models(network), name, "model")
    return sorted((predict(courses, name, network, seed) for name in wanted), key=lambda found: found.error)
