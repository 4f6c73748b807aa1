"""A study as jobs: what `cluster.yaml` asks for, spelled out for the Snakefile.

A job is one notebook, or the rows of one model, setting and seed (with `together`, of all models of a setting and
seed: explanations of one trained model then train it once).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hmlm_lib.errors import RunError, pick
from hmlm_lib.evaluation import benchmark
from hmlm_lib.profiles import get_profile

RESOURCES = {"mem_mb": 4000, "runtime": 120, "threads": 1, "gpu": 0}  # runtime in minutes


@dataclass(frozen=True)
class Job:
    """Rows of some models of one setting and seed; label names the job's file, resources what a cluster gives it."""

    setting: str
    label: str
    seed: int
    models: tuple[str, ...]
    resources: Mapping[str, int]

    def codes(self, effort: float) -> list[str]:
        """Hashes of the code the rows rest on: another hash, another job."""
        return [benchmark.code(self.setting, model, effort) for model in self.models]


@dataclass(frozen=True)
class Study:
    """One study of cluster.yaml.

    notebooks: `all` or a list. rows: the folder of the record, seen from the output folder; none: the project's own.
    effort: fraction of the training steps of every row. sweep: entries with settings, models, seeds, maybe together,
    and resources of their own. notebook: resources of a notebook's job.
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

    @property
    def notebook_resources(self) -> dict[str, int]:
        """What a notebook's job gets."""
        return _resources(self.notebook, "notebook")

    def jobs(self) -> dict[tuple[str, str, int], Job]:
        """Jobs by setting, label and seed; RunError or the benchmark's own errors name what is wrong."""
        found: dict[tuple[str, str, int], Job] = {}
        for entry in self.sweep:
            for job in _jobs(entry):
                benchmark.check_effort(job.setting, self.effort)
                found.setdefault((job.setting, job.label, job.seed), job)
        return found


def study(config: Mapping[str, Any]) -> Study:
    """The study that `study` names among `studies`; RunError for an unknown one or an unknown key."""
    wanted = pick(config["studies"], config["study"], "study", RunError)
    _known(wanted, [one.name for one in fields(Study)], f"study {config['study']!r}")
    return Study(**wanted)


def _jobs(entry: Mapping[str, Any]) -> Iterator[Job]:
    _known(entry, ["settings", "models", "seeds", "together", *RESOURCES], "a sweep")
    given = {key: value for key, value in entry.items() if key in RESOURCES}
    settings = benchmark.settings() if entry.get("settings") == "all" else entry.get("settings", [])
    for setting in settings:
        models = tuple(dict.fromkeys(benchmark.models(setting, entry.get("models", ["all"]))))
        for seed in entry.get("seeds", [0]):
            groups = {"together": models} if entry.get("together") else {model: (model,) for model in models}
            for label, group in groups.items():
                yield Job(setting, label, seed, group, _resources(given, "a sweep"))


def _resources(given: Mapping[str, int], where: str) -> dict[str, int]:
    _known(given, list(RESOURCES), where)
    return RESOURCES | dict(given)


def _known(given: Mapping[str, Any], allowed: list[str], where: str) -> None:
    for key in given:
        pick(dict.fromkeys(allowed), key, "key", RunError, f"in {where}")
