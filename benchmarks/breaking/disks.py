"""Disks that are full or read-only, as small mounts of memory (needs root): what is said, what is left, what goes on.

Asked of every command: an exit status other than 0, our own error and no traceback, no file half-written, no temporary
file, everything finished before still there; and that the same command ends well once there is room.
"""

import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from breaking.damage import served
from breaking.kills import Study, small_notebooks
from breaking.outcome import Outcome, counted
from breaking.whole import half_written, temporary
from hmlm_lib import data
from hmlm_lib.chmr import checkpoint as chmr_checkpoint
from hmlm_lib.chmr import kept
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.composition import checkpoint as tiny_checkpoint
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.errors import HmlmError
from hmlm_lib.evaluation import rows
from hmlm_lib.files import sha256
from hmlm_lib.hmlm.checkpoint import save
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.paths import ROOT
from hmlm_lib.real import own
from hmlm_lib.training import Training, train

PAGE = 4096


@dataclass
class Disk:
    """A mount of memory at `place`."""

    place: Path

    def again(self, options: str) -> None:
        """Mount anew with other options: `size=16m`, `ro`, `rw`."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.place)], check=True)

    def fill(self) -> Path:
        """Fill what is free; the file to remove to make room."""
        filler = self.place / ".filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"0" * PAGE) == PAGE:
                    pass
            except OSError:
                pass
        return filler


@contextmanager
def disk(place: Path, size: int = 16 << 20) -> Iterator[Disk]:
    """A disk of `size` bytes, gone afterwards."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "faults", str(place)], check=True)
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@dataclass
class Tally:
    """said: kinds of what came out; wrong: what must not happen, named."""

    said: Counter = field(default_factory=Counter)
    wrong: Counter = field(default_factory=Counter)
    times: int = 0

    def outcome(self, fault: str) -> Outcome:
        wrong = self.wrong.total()
        return Outcome(fault, self.times, counted(self.said), f"{wrong} faults" + self._named(), wrong)

    def _named(self) -> str:
        return f" ({counted(self.wrong)})" if self.wrong.total() else ""

    def judge(self, code: int, out: str) -> None:
        """Exit status and output of a command."""
        self.times += 1
        errors = [line for line in out.splitlines() if line.startswith("error: ") or "FAILED: " in line]
        self.said[f"exit {code} with {'one error' if len(errors) == 1 else f'{len(errors)} errors'}"] += 1
        for problem, is_so in (
            ("exit status 0", code == 0),
            ("traceback", "Traceback" in out),
            ("not one clear error", len(errors) != 1),
        ):
            self.wrong[problem] += is_so
            if is_so:
                print(f"  {problem}: {out[-1500:]}", file=sys.stderr)

    def check(self, problem: str, is_so: object) -> None:
        """Count what must not be."""
        self.wrong[problem] += bool(is_so)
        if is_so:
            print(f"  {problem}: {is_so}", file=sys.stderr)


def runs(times: int, rng: random.Random) -> list[Outcome]:
    """`run` of two small notebooks, on disks too small by a random amount; and on one that is read-only."""
    full, locked = Tally(), Tally()
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        notebooks = small_notebooks(Path(name) / "notebooks")
        with disk(Path(name) / "whole") as one:
            reference = Study(one.place, (), notebooks)
            reference.complete()
            metrics, need = reference.metrics(), sum(p.stat().st_size for p in one.place.rglob("*") if p.is_file())
            one.again("ro")
            log = Path(name) / "said"
            locked.judge(*_said(reference, log, "--force"))
            one.again("rw")
            locked.check("files changed", half_written(one.place) or temporary(one.place))
            before = reference.finished()
            reference.complete()
            locked.check("done again", reference.redone(before))
        for k in range(times):
            with disk(Path(name) / f"disk{k}", rng.randrange(PAGE, int(0.97 * need))) as one:
                study = Study(one.place, (), notebooks)
                full.judge(*_said(study, Path(name) / "said"))
                left = half_written(one.place)
                full.check("half-written files", left)
                full.check("temporary files", temporary(one.place))
                before = study.finished()
                one.again("size=16m")
                study.complete()
                full.check("finished notebooks done again", study.redone(before))
                full.check("other numbers once there was room", study.metrics() != metrics)
                full.check("files left once there was room", half_written(one.place) or temporary(one.place))
    return [
        full.outcome("`run` of two notebooks on a disk too small by a random amount, then again with room"),
        locked.outcome("`run --force` on a read-only disk, then `run` on a writable one"),
    ]


