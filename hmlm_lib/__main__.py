"""`python -m hmlm_lib`: run, list, site, refresh, fetch, benchmark, merge, tune, results, predict, badges."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hmlm_lib.errors import DataUnavailable, HmlmError, RunError
from hmlm_lib.seeds import check_seed


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 a notebook failed, 2 a mistake in what was asked, 130 interrupted, 141 nobody reads on."""
    arguments = _parser().parse_args(argv)
    try:
        _check_seeds(arguments)
        status = arguments.command(arguments)
        sys.stdout.flush()
        return status
    except HmlmError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; what is finished is kept, the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains once more at its end
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hmlm_lib", description="Run the HMLM study.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="execute notebooks headless; skips those that are unchanged")
    run.add_argument("names", nargs="*", metavar="NAME", help="01, network or 01_network; all by default")
    run.add_argument("--profile", default="quick", help="quick, record or full")
    run.add_argument("--device", default="auto", help="auto, cpu or cuda")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("-p", "--parameter", action="append", default=[], metavar="KEY=VALUE")
    run.add_argument("--force", action="store_true", help="execute unchanged notebooks too")
    run.add_argument("--jobs", type=int, help="notebooks at once; default: one a core, at most 4, and 1 on CUDA")
    run.set_defaults(command=_run)
    listing = commands.add_parser("list", help="notebooks, their questions and parameters")
    listing.set_defaults(command=_list)
    site = commands.add_parser("site", help="the study as web pages that need no network: reports/site/index.html")
    site.add_argument("--profile", default="quick", help="whose executed notebooks: quick, record or full")
    site.set_defaults(command=_site)
    refresh = commands.add_parser("refresh", help="copy quick-profile outputs into notebooks/")
    refresh.add_argument("names", nargs="*", metavar="NAME")
    refresh.set_defaults(command=_refresh)
    fetch = commands.add_parser("fetch", help="download data sets, checked by sha256")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="without names: list them, and download nothing")
    fetch.add_argument("--all", action="store_true", help="every data set that has a public address")
    fetch.set_defaults(command=_fetch)
    _parse_record(commands)
    own = commands.add_parser("predict", help="your own blots: predict what a MIDAS or tidy table leaves empty")
    own.add_argument("table", help="CSV; a name that does not exist yet with --template")
    own.add_argument("--network", metavar="SIF", help="prior network; without it edges are proposed alone")
    own.add_argument("--models", nargs="+", default=["hmlm", "gp_alike", "ridge", "copy_uninhibited"])
    own.add_argument("--out", default="predictions.csv")
    own.add_argument("--hours", action="store_true", help="times are hours; default: minutes")
    own.add_argument("--seed", type=int, default=0)
    own.add_argument("--template", action="store_true", help="write a tidy table to start from, and stop")
    own.set_defaults(command=_predict)
    badges = commands.add_parser("badges", help="Colab and Binder badges of your fork, in README and notebooks")
    badges.add_argument(
        "--repository", metavar="URL", help="https://github.com/OWNER/NAME; default: that of CITATION.cff"
    )
    badges.add_argument("--branch", default="main")
    badges.set_defaults(command=_badges)
    return parser


