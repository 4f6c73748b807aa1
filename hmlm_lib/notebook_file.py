"""A notebook's file: read as a whole, or refused in one line that says what is wrong with it."""

import json
import re
from pathlib import Path

from hmlm_lib.errors import RunError

ALLOWED = "allowed: a notebook of format 4, as Jupyter saves it"
KEYS = ("cells", "metadata", "nbformat", "nbformat_minor")
_CONFLICT = re.compile(r"^(<{7}|\|{7}|={7}|>{7})( |$)", re.M)


def text_of(path: Path) -> str:
    """What a text file holds; RunError, naming it, where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RunError(f"{path}: not text; allowed: text in UTF-8") from None
    except OSError as problem:
        raise RunError(f"{path}: cannot be read ({problem.strerror}); allowed: a file of text") from None


def read(path: Path) -> dict:
    """The notebook in a file; RunError, naming it, where it cannot be read, is damaged or no notebook."""
    return parsed(text_of(path), path)


def parsed(text: str, path: Path) -> dict:
    """A notebook from its text; RunError, naming the file, where it is damaged or no notebook."""
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise RunError(f"{path}: {_damage(text, problem)}; {ALLOWED}") from None
    fault = _fault(notebook)
    if fault:
        raise RunError(f"{path}: {fault}; {ALLOWED}")
    return notebook


def declared(path: Path) -> dict[str, str]:
    """Parameter -> default (as text) of a notebook's `parameters` cell; RunError as `read`, or for another kernel."""
    import papermill
    from papermill.exceptions import PapermillException

    read(path)
    try:
        return {name: info["default"] for name, info in papermill.inspect_notebook(str(path)).items()}
    except (ValueError, PapermillException) as problem:
        raise RunError(f"{path}: no parameters can be read ({problem}); allowed: a kernel of Python") from None


def _damage(text: str, problem: Exception) -> str:
    """Why a text is no JSON."""
    if not text.strip():
        return "the file is empty"
    mark = _CONFLICT.search(text)
    if mark:
        return f"line {text.count(chr(10), 0, mark.start()) + 1} is a mark of a git conflict ({mark[1]})"
    return f"not JSON, or cut off ({problem})"


def _fault(notebook: object) -> str:
    """What a notebook lacks; "" for a good one. Ids of cells, which 4.5 asks for and nothing here needs, may lack."""
    from nbformat.validator import iter_validate

    lacking = [key for key in KEYS if key not in notebook] if isinstance(notebook, dict) else KEYS
    if lacking:
        return f"JSON, but no notebook: without {', '.join(lacking)}"
    minor = notebook["nbformat_minor"]
    as_said = minor if isinstance(minor, int) and 0 <= minor < 4 else 4
    try:
        error = next(iter_validate(notebook, version=4, version_minor=as_said, relax_add_props=True), None)
    except TypeError:  # nbformat stumbles over a cell_type that is no word
        return "the kind of a cell is not as the format asks"
    if error is None:
        return ""
    place, *rest = error.relative_path
    where = f"cell {rest[0] + 1}" if place == "cells" and rest else place
    return f"{where} is not as the format asks ({error.message[:80]})"