def _said(study: Study, log: Path, *more: str) -> tuple[int, str]:
    """Exit status and words of a run; they are kept elsewhere, the disk is full."""
    environment = os.environ | {"HMLM_NOTEBOOKS_DIR": str(study.notebooks), "HMLM_OUTPUT_DIR": str(study.folder)}
    return command(["run", "--profile", "quick", *more], log, environment)


def command(words: list[str], log: Path, environment: dict[str, str], cwd: Path | None = None) -> tuple[int, str]:
    """Exit status and output of `python -m hmlm_lib ...`."""
    with log.open("w") as file:
        code = subprocess.run(
            [sys.executable, "-m", "hmlm_lib", *words], env=environment, stdout=file, stderr=subprocess.STDOUT, cwd=cwd
        ).returncode
    return code, log.read_text()


def benchmark_command() -> Outcome:
    """`benchmark` of a library that lies on the disk's side, full and read-only, then with room."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        root, log = Path(name) / "copy", Path(name) / "said"
        root.mkdir()
        subprocess.run(["cp", "-r", str(ROOT / "hmlm_lib"), str(root)], check=True)
        words = ["benchmark", "published_noise05", "--models", "persistence", "--seeds", "0"]
        environment = os.environ | {"PYTHONPATH": str(root)}
        with disk(root / "reports") as one:
            filler = one.fill()
            tally.judge(*command(words, log, environment, root))
            filler.unlink()
            one.again("ro")
            tally.judge(*command(words, log, environment, root))
            one.again("rw")
            code, out = command(words, log, environment, root)
            made = (one.place / "rows" / "published_noise05.jsonl").read_text().splitlines()
            tally.check("did not go on with room", out if code or len(made) != 1 else "")
    return tally.outcome("`benchmark` with a full, then a read-only folder of rows, then with room")


def appended(times: int, rng: random.Random) -> Outcome:
    """Rows onto a disk that fills up in the middle of one."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        for _ in range(times):
            with disk(Path(name) / "rows", 3 * PAGE) as one, patch.object(rows, "rows_dir", lambda: one.place):
                tally.times += 1
                wide = rng.randrange(5, 200)
                done = 0
                try:
                    while done < 10_000:
                        values = {"values": {"x": [0.5] * wide}, "code": "a"}
                        rows.add_row("toy", {"setting": "toy", "model": "toy", "seed": done, **values})
                        done += 1
                except HmlmError as problem:
                    tally.said[f"{type(problem).__name__} after some rows"] += 1
                tally.check("half-written rows", half_written(one.place))
                tally.check("rows lost", len(rows.read_rows("toy")) != done)
                one.again("size=1m")
                rows.add_row("toy", {"setting": "toy", "model": "toy", "seed": done, "code": "a", "values": {}})
                tally.check("did not go on with room", len(rows.read_rows("toy")) != done + 1)
    return tally.outcome("a disk that becomes full in the middle of a result row, then one row more with room")