def _parse_record(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """benchmark, merge, tune, results: what makes rows, and what is made of them."""
    record = commands.add_parser("benchmark", help="run models on settings; one resumable row a run, in reports/rows/")
    record.add_argument("settings", nargs="+", metavar="SETTING", help="k8, k4, newcell_k8, ...; `all`")
    record.add_argument(
        "--models", nargs="+", default=["all"], help="names, or `all` (main ones), `ablations`, `chosen`, `fine`"
    )
    record.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    record.add_argument("--effort", type=float, default=1.0, help="fraction of the training steps: a trial below 1")
    record.add_argument("--into", type=Path, metavar="FILE", help="a job's own file of rows, for `merge`")
    record.add_argument("--device", default="cpu", help="where HMLM, CHMR and compositions train: cpu, cuda or auto")
    record.set_defaults(command=_benchmark)
    merging = commands.add_parser("merge", help="bring rows of many jobs into reports/rows/, each once")
    merging.add_argument("places", nargs="+", type=Path, metavar="FILE|FOLDER")
    merging.add_argument("--effort", type=float, default=1.0, help="effort of the rows that count")
    merging.set_defaults(command=_merge)
    tune = commands.add_parser("tune", help="choose settings of the baselines on a world that is not reported")
    tune.add_argument("models", nargs="*", metavar="MODEL")
    tune.set_defaults(command=_tune)
    results = commands.add_parser(
        "results", help="write the tables of README, reports/findings.md and results.md from the rows"
    )
    results.set_defaults(command=_results)


def _check_seeds(arguments: argparse.Namespace) -> None:
    """RunError for a seed that some generator of the study refuses, before anything runs."""
    given = vars(arguments)
    for seed in [*given.get("seeds", ()), given.get("seed", 0)]:
        check_seed(seed, RunError)


def _run(arguments: argparse.Namespace) -> int:
    from hmlm_lib.run import at_once, run

    given = dict(map(_parameter, arguments.parameter))
    asked = str(given.get("device", arguments.device))
    jobs = at_once(asked) if arguments.jobs is None else arguments.jobs
    failed = run(arguments.names, arguments.profile, given, arguments.device, arguments.seed, arguments.force, jobs)
    return 1 if failed else 0


def _parameter(text: str) -> tuple[str, object]:
    """`key=value` with a YAML scalar or list as value: 3, 0.5, true, [1, 2], some text."""
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise RunError(f"parameter {text!r}; allowed: -p key=value")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError:
        raise RunError(
            f"parameter {text!r}: the value cannot be read; allowed: a number, true, text, [a, list]"
        ) from None


def _list(arguments: argparse.Namespace) -> int:
    from hmlm_lib.notebook import question, title
    from hmlm_lib.notebook_file import declared, read
    from hmlm_lib.run import notebooks

    for name, notebook, parameters in [(path.stem, read(path), declared(path)) for path in notebooks()]:
        print(f"{name}: {title(notebook)}")
        print(f"    {question(notebook)}")
        print(f"    parameters: {', '.join(f'{k}={v}' for k, v in parameters.items())}")
    return 0


def _site(arguments: argparse.Namespace) -> int:
    from hmlm_lib.site import build, inputs

    print(f"{build(inputs(arguments.profile))}: written")
    return 0


def _refresh(arguments: argparse.Namespace) -> int:
    from hmlm_lib.refresh import refresh

    for path in refresh(arguments.names):
        print(f"{path.stem}: outputs refreshed")
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from hmlm_lib import data

    if arguments.all:
        if arguments.names:
            raise RunError("names beside --all; allowed: either")
        return _fetch_all()
    for name in arguments.names:
        print(f"{name}: {data.fetch(name)}")
    if not arguments.names:
        for name in data.names():
            print(f"{name:45} {data.state(name)}")
        print("nothing downloaded; name one or more, or `fetch --all`")
    return 0


def _fetch_all() -> int:
    from hmlm_lib import data

    wanted, failed = data.public(), []
    for name in wanted:
        try:
            _say(f"{name}: {data.fetch(name)}")
        except DataUnavailable as problem:
            failed.append(name)
            _say(str(problem))
    if failed:
        raise DataUnavailable(f"{len(failed)} of {len(wanted)} data sets are not here; the same command tries again")
    return 0


def _benchmark(arguments: argparse.Namespace) -> int:
    from hmlm_lib.device import said, use
    from hmlm_lib.evaluation import benchmark

    use(arguments.device)
    _say(said(arguments.device))
    settings = benchmark.settings() if arguments.settings == ["all"] else arguments.settings
    benchmark.run(settings, arguments.models, arguments.seeds, _say, arguments.effort, arguments.into)
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    from hmlm_lib.evaluation.merge import merge

    print(f"{merge(arguments.places, _say, arguments.effort)} rows added")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _tune(arguments: argparse.Namespace) -> int:
    from hmlm_lib.evaluation.tuning import CANDIDATES, tune

    tune(arguments.models or list(CANDIDATES), _say)
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    import pandas as pd

    from hmlm_lib.errors import TableError
    from hmlm_lib.files import write_whole
    from hmlm_lib.network.sif import read_sif
    from hmlm_lib.real import own

    path, out = Path(arguments.table), Path(arguments.out)
    if arguments.template:
        if path.exists():
            raise TableError(f"{path}: there is a file already; allowed: a new name")
        write_whole(path, own.template(), TableError)
        print(f"{path}: a tidy table; leave empty what you want to know")
        return 0
    _check_out(out, path, *([Path(arguments.network)] if arguments.network else []))
    courses = own.read(path, arguments.hours)
    network = read_sif(arguments.network) if arguments.network else None
    for line in own.described(courses, network, arguments.models):
        print(line)
    found = own.compare(courses, arguments.models, network, arguments.seed)
    for one in found:
        print(f"{one.model:18s} RMSE {one.error:.3f} log2 units on conditions left out of its training")
    table = pd.concat([own.as_table(courses, one) for one in found])
    write_whole(out, table.to_csv(index=False, float_format="%.5g"), TableError)
    print(f"{out}: {len(table)} rows, 90 % intervals; the first model foretold best")
    return 0


def _check_out(out: Path, *inputs: Path) -> None:
    """TableError for a result that is a folder, or one of the files that are read, or cannot be written."""
    from hmlm_lib.errors import TableError
    from hmlm_lib.files import check_writable

    check_writable(out, TableError)
    if out.is_dir():
        raise TableError(f"--out {out} is a folder; allowed: the name of a file")
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise TableError(f"--out {out} is {path}, which is read; allowed: another name")


def _results(arguments: argparse.Namespace) -> int:
    from hmlm_lib.evaluation.readme import write

    for name in write():
        print(f"{name}: written")
    return 0


def _badges(arguments: argparse.Namespace) -> int:
    from hmlm_lib import badges

    for name in badges.write(arguments.repository, arguments.branch):
        print(f"{name}: written")
    if not badges.address():
        print("no address known, so no badges; allowed: --repository https://github.com/OWNER/NAME")
    return 0


if __name__ == "__main__":
    sys.exit(main())
