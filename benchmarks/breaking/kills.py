"""kill -9 of the headless run with all its kernels, at random moments; then the same command again.

A round begins with an empty folder; moments are uniform over the time that the notebooks not yet finished will take.
After a few kills the run is left to end, and everything it made is compared with an uninterrupted run.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pandas as pd
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook

from breaking.outcome import Outcome, counted
from breaking.whole import half_written, temporary
from hmlm_lib.evaluation import rows
from hmlm_lib.figures.style import save_figure
from hmlm_lib.metrics import FILE_VARIABLE, record

SMALL = """\
import pandas as pd
from matplotlib.figure import Figure
from hmlm_lib.figures.style import save_figure
from hmlm_lib.metrics import record
for k in range(6):
    figure = Figure(figsize=(3, 2)); figure.subplots().plot(range(k + 2))
    save_figure(figure, f"{name}_{{k}}".lower(), pd.DataFrame({{"y": range(k + 2)}}), "Counting, quick profile.")
    record(f"{name}/toy/model/score{{k}}", k + 0.5)
"""


def small_notebooks(folder: Path) -> Path:
    """Two notebooks that do nothing but write: six figures and six numbers each."""
    folder.mkdir()
    for name in ("01_one", "02_two"):
        settings = new_code_cell('profile = "quick"\nseed = 0\ndevice = "auto"', metadata={"tags": ["parameters"]})
        notebook = new_notebook(cells=[settings, new_code_cell(SMALL.format(name=name))])
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def family(pid: int) -> list[int]:
    """A process and all that descend from it: kernels are leaders of groups of their own."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue  # it ended meanwhile
        parents.setdefault(parent, []).append(int(place.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def kill(process: subprocess.Popen) -> None:
    """SIGKILL to the run and its kernels; the run first, so that it notices nothing."""
    for pid in family(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


@dataclass
class Study:
    """Notebooks by name, executed into a folder by the command line."""

    folder: Path
    names: Sequence[str] = ()
    notebooks: Path | None = None

    def start(self) -> subprocess.Popen:
        place = {"HMLM_NOTEBOOKS_DIR": str(self.notebooks)} if self.notebooks else {}
        return subprocess.Popen(
            [sys.executable, "-m", "hmlm_lib", "run", *self.names, "--profile", "quick"],
            env=os.environ | place | {"HMLM_OUTPUT_DIR": str(self.folder), "OMP_NUM_THREADS": "1"},
            stdout=self.log.open("w"), stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def complete(self) -> None:
        """Run to the end."""
        process = self.start()
        if process.wait():
            raise RuntimeError(f"the run ended with {process.returncode}: {self.said()}")

    def said(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def reports(self) -> Path:
        return self.folder / "reports" / "quick"

    def finished(self) -> dict[str, int]:
        """Notebooks with a record, and when it was written: nothing of them may be done again."""
        return {path.stem: path.stat().st_mtime_ns for path in (self.reports / "records").glob("[0-9]*.json")}

    def redone(self, before: dict[str, int]) -> list[str]:
        """Notebooks that were finished and yet began anew."""
        now = self.finished()
        return [n for n in before if now.get(n) != before[n] or (self.reports / f".running-{n}.ipynb").exists()]

    def metrics(self) -> str:
        return (self.reports / "metrics.json").read_text()

    def figures(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "figures").glob("*"))}

    def phase(self) -> str:
        """What the run is doing, as far as it can be seen from outside."""
        if not self.said():
            return "while the library was imported"
        running = list(self.reports.glob(".running-*.ipynb"))
        if not running:
            return "while kernels were started, or outputs put in place"
        try:
            cells = [cell for path in running for cell in json.loads(path.read_text())["cells"]]
        except (OSError, ValueError):
            return "while outputs were written"
        done = all(cell["execution_count"] for cell in cells if cell["cell_type"] == "code")
        return "while outputs were written" if done else "while cells were executed"


@dataclass
class Tally:
    """What kills did, counted."""

    phases: Counter = field(default_factory=Counter)
    redone: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def lost(self) -> str:
        named = {
            "finished notebooks executed again": self.redone,
            "files half-written": self.broken,
            "temporary files left after the resumed run": self.left,
            "numbers or figures that differ from an uninterrupted run": self.other,
        }
        return "; ".join(f"{len(found)} {what}" for what, found in named.items())

    def wrong(self) -> int:
        return len(self.redone) + len(self.broken) + len(self.left) + len(self.other)


def kill_runs(
    make: Callable[[Path], Study], times: int, rng: random.Random, kills_a_round: int = 5
) -> tuple[Tally, str]:
    """times kills in rounds; make(folder) -> Study. Returns what was counted, and how long a whole run takes."""
    tally = Tally()
    with TemporaryDirectory(prefix="faults-") as name:
        reference = make(_empty(Path(name) / "reference"))
        began = time.monotonic()
        reference.complete()
        whole = time.monotonic() - began
        seconds = _seconds(reference)
        start = max(1.0, whole - sum(seconds.values()))
        done, round_ = 0, 0
        while done < times:
            round_ += 1
            study = make(_empty(Path(name) / f"round{round_}"))
            for _ in range(min(kills_a_round, times - done)):
                before = study.finished()
                process = study.start()
                left = sum(s for n, s in seconds.items() if n not in before)
                try:
                    process.wait(rng.uniform(0.0, start + left))
                except subprocess.TimeoutExpired:
                    tally.phases[study.phase()] += 1
                    kill(process)
                    done += 1
                tally.redone += study.redone(before)
                tally.broken += half_written(study.folder / "figures") + half_written(study.folder / "reports")
                if process.returncode == 0:
                    break
            before = study.finished()
            study.complete()
            tally.redone += study.redone(before)
            tally.broken += half_written(study.folder / "figures") + half_written(study.folder / "reports")
            tally.left += temporary(study.folder)
            tally.other += [] if study.metrics() == reference.metrics() else ["metrics.json"]
            mine, theirs = study.figures(), reference.figures()
            tally.other += [n for n in sorted(mine | theirs) if mine.get(n) != theirs.get(n)]
    return tally, f"{whole:.0f} s uninterrupted"


def _empty(folder: Path) -> Path:
    (folder / "figures").mkdir(parents=True)
    (folder / "reports").mkdir()
    return folder


def _seconds(study: Study) -> dict[str, float]:
    made = json.loads((study.reports / "manifest.json").read_text())["notebooks"]
    return {name: one["seconds"] for name, one in made.items()}


@contextmanager
def _elsewhere(folder: Path) -> Iterator[None]:
    """Figures, numbers and rows go to a folder."""
    kept, place = dict(os.environ), rows.rows_dir
    os.environ |= {"HMLM_OUTPUT_DIR": str(folder), FILE_VARIABLE: str(folder / "reports" / "numbers.json")}
    rows.rows_dir = lambda: folder / "reports" / "rows"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
        rows.rows_dir = place


def kill_writers(times: int, rng: random.Random) -> Outcome:
    """A process that writes figures, numbers and rows without pause, killed within .5 s."""
    broken, lost, written = [], 0, 0
    figure = Figure(figsize=(2, 1.5))
    figure.subplots().plot(range(5))
    with TemporaryDirectory(prefix="faults-") as name, _elsewhere(_empty(Path(name))):
        for turn in range(times):
            told, tell = os.pipe()
            child = os.fork()
            if child == 0:
                for k in range(1_000_000):
                    rows.add_row("toy", _row(turn, k))
                    os.write(tell, b".")
                    record("01_toy/a/b/c", float(k))
                    save_figure(figure, "01_toy", pd.DataFrame({"y": [k]}), f"Turn {k}.")
            os.close(tell)
            time.sleep(rng.uniform(0.0, 0.5))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            with os.fdopen(told, "rb") as file:
                said = len(file.read())
            kept = sum(row["seed"] == turn for row in rows.read_rows("toy"))
            lost, written = lost + max(0, said - kept), written + said
            broken += half_written(Path(name))
    return Outcome(
        "kill -9 of a process that writes figures, numbers and result rows without pause, within .5 s",
        times,
        f"{written} rows written before the kills",
        f"{len(broken)} files half-written, {lost} rows lost",
        len(broken) + lost,
    )


def _row(turn: int, k: int) -> dict:
    return {"setting": "toy", "model": "toy", "seed": turn, "code": "0", "values": {"k": k}}


NAMES = ("01", "02", "09")


def kills(scale: float, seed: int) -> list[Outcome]:
    """Rows of the table; scale: fraction of the full numbers."""
    rng = random.Random(seed)
    found = []
    with TemporaryDirectory(prefix="faults-") as name:
        small = small_notebooks(Path(name) / "notebooks")
        for what, make, times in (
            (f"kill -9 of run and kernels, notebooks {', '.join(NAMES)}", lambda f: Study(f, NAMES), 20),
            ("the same, two notebooks that do nothing but write", lambda f: Study(f, (), small), 60),
        ):
            count = max(1, round(times * scale))
            tally, long = kill_runs(make, count, rng)
            for problem in (*tally.redone, *tally.broken, *tally.left, *tally.other):
                print(f"  {problem}", file=sys.stderr)
            happened = f"{counted(tally.phases)}; {long}"
            found.append(Outcome(what, tally.phases.total(), happened, tally.lost(), tally.wrong()))
    return [*found, kill_writers(max(1, round(200 * scale)), rng)]
