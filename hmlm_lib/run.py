"""The runner: notebooks executed headless, resumed after an interruption, with a record of what they made.

A notebook is whole when its record names the hash of all its inputs (its cells, parameters, the library, the data) and
every output listed there still has the content it had. Whole notebooks are not executed again. Records are written last
and atomically, so a run killed at any moment leaves either a whole notebook or one that is done anew. Parallel
runs, on one machine or several, each hold their notebooks; one at a time makes metrics and manifest, from all records.
"""

import ast
import fcntl
import json
import math
import os
import platform
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from joblib import cpu_count

from hmlm_lib import environment, paths
from hmlm_lib.beside import POSSIBLE, beside
from hmlm_lib.device import choose_device, said
from hmlm_lib.errors import RunError, did_you_mean
from hmlm_lib.executed import page, still
from hmlm_lib.files import as_json, locked, read_json, sha256, stamped, temporary_gone, unstamped, write_whole
from hmlm_lib.inputs import code_hash, input_hash
from hmlm_lib.metrics import FILE_VARIABLE
from hmlm_lib.notebook_file import declared, read
from hmlm_lib.profiles import get_profile
from hmlm_lib.seeds import check_seed

NOTEBOOK_NAME = re.compile(r"\d\d_\w+\.ipynb")
KERNEL = "python3"
STARTS = 3  # of a kernel, until its notebook fails
LONGEST = ("06_chmr", "04_baselines", "05_sparse_sampling", "07_interpretability", "10_new_network", "03_hmlm")
LOCKS = ".locks"  # in the folder of reports: a file for each notebook, one for what they share, one for all runs
QUIET = ["--IPKernelApp.log_level=ERROR"]  # a kernel without CurveZMQ keys warns at every start


@dataclass(frozen=True)
class Plan:
    """One notebook with the parameters it will get and the hash of everything it depends on.

    declared: all its parameters with their defaults. device: what it will compute on, and why.
    """

    path: Path
    parameters: dict[str, object]
    declared: dict[str, object]
    device: tuple[str, str]
    input_hash: str

    @property
    def name(self) -> str:
        return self.path.stem


def notebooks(folder: Path | None = None) -> list[Path]:
    """The numbered notebooks, in order."""
    found = sorted(
        path for path in (folder or paths.notebooks_dir()).glob("*.ipynb") if NOTEBOOK_NAME.fullmatch(path.name)
    )
    if not found:
        raise RunError(f"no notebook NN_name.ipynb in {folder or paths.notebooks_dir()}")
    return found


def select(names: Sequence[str]) -> list[Path]:
    """Notebooks by number (`01`), name (`network`) or both (`01_network`); all for no names. RunError otherwise."""
    found = notebooks()
    if not names:
        return found
    by_name = {alias: path for path in found for alias in (path.stem, path.stem[:2], path.stem[3:])}
    for name in names:
        if name.removesuffix(".ipynb") not in by_name:
            raise RunError(
                f"no notebook {name!r}{did_you_mean(name, by_name)}; allowed: {', '.join(path.stem for path in found)}"
            )
    chosen = {by_name[name.removesuffix(".ipynb")] for name in names}
    return [path for path in found if path in chosen]


def _value(text: str) -> object:
    """What a default is; its text where it is no literal, or none that JSON can hold."""
    try:
        value = ast.literal_eval(text)
        json.dumps(value)
    except (ValueError, SyntaxError, TypeError):
        return text
    return value


def plan(
    chosen: Sequence[Path], profile: str, given: dict[str, object], device: str, seed: int, code: str
) -> list[Plan]:
    """What to execute, with every parameter checked before anything runs; RunError names the first that is wrong."""
    get_profile(profile)
    if "profile" in given:
        raise RunError("the profile is chosen by --profile, which also names the folder of reports; not by -p")
    parameters = {"profile": profile, "device": device, "seed": seed} | given
    check_seed(parameters["seed"], RunError)
    where = choose_device(str(parameters["device"]))
    plans = []
    for path in chosen:
        known = declared(path)
        for name in parameters:
            if name not in known:
                raise RunError(
                    f"notebook {path.stem} declares no parameter {name!r}{did_you_mean(name, known)}; "
                    f"allowed: {', '.join(known) or 'none'}"
                )
        defaults = {name: _value(text) for name, text in known.items()}
        plans.append(Plan(path, parameters, defaults, where, input_hash(path, parameters, code)))
    return plans


