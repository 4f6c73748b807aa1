"""Rows of many jobs, each job's in a file of its own, brought into the record.

A row enters if its setting and model exist, its code is today's and the record has no valid row of the same model and
seed. Of several rows of one run the first in the order of their text enters, and rows enter sorted, so the record
does not depend on the order of the files. Each file of the record is replaced whole, under the lock that single runs
take as well; a merge that is killed and started again adds what is missing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from hmlm_lib.errors import HmlmError
from hmlm_lib.evaluation import benchmark
from hmlm_lib.evaluation.rows import as_line, line_end, read_file, rows_lock, setting_file, valid_rows
from hmlm_lib.files import write_whole


def merge(places: Sequence[Path], report: Callable[[str], None] = print, effort: float = 1.0) -> int:
    """Add the rows of files, or of all .jsonl files below folders, to the record; how many were added.

    Classes of your own that rows name are imported (`outside.py`). effort: that of the rows that count. report gets a
    line for everything left out, then one a setting. HmlmError for an effort out of range, and a place that is not
    there or holds no such file; the record is then as it was.
    """
    benchmark.check_fraction(effort)
    read = {path: read_file(path) for path in _files(places)}
    own = benchmark.outside(row for rows, _ in read.values() for row in rows)
    codes = cache(lambda name: benchmark.codes(name, effort, own))
    found: dict[str, list[dict]] = {}
    for path, (rows, torn) in read.items():
        problems = Counter({"damaged, or no row": torn})
        for row in rows:
            problem = _problem(row, codes)
            problems[problem] += 1
            if not problem:
                found.setdefault(row["setting"], []).append(row)
        for problem, count in sorted(problems.items()):
            if problem and count:
                report(f"{path}: {count} left out: {problem}")
    return sum(_add(name, rows, codes(name), report) for name, rows in sorted(found.items()))


def _files(places: Iterable[Path]) -> list[Path]:
    """The files meant, each once."""
    found: dict[Path, Path] = {}
    for place in places:
        files = [place] if place.is_file() else sorted(place.rglob("*.jsonl"))
        if not files:
            raise HmlmError(f"{place}: no rows there; allowed: a .jsonl file, or a folder with some")
        found |= {path.resolve(): path for path in files}
    return [found[path] for path in sorted(found)]


def _problem(row: dict, codes: Callable[[str], dict[str, str]]) -> str:
    """Why a row cannot enter; "" if it can."""
    if row.get("setting") not in benchmark.settings():  # rows of tuning have none
        return f"no setting {row.get('setting')!r}"
    if row["model"] not in codes(row["setting"]):
        return f"no model {row['model']!r} in setting {row['setting']!r}"
    return "" if row["code"] == codes(row["setting"])[row["model"]] else "of other code or effort"


def _add(name: str, rows: list[dict], codes: dict[str, str], report: Callable[[str], None]) -> int:
    """Bring a setting's rows into its file; how many."""
    path = setting_file(name)
    with rows_lock(path.parent):
        known = {(row["model"], row["seed"]) for row in valid_rows(name, codes)}
        new: dict[tuple[str, int], bytes] = {}
        for line, key in sorted((as_line(row), (row["model"], row["seed"])) for row in rows):
            if key not in known:
                new.setdefault(key, line)
        if new:
            before = path.read_bytes() if path.exists() else b""
            write_whole(path, before + line_end(path) + b"".join(new[key] for key in sorted(new)))
    already = len({(row["model"], row["seed"]) for row in rows}) - len(new)
    report(f"{name}: {len(new)} added, {already} in the record already, {len(rows) - len(new) - already} double")
    return len(new)