def predictions() -> Outcome:
    """`predict` and `predict --template`, full and read-only, beside predictions of before."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        table, log = Path(name) / "blots.csv", Path(name) / "said"
        table.write_text(own.template())
        with disk(Path(name) / "out") as one:
            result = one.place / "predictions.csv"
            words = ["predict", str(table), "--models", "copy_uninhibited", "--out", str(result)]
            code, out = command(words, log, dict(os.environ))
            before = result.read_bytes() if code == 0 else None
            tally.check("predict does not work at all", "" if before else out)
            new = ["predict", str(one.place / "new.csv"), "--template"]
            filler = one.fill()
            for how in ("full", "ro"):
                for asked in (words, new):
                    tally.judge(*command(asked, log, dict(os.environ)))
                tally.check("predictions of before changed", result.read_bytes() != before)
                left = [x for x in temporary(one.place) if x != ".filler"]
                tally.check("files left", half_written(one.place) or left)
                if how == "full":
                    filler.unlink()
                    one.again("ro")
            one.again("rw")
            for asked in (words, new):
                code, out = command(asked, log, dict(os.environ))
                tally.check("did not go on with room", out if code else "")
    return tally.outcome("`predict` and `predict --template` on a full and on a read-only disk, then with room")


def checkpoints() -> Outcome:
    """Models saved, training cut off and features kept, full and read-only, with the file of before."""
    network = SignalingNetwork.from_rules("toy", ["=> A", "A => B", "A & !B => C"])
    hmlm, tally = HMLM.from_network(network, HMLMConfig()), Tally()
    chmr = CHMR({"bits": 20, "shape": 4}, CHMRConfig(width=8))
    tiny = TinyLM.from_seed(0, TinyConfig(width=8, depth=1, heads=2, inner=8))

    def fit(path: Path) -> None:
        model = torch.nn.Linear(4, 4)
        step = {"steps": 2, "checkpoint": path, "checkpoint_every": 1}
        train(model, lambda generator: model(torch.randn(4, 4, generator=generator)).square().mean(), Training(**step))

    def keep(path: Path) -> None:
        with patch.dict("os.environ", {"HMLM_CACHE_DIR": str(path.parent)}):
            kept.kept(path.stem, ["C", "CC"], lambda new: np.ones((len(new), 2)))

    writers: dict[str, Callable[[Path], object]] = {
        "hmlm": lambda p: save(hmlm, p), "chmr": lambda p: chmr_checkpoint.save(chmr, p),
        "tiny": lambda p: tiny_checkpoint.save(tiny, p), "training": fit, "features": keep,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        for what, write in writers.items():
            with disk(Path(name) / what) as one:
                old, new = one.place / "old.safetensors", one.place / "new.safetensors"
                if what not in ("training", "features"):
                    write(old)
                before = _files(one.place)
                filler = one.fill()
                for how in ("full", "ro"):
                    for path in (old, new):
                        _refused(tally, write, path)
                    now = _files(one.place)
                    tally.check("files changed or left", [str(p) for p in now | before if now.get(p) != before.get(p)])
                    if how == "full":
                        filler.unlink()
                        one.again("ro")
                one.again("rw")
                write(new)
                tally.check("did not go on with room", not any(one.place.rglob("new*")) and what != "features")
    return tally.outcome(
        "checkpoints of three models, of a training, and kept features: full and read-only, then with room"
    )


def _files(place: Path) -> dict[Path, bytes]:
    """Contents by file, without what fills the disk and the empty file that a lock is."""
    files = (path for path in place.rglob("*") if path.is_file() and path.name not in (".filler", ".lock"))
    return {path: path.read_bytes() for path in files}


def _refused(tally: Tally, write: Callable[[Path], object], path: Path) -> None:
    tally.times += 1
    try:
        write(path)
        tally.wrong["written on a full or read-only disk"] += 1
    except HmlmError as problem:
        tally.said[type(problem).__name__] += 1
    except Exception as problem:  # every one of these is a fault of ours
        tally.wrong[type(problem).__name__] += 1
        print(f"  {path.name}: {type(problem).__name__}: {problem}", file=sys.stderr)


def fetches() -> Outcome:
    """`fetch` into a full and into a read-only cache, then with room."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="faults-") as name, disk(Path(name) / "cache") as one:
        origin = Path(name) / "served" / "who" / "what" / "abc" / "toy.csv"
        origin.parent.mkdir(parents=True)
        origin.write_bytes(b"1,2\n" * 40_000)
        toy = data.Source("toy", "sub/toy.csv", "who/what", "abc", "toy.csv", sha256(origin), "", "")
        place = {"HMLM_CACHE_DIR": str(one.place), "HMLM_DATA_DIR": ""}
        with (
            served(Path(name) / "served") as address,
            patch.object(data, "_sources", lambda: {"toy": toy}),
            patch.dict("os.environ", place | {"HMLM_DATA_URL": address}),
        ):
            filler = one.fill()
            for how in ("full", "ro"):
                _refused(tally, lambda _: data.fetch("toy"), origin)
                left = [p.name for p in one.place.rglob("*") if p.is_file() and p.name != ".filler"]
                tally.check("files left", left)
                if how == "full":
                    filler.unlink()
                    one.again("ro")
            one.again("rw")
            tally.check("did not go on with room", data.fetch("toy").read_bytes() != origin.read_bytes())
    return tally.outcome("`fetch` into a full, then a read-only cache, then with room")


def disks(scale: float, seed: int) -> list[Outcome]:
    """Rows of the table; scale: fraction of 20 runs and of 100 rows."""
    if os.geteuid():
        raise SystemExit("disks: needs root, to mount small disks of memory")
    rng = random.Random(seed)
    found = runs(max(1, round(20 * scale)), rng)
    rest = (benchmark_command(), appended(max(1, round(100 * scale)), rng), predictions(), checkpoints(), fetches())
    return [*found, *rest]