def run(
    names: Sequence[str] = (),
    profile: str = "quick",
    given: dict[str, object] | None = None,
    device: str = "auto",
    seed: int = 0,
    force: bool = False,
    jobs: int = 1,
) -> list[str]:
    """Execute the notebooks that are not whole, `jobs` at once; returns the names of those that failed.

    Raises RunError before anything is executed if a name, profile or parameter is wrong, another run executes one of
    the notebooks for the same reports, or an output folder cannot be written.
    """
    if jobs < 1 or (jobs > 1 and not POSSIBLE):
        raise RunError(f"{jobs} notebooks at once; allowed: {'1 or more' if POSSIBLE else '1 on this system'}")
    code = code_hash()
    plans = plan(select(names), profile, given or {}, device, seed, code)
    reports = paths.reports_dir(profile)
    failed = []
    with _present(reports), _held(plans, reports):
        for item in plans:
            _clear_own(item, reports)
        for folder in (reports, paths.figures_dir()):
            _written_now(folder)
        print(said(str(plans[0].parameters["device"])), flush=True)
        todo = []
        for number, item in enumerate(plans, start=1):
            label = f"[{number}/{len(plans)}] {item.name}"
            if not force and is_whole(item, reports):
                print(f"{label}: unchanged, skipped", flush=True)
            else:
                todo.append((label, item, reports))
        jobs = min(jobs, max(1, len(todo)))
        if jobs > 1:  # what takes longest begins first, or one core waits for it at the end
            todo.sort(key=lambda job: LONGEST.index(job[1].name) if job[1].name in LONGEST else len(LONGEST))
        begins = _begins if jobs == 1 else _begins_among_others
        with closing(beside(_timed, todo, jobs, begins, _lost)) as ended:
            for (label, item, _), (problem, seconds) in ended:
                failed += [item.name] if problem else []
                begun = "" if jobs == 1 else f"{label} ... "
                print(begun + (f"FAILED: {problem}" if problem else f"{seconds:.1f} s"), flush=True)
                _summarize(reports, profile, code)
        _summarize(reports, profile, code)
    for name in sorted(failed):
        print(f"failed: {name}; the notebook with its traceback is {_shown(reports / f'{name}.failed.ipynb')}")
    return sorted(failed)


def _begins(job: tuple) -> None:
    print(f"{job[0]} ...", end=" ", flush=True)


def _begins_among_others(job: tuple) -> None:
    print(f"{job[0]} begins", flush=True)


def _timed(_: str, item: Plan, reports: Path) -> tuple[str | None, float]:
    """`execute`, and how many seconds it took."""
    started = time.monotonic()
    problem = execute(item, reports)
    return problem, time.monotonic() - started


def _lost(_: str, item: Plan, reports: Path) -> tuple[str, float]:
    """The same of a notebook whose process was killed: what it had is kept."""
    running = reports / f".running-{item.name}.ipynb"
    if running.exists():
        os.replace(running, reports / f"{item.name}.failed.ipynb")
    return "its process was killed, or out of memory", math.nan


def at_once(device: str) -> int:
    """How many notebooks a run executes beside each other by default: one a core, at most four; one on CUDA."""
    return 1 if choose_device(device)[0] == "cuda" or not POSSIBLE else min(4, cpu_count())


LEFT = (".*.tmp", ".writable*", ".running-*", "records/.*.tmp")  # by a run that was killed
LEFT_FIGURES = (".*.tmp", ".writable*", ".[0-9][0-9]_*")


@contextmanager
def _present(reports: Path) -> Iterator[None]:
    """Share the reports with other runs; what a killed one left is removed by a run that finds itself alone."""
    try:
        (reports / LOCKS).mkdir(parents=True, exist_ok=True)
        file = (reports / LOCKS / "runs").open("w")
    except OSError as problem:
        raise RunError(f"{reports}: cannot be written ({problem.strerror})") from None
    with file:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _clear(reports)
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _clear(reports: Path) -> None:
    """Remove what was being written when a run was killed."""
    for folder, patterns in ((reports, LEFT), (paths.figures_dir(), LEFT_FIGURES)):
        for stale in (path for pattern in patterns for path in folder.glob(pattern)):
            temporary_gone(stale)


def _clear_own(item: Plan, reports: Path) -> None:
    """The same for one notebook, whatever other runs there are."""
    half = [*reports.glob(f".running-{item.name}.*"), *reports.glob(f".{item.name}.*.tmp")]
    for stale in (*half, *paths.figures_dir().glob(f".{item.name[:3]}*")):
        temporary_gone(stale)


@contextmanager
def _held(plans: Sequence[Plan], reports: Path) -> Iterator[None]:
    """Hold the notebooks of a run, all or none."""
    with ExitStack() as held:
        for item in plans:
            try:
                held.enter_context(locked(reports / LOCKS / item.name, wait=False))
            except BlockingIOError:
                raise RunError(
                    f"another run is writing {_shown(reports)}/{item.name}; wait for it or use another profile"
                ) from None
        yield


def _written_now(folder: Path) -> float:
    """The time of a file written now: the clock that the folder's disk goes by, which on a shared disk is not ours.

    RunError where the folder cannot be written.
    """
    probe = folder / f".writable-{platform.node()}-{os.getpid()}"
    write_whole(probe, "", RunError)
    try:
        return probe.stat().st_mtime
    finally:
        temporary_gone(probe)


def is_whole(item: Plan, reports: Path) -> bool:
    """Whether the record of this notebook has the same inputs and all its outputs are as they were."""
    made = _record(reports / "records" / f"{item.name}.json")
    if made is None or made.get("input_hash") != item.input_hash:
        return False
    files = {paths.output_root() / name: digest for name, digest in made["outputs"].items()}
    return all(path.is_file() and sha256(path) == digest for path, digest in files.items())


