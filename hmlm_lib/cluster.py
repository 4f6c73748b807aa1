"""A study as jobs: what `cluster.yaml` asks for, spelled out for the Snakefile.

A job is one notebook, or the rows of one model, setting and seed (with `together`, of all models of a setting and
seed: explanations of one trained model then train it once).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hmlm_lib.errors import RunError, pick
from hmlm_lib.files import as_json, read_json, write_whole
from hmlm_lib.profiles import get_profile
from hmlm_lib.run import notebooks, select

RESOURCES = {"mem_mb": 4000, "runtime": 120, "threads": 1, "gpu": 0}  # runtime in minutes


@dataclass(frozen=True)
class Job:
    """Rows of some models of one setting and seed.

    codes: hashes of the code the rows rest on; with another hash the job is done anew. resources: what a cluster gives.
    """

    setting: str
    seed: int
    models: tuple[str, ...]
    codes: tuple[str, ...]
    resources: Mapping[str, int]


@dataclass(frozen=True)
class Study:
    """One study of cluster.yaml.

    device: where notebooks train, and rows of a sweep that asks for a gpu; other rows train on the CPU. notebooks:
    `all` or a list. rows: the folder of the record, seen from the output folder; none: the project's own. effort:
    fraction of the training steps of every row. sweep: entries with settings, models, seeds, maybe together, and
    resources of their own. notebook: resources of a notebook's job.
    """

    profile: str = "quick"
    device: str = "auto"
    notebooks: str | list[str] = field(default_factory=list)
    rows: str | None = None
    effort: float = 1.0
    sweep: list[dict[str, Any]] = field(default_factory=list)
    notebook: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        get_profile(self.profile)

    def notebook_paths(self) -> list[Path]:
        """The notebooks of the study; RunError for one that is not there."""
        if self.notebooks == "all":
            return notebooks()
        return select(self.notebooks) if self.notebooks else []

    @property
    def notebook_resources(self) -> dict[str, int]:
        """What a notebook's job gets."""
        return _resources(self.notebook, "notebook")

    def jobs(self) -> dict[str, Job]:
        """Jobs by name, `setting/model-seed` or `setting/together-seed`, each once.

        RunError, or the benchmark's own errors, name what is wrong.
        """
        found: dict[str, Job] = {}
        for entry in self.sweep:
            for name, job in _jobs(entry, self.effort):
                found.setdefault(name, job)
        return found


def study(config: Mapping[str, Any]) -> Study:
    """The study that `study` names among `studies`; RunError for an unknown one or an unknown key."""
    wanted = pick(config["studies"], config["study"], "study", RunError)
    _known(wanted, [one.name for one in fields(Study)], f"study {config['study']!r}")
    return Study(**wanted)


def write_jobs(jobs: Mapping[str, Job], path: Path) -> None:
    """Write jobs to a file, so that a job on another machine need not spell the study out again."""
    write_whole(path, as_json({name: asdict(job) for name, job in jobs.items()}), RunError)


def read_jobs(path: Path) -> dict[str, Job]:
    """The jobs of a file; RunError where there is none."""
    found = read_json(path)
    if found is None:
        raise RunError(f"{path}: no jobs there; allowed: a file that Snakemake wrote when it was started")
    return {name: Job(**{key: _frozen(value) for key, value in job.items()}) for name, job in found.items()}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _jobs(entry: Mapping[str, Any], effort: float) -> Iterator[tuple[str, Job]]:
    from hmlm_lib.evaluation import benchmark  # seconds, which only the start of a study should take

    _known(entry, ["settings", "models", "seeds", "together", *RESOURCES], "a sweep")
    resources = _resources({key: value for key, value in entry.items() if key in RESOURCES}, "a sweep")
    settings = benchmark.settings() if entry.get("settings") == "all" else entry.get("settings", [])
    for setting in settings:
        benchmark.check_effort(setting, effort)
        models = tuple(dict.fromkeys(benchmark.models(setting, entry.get("models", ["all"]))))
        groups = {"together": models} if entry.get("together") else {model: (model,) for model in models}
        for seed in entry.get("seeds", [0]):
            for label, group in groups.items():
                codes = tuple(benchmark.code(setting, model, effort) for model in group)
                yield f"{setting}/{label}-{seed}", Job(setting, seed, group, codes, resources)


def _resources(given: Mapping[str, int], where: str) -> dict[str, int]:
    _known(given, list(RESOURCES), where)
    return RESOURCES | dict(given)


def _known(given: Mapping[str, Any], allowed: list[str], where: str) -> None:
    for key in given:
        pick(dict.fromkeys(allowed), key, "key", RunError, f"in {where}")
