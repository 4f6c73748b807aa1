"""Bring the outputs of the executed quick-profile notebooks into notebooks/, without what changes from run to run."""

import json
from collections.abc import Sequence
from pathlib import Path

from hmlm_lib import paths
from hmlm_lib.errors import RunError
from hmlm_lib.files import write_whole
from hmlm_lib.notebook import own_cells, same_cells
from hmlm_lib.notebook_file import read
from hmlm_lib.run import KERNEL, select

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": KERNEL},
    "language_info": {"name": "python"},
}


def refresh(names: Sequence[str] = ()) -> list[Path]:
    """Give the committed notebooks the outputs of reports/quick.

    RunError, before anything is written, if one is damaged, was not executed, or from other cells.
    """
    changed = {}
    for path in select(names):
        executed = paths.reports_dir("quick") / path.name
        if not executed.is_file():
            raise RunError(f"{path.stem} has not been executed; first: python -m hmlm_lib run {path.stem[:2]}")
        source, done = read(path), _whole(read(executed))
        if not same_cells(done, source):
            raise RunError(
                f"{path.stem} has changed since it was executed; first: python -m hmlm_lib run {path.stem[:2]}"
            )
        notebook = source | {"cells": [_quiet(cell) for cell in own_cells(done)], "metadata": METADATA}
        changed[path] = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    for path, text in changed.items():
        write_whole(path, text, RunError)
    return list(changed)


def _quiet(cell: dict) -> dict:
    """A cell without timestamps and papermill's notes; tags, and what is folded, stay."""
    kept = {key: cell["metadata"][key] for key in ("jupyter", "tags") if cell["metadata"].get(key)}
    quiet = cell | {"metadata": kept}
    for output in quiet.get("outputs", []):
        output.pop("metadata", None) if output["output_type"] == "stream" else output.update(metadata={})
    return quiet


def _whole(notebook: dict) -> dict:
    """A notebook in which each cell printed in one piece, however many its kernel happened to send."""
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor
    from nbformat import from_dict
    from nbformat.v4.rwbase import rejoin_lines, split_lines

    joined, _ = CoalesceStreamsPreprocessor(enabled=True).preprocess(rejoin_lines(from_dict(notebook)), {})
    return split_lines(joined)