def execute(item: Plan, reports: Path) -> str | None:
    """Execute one notebook and write its outputs, its record last; returns what went wrong, or None."""
    running, staged = reports / f".running-{item.name}.ipynb", reports / f".running-{item.name}.json"
    started, clock = _written_now(paths.figures_dir()), time.monotonic()
    record, kept = reports / "records" / f"{item.name}.json", reports / f"{item.name}.failed.ipynb"
    try:
        problem = _papermill(item, running, staged)
        record.unlink(missing_ok=True)
        if problem:
            if running.exists():
                os.replace(running, kept)
            staged.unlink(missing_ok=True)
            return problem
        kept.unlink(missing_ok=True)
        outputs = _collect(item, running, reports, started)
        made = {
            "input_hash": item.input_hash,
            "given": item.parameters,
            "parameters": item.declared | item.parameters,
            "device": dict(zip(("name", "why"), item.device, strict=True)),
            "seconds": round(time.monotonic() - clock, 1),
            "outputs": outputs,
            "metrics": read_json(staged) or {},
        }
        write_whole(record, as_json(stamped(made)), RunError)
        staged.unlink(missing_ok=True)
    except (OSError, RunError) as error:
        temporary_gone(running)
        temporary_gone(staged)
        print(flush=True)  # the error gets a line of its own
        reason = getattr(error, "strerror", None) or error
        raise RunError(f"{item.name}: {reason}; what was finished before is kept") from None
    return None


def _record(path: Path) -> dict | None:
    """What a notebook made; None without a record or where it is damaged (then the notebook is executed again)."""
    return unstamped(read_json(path))


def _papermill(item: Plan, running: Path, staged: Path) -> str | None:
    """Run the cells; the notebook goes to `running` cell by cell, its metrics to `staged`. What went wrong, or None.

    A kernel that does not come up is started again: of several that start at once two may be given the same port.
    """
    for _ in range(STARTS):
        try:
            return _cells(item, running, staged)
        except RuntimeError as problem:
            last = problem
    return f"{STARTS} kernels did not start: {last}"


def _cells(item: Plan, running: Path, staged: Path) -> str | None:
    """The same in one kernel; RuntimeError where it does not come up."""
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    os.environ[FILE_VARIABLE] = str(staged)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # on a busy machine two threads mostly wait
    try:
        papermill.execute_notebook(
            str(item.path),
            str(running),
            item.parameters,
            kernel_name=KERNEL,
            progress_bar=False,
            extra_arguments=QUIET,
            cwd=paths.notebooks_dir(),
        )
    except PapermillExecutionError as error:
        reason = str(error.evalue).splitlines()
        return f"{error.ename} in cell {error.exec_count}: {reason[0] if reason else ''}"
    except DeadKernelError:
        return "the kernel died (killed, or out of memory)"
    finally:
        os.environ.pop(FILE_VARIABLE, None)
    return None


def _collect(item: Plan, running: Path, reports: Path, started: float) -> dict[str, str]:
    """Put notebook and page in place; output -> sha256. Figures it no longer names go, those it did not draw stay."""
    from hmlm_lib.site.pictures import saved_names

    still(running)
    shown = reports / f"{item.name}.html"
    write_whole(shown, page(running), RunError)
    os.replace(running, reports / f"{item.name}.ipynb")
    named = saved_names(*read(item.path)["cells"])
    figures = sorted(paths.figures_dir().glob(f"{item.name[:3]}*"))
    drawn = [path for path in figures if path.stat().st_mtime >= started - 1]
    for stale in (path for path in figures if path not in drawn and path.stem not in named):
        stale.unlink()
    return {_shown(path): sha256(path) for path in (reports / f"{item.name}.ipynb", shown, *drawn)}


def _shown(path: Path) -> str:
    """A path as seen from the output folder, so that nothing of the machine enters a report."""
    return str(path.relative_to(paths.output_root()))


def _summarize(reports: Path, profile: str, code: str) -> None:
    """Rebuild metrics.json and manifest.json from the records; those of other code or other cells are left out."""
    with locked(reports / LOCKS / "summary"):
        _write_summary(reports, profile, code)


def _is_of(made: dict, path: Path, code: str) -> bool:
    """Whether a record was made by this code from the cells of today; a notebook that is damaged now has none."""
    with suppress(RunError):
        return made.get("input_hash") == input_hash(path, made.get("given"), code)
    return False


def _write_summary(reports: Path, profile: str, code: str) -> None:
    found = ((path.stem, _record(path)) for path in sorted((reports / "records").glob("*.json")))
    current = {path.stem: path for path in notebooks()}
    records = {
        name: made for name, made in found if made is not None and name in current and _is_of(made, current[name], code)
    }
    metrics = {key: value for made in records.values() for key, value in made.get("metrics", {}).items()}
    manifest = {
        "profile": profile,
        "git": environment.git(),
        "versions": environment.versions(),
        "machine": environment.machine(),
        "notebooks": {n: {k: v for k, v in made.items() if k != "metrics"} for n, made in records.items()},
    }
    write_whole(reports / "metrics.json", as_json(metrics), RunError)
    write_whole(reports / "manifest.json", as_json(manifest), RunError)
