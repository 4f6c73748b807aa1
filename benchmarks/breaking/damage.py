"""Bits that flip and files that end too early: everything kept on disk is damaged, then used.

What may come out is an error of ours that names the file, or the right answer, made anew where it must be. Another
answer without a word is `silent`: the count that should be 0.
"""

import functools
import http.server
import random
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from breaking.kills import Study, small_notebooks
from breaking.outcome import Outcome, counted
from breaking.whole import half_written
from hmlm_lib import data, inputs, run
from hmlm_lib.chmr import checkpoint as chmr_checkpoint
from hmlm_lib.chmr import kept
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.composition import checkpoint as tiny_checkpoint
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.errors import HmlmError
from hmlm_lib.evaluation import rows
from hmlm_lib.files import sha256
from hmlm_lib.hmlm.checkpoint import load, save
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network import SignalingNetwork
from hmlm_lib.training import Training, train


def broken(rng: random.Random, content: bytes) -> bytes:
    """One to three bits flipped, or the end cut off."""
    if rng.random() < 0.5:
        return content[: rng.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 4)):
        changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(changed)


@dataclass
class Verdicts:
    """named: errors of ours that name the file; unnamed: that do not; right: the right answer all the same."""

    counts: Counter = field(default_factory=Counter)
    foreign: Counter = field(default_factory=Counter)
    silent: int = 0
    left: int = 0

    def outcome(self, fault: str, times: int) -> Outcome:
        lost = f"{self.silent} silently wrong, {self.foreign.total()} foreign exceptions"
        lost += f" ({counted(self.foreign)})" if self.foreign else ""
        lost += f", {self.left} files left over" if self.left else ""
        return Outcome(fault, times, counted(self.counts), lost, self.silent + self.foreign.total() + self.left)


def judge(verdicts: Verdicts, use: Callable[[], object], right: Callable[[object], bool], name: str) -> None:
    """Use what was damaged; name: of the file, which an error must say."""
    try:
        answer = use()
    except HmlmError as problem:
        verdicts.counts[f"{type(problem).__name__} {'naming' if name in str(problem) else 'not naming'} the file"] += 1
        return
    except Exception as problem:  # every one of these is a fault of ours
        verdicts.foreign[type(problem).__name__] += 1
        print(f"  {name}: {type(problem).__name__}: {str(problem)[:200]}", file=sys.stderr)
        return
    if right(answer):
        verdicts.counts["right answer"] += 1
    else:
        verdicts.silent += 1


