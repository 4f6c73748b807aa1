"""Which copy of every notebook the site shows: the executed one, or the committed one with its stored outputs."""

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hmlm_lib.errors import RunError
from hmlm_lib.notebook import question, same_cells, title
from hmlm_lib.notebook_file import read
from hmlm_lib.run import notebooks


@dataclass(frozen=True)
class Study:
    """One notebook of the site: its content, what it asks, and where its outputs come from."""

    name: str
    title: str
    question: str
    notebook: dict
    origin: str

    @property
    def page(self) -> str:
        return f"{self.name}.html"

    @property
    def number(self) -> str:
        return self.name[:2]


def studies(folder: Path, executed: Path, say: Callable[[str], None]) -> list[Study]:
    """Every notebook of `folder`, as executed where that was done from the same cells; `say` gets a line where not."""
    return [_study(path, executed / path.name, say) for path in notebooks(folder)]


def _study(path: Path, executed: Path, say: Callable[[str], None]) -> Study:
    committed, done = _read(path), _executed(executed)
    fresh = done is not None and same_cells(done, committed)
    if not fresh:
        why = "has changed since it was executed" if done else "has not been executed"
        say(f"{path.stem} {why} with the profile {executed.parent.name}: its stored outputs are shown")
    notebook = copy.deepcopy(done if fresh else committed)
    origin = f"executed with the profile {executed.parent.name}" if fresh else "outputs as stored with the notebook"
    return Study(path.stem, title(committed), question(committed), notebook, origin)


def _read(path: Path) -> dict:
    notebook = read(path)
    if not title(notebook) or not question(notebook):
        raise RunError(
            f"{path.stem} lacks a title or a question; allowed: a line `# title` and one `**Question.** ...`"
        )
    return notebook


def _executed(path: Path) -> dict | None:
    """None where there is none or it is damaged: then it counts as not executed."""
    with suppress(RunError):
        return read(path)
    return None