def in_turn(
    times: int, rng: random.Random, path: Path, use: Callable[[], object], right: Callable[[object], bool]
) -> Verdicts:
    """Damage a file again and again, each time from the whole one."""
    whole, verdicts = path.read_bytes(), Verdicts()
    for _ in range(times):
        content = broken(rng, whole)
        if content != whole:
            path.write_bytes(content)
            judge(verdicts, use, right, path.name)
    path.write_bytes(whole)
    return verdicts


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of a reader that went away."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder on a local address."""
    server = _Server(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def downloads(times: int, rng: random.Random) -> list[Outcome]:
    """A data set in the cache, in the user's folder, and on a server that sends the wrong bytes."""
    content = rng.randbytes(5000)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        place = Path(name)
        origin = place / "served" / "who" / "what" / "abc" / "toy.csv"
        for folder in (origin.parent, place / "cache", place / "own"):
            folder.mkdir(parents=True)
        origin.write_bytes(content)
        toy = data.Source("toy", "toy.csv", "who/what", "abc", "toy.csv", sha256(origin), "", "")
        with served(place / "served") as address, patch.object(data, "_sources", lambda: {"toy": toy}):
            environment = {"HMLM_CACHE_DIR": str(place / "cache"), "HMLM_DATA_URL": address, "HMLM_DATA_DIR": ""}
            with patch.dict("os.environ", environment):
                cached = data.fetch("toy")
                by_cache = in_turn(times, rng, cached, lambda: data.fetch("toy"), lambda _: False)
                cached.unlink()
                sent = Verdicts()
                for _ in range(times):
                    origin.write_bytes(broken(rng, content))
                    judge(sent, lambda: data.fetch("toy"), lambda _: False, "toy.csv")
                    sent.left += len(list((place / "cache").iterdir()))
                origin.write_bytes(content)
                sent.silent += data.fetch("toy").read_bytes() != content  # it goes on as soon as the server is right
            own = place / "own" / "toy.csv"
            own.write_bytes(content)
            with patch.dict("os.environ", environment | {"HMLM_DATA_DIR": str(place / "own")}):
                by_folder = in_turn(times, rng, own, lambda: data.fetch("toy"), lambda _: False)
    return [
        by_cache.outcome("damaged data set in the cache, `fetch`", times),
        by_folder.outcome("damaged data set in HMLM_DATA_DIR, `fetch`", times),
        sent.outcome("a download that sends damaged bytes, `fetch`", times),
    ]


def _same(model: torch.nn.Module) -> Callable[[torch.nn.Module], bool]:
    own = model.state_dict()

    def right(other: torch.nn.Module) -> bool:
        theirs = other.state_dict()
        alike = set(own) == set(theirs) and all(torch.equal(own[name], theirs[name]) for name in own)
        return (
            alike and other.config == model.config and getattr(other, "horizon_h", 0) == getattr(model, "horizon_h", 0)
        )

    return right


def models(times: int, rng: random.Random) -> list[Outcome]:
    """Saved models, the shipped one and its record, and the checkpoint of a training that was cut off."""
    network = SignalingNetwork.from_rules("toy", ["=> A", "A => B", "A & !B => C"])
    hmlm = HMLM.from_network(network, HMLMConfig())
    chmr = CHMR({"bits": 20, "shape": 4}, CHMRConfig(width=8))
    tiny = TinyLM.from_seed(0, TinyConfig(width=8, depth=1, heads=2, inner=8))
    found = []
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        place = Path(name)
        save(hmlm, place / "hmlm.safetensors")
        chmr_checkpoint.save(chmr, place / "chmr.safetensors")
        tiny_checkpoint.save(tiny, place / "tiny.safetensors")
        loaded = load(place / "hmlm.safetensors", network)
        for what, file, use, model in (
            ("HMLM", "hmlm", lambda p: load(p, network), loaded),
            ("CHMR", "chmr", chmr_checkpoint.load, chmr_checkpoint.load(place / "chmr.safetensors")),
            ("a small language model", "tiny", tiny_checkpoint.load, tiny),
        ):
            path = place / f"{file}.safetensors"
            verdicts = in_turn(times, rng, path, functools.partial(use, path), _same(model))
            found.append(verdicts.outcome(f"damaged checkpoint of {what}", times))
        found += [*_shipped(times, rng, place / "shipped"), _training(times, rng, place / "half.safetensors")]
    return found


def _shipped(times: int, rng: random.Random, place: Path) -> list[Outcome]:
    whole = tiny_checkpoint.shipped("planted")
    (place / "planted").mkdir(parents=True)
    for path in tiny_checkpoint.place("planted"):
        (place / "planted" / path.name).write_bytes(path.read_bytes())
    found = []
    with patch.object(tiny_checkpoint, "FOLDER", place):
        for what, path in zip(
            ("shipped model", "sha256 of a shipped model"), tiny_checkpoint.place("planted"), strict=True
        ):
            use = functools.partial(tiny_checkpoint.shipped, "planted")
            found.append(in_turn(times, rng, path, use, _same(whole)).outcome(f"damaged {what}", times))
    return found


def _training(times: int, rng: random.Random, path: Path) -> Outcome:
    config = Training(steps=4, checkpoint=path, checkpoint_every=2)

    def go_on(config: Training = config) -> torch.nn.Module:
        torch.manual_seed(0)
        model = torch.nn.Linear(16, 16)
        train(model, lambda generator: model(torch.randn(8, 16, generator=generator)).square().mean(), config)
        return model

    whole = go_on(replace(config, checkpoint=None)).state_dict()
    stopped = patch("hmlm_lib.training.math.isfinite", side_effect=[True] * 4 + [KeyboardInterrupt()])
    with stopped, suppress(KeyboardInterrupt):
        go_on()

    def right(model: torch.nn.Module) -> bool:
        return all(torch.equal(value, whole[name]) for name, value in model.state_dict().items())

    if not right(_kept(path, go_on)):
        raise RuntimeError("an undamaged checkpoint does not go on as it should")
    return in_turn(times, rng, path, lambda: _kept(path, go_on), right).outcome(
        "damaged checkpoint of a training that was cut off", times
    )


def _kept(path: Path, go_on: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    """Go on from the file, then put it back: training overwrites it."""
    content = path.read_bytes()
    try:
        return go_on()
    finally:
        path.write_bytes(content)


def features(times: int, rng: random.Random) -> list[Outcome]:
    """Kept features of molecules: the array, and the list of its molecules."""
    names = [f"C{'C' * k}O" for k in range(40)]

    def compute(new: list[str]) -> np.ndarray:
        return np.array([[len(one), hash(one) % 997] for one in new], dtype=float)

    right = compute(names)
    found = []
    with tempfile.TemporaryDirectory(prefix="faults-") as name, patch.dict("os.environ", {"HMLM_CACHE_DIR": name}):
        for suffix in (".npy", ".txt"):
            verdicts = Verdicts()
            for _ in range(times):
                for path in Path(name).rglob("*.*"):
                    path.unlink() if path.is_file() else None
                kept.kept("toy", names, compute)
                (path,) = Path(name).rglob(f"*{suffix}")
                path.write_bytes(broken(rng, path.read_bytes()))
                judge(verdicts, lambda: kept.kept("toy", names, compute), lambda a: np.array_equal(a, right), path.name)
            what = {".npy": "array of kept features", ".txt": "list of molecules with kept features"}[suffix]
            found.append(verdicts.outcome(f"damaged {what}", times))
    return found


def lines(times: int, rng: random.Random) -> list[Outcome]:
    """Result rows; then one more row is added."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name, patch.object(rows, "rows_dir", lambda: Path(name)):
        path = Path(name) / "toy.jsonl"
        values = {"A/mse_all": 1.25e-05, "B/by_condition": [0.5, 1e-300], "seconds": 3.0}
        made = [{"setting": "toy", "model": "hmlm", "seed": k, "code": "ab" * 8, "values": values} for k in range(5)]
        for row in made[:4]:
            rows.add_row("toy", row)
        whole, verdicts, kept_rows, gone = path.read_bytes(), Verdicts(), 0, 0
        for _ in range(times):
            path.write_bytes(broken(rng, whole))
            rows.add_row("toy", made[4])
            read: list = []
            judge(verdicts, lambda read=read: read.extend(rows.read_rows("toy")) or read, _all_of(made), path.name)
            gone += made[4] not in read
            kept_rows += sum(row in made for row in read)
        verdicts.counts[f"of {5 * times} rows read"] = kept_rows
        verdicts.counts["of the added rows lost"] = gone
        return [verdicts.outcome("damaged file of result rows, then one row more", times)]


def _all_of(made: list[dict]) -> Callable[[list], bool]:
    return lambda read: all(row in made for row in read)


def reports(times: int, rng: random.Random) -> list[Outcome]:
    """What the runner keeps: records, metrics.json, manifest.json, notebooks, pages, figures; then the same run again.

    Where nothing must be executed again the run itself is not repeated, only its decision and its summary.
    """
    found = []
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        place = Path(name) / "study"
        place.mkdir()
        study = Study(place, (), small_notebooks(Path(name) / "notebooks"))
        study.complete()
        environment = {"HMLM_OUTPUT_DIR": str(place), "HMLM_NOTEBOOKS_DIR": str(study.notebooks)}
        with patch.dict("os.environ", environment):
            code = inputs.code_hash()
            items = run.plan(run.notebooks(), "quick", {}, "auto", 0, code)
            if not all(run.is_whole(item, study.reports) for item in items):
                raise RuntimeError("an undamaged run is not whole")
            whole = study.metrics()
            for file in ("metrics.json", "manifest.json"):
                again = functools.partial(run._summarize, study.reports, "quick", code)
                right = lambda _: study.metrics() == whole and not half_written(study.reports)  # noqa: E731
                verdicts = in_turn(times, rng, study.reports / file, again, right)
                found.append(verdicts.outcome(f"damaged {file}, then the run again", times))
            for what, path in (
                ("record of a notebook", study.reports / "records" / "01_one.json"),
                ("executed notebook", study.reports / "01_one.ipynb"),
                ("page", study.reports / "01_one.html"),
                ("figure", place / "figures" / "01_one_0.png"),
            ):
                verdicts = in_turn(times, rng, path, lambda: run.is_whole(items[0], study.reports), lambda yes: not yes)
                verdicts.counts = Counter({"seen, executed again": verdicts.counts["right answer"]})
                found.append(verdicts.outcome(f"damaged {what}, then the run again", times))
    return found


def damage(scale: float, seed: int) -> list[Outcome]:
    """Rows of the table; scale: fraction of 300 times each."""
    rng, times = random.Random(seed), max(1, round(300 * scale))
    return [one for part in (downloads, models, features, lines, reports) for one in part(times, rng)]
