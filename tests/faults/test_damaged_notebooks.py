"""A notebook that is damaged: every command says in one line which and how, and writes nothing."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hmlm_lib.__main__ import main
from hmlm_lib.errors import RunError
from hmlm_lib.notebook_file import declared, read

BASE = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5}
CODE = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": ""}
STREAM = {"output_type": "stream", "name": "stdout", "text": 3}
DAMAGED = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n", "the file is empty"),
    "conflict": (b'{\n<<<<<<< HEAD\n "a": 1\n=======\n', "line 2 is a mark of a git conflict (<<<<<<<)"),
    "cut": (b'{"cells": [{"cell_', "not JSON, or cut off (Unterminated string starting at: line 1"),
    "words": (b"no notebook", "not JSON, or cut off (Expecting value: line 1"),
    "deep": (b"[" * 100_000, "not JSON, or cut off ("),
    "bytes": (b"\xff\xfe{}", "not text; allowed: text in UTF-8"),
    "list": (b"[1]", "JSON, but no notebook: without cells, metadata, nbformat, nbformat_minor"),
    "null": (b"null", "JSON, but no notebook: without cells"),
    "no cells": (json.dumps(BASE).encode(), "JSON, but no notebook: without cells;"),
    "bare": (b'{"cells": []}', "JSON, but no notebook: without metadata, nbformat, nbformat_minor"),
    "cells": (json.dumps(BASE | {"cells": 1}).encode(), "cells is not as the format asks"),
    "old": (json.dumps(BASE | {"cells": [], "nbformat": 3}).encode(), "nbformat is not as the format asks"),
    "number": (json.dumps(BASE | {"cells": [CODE, 1]}).encode(), "cell 2 is not as the format asks"),
    "kind": (json.dumps(BASE | {"cells": [CODE | {"cell_type": "x"}]}).encode(), "cell 1 is not as the format asks"),
    "no kind": (json.dumps(BASE | {"cells": [CODE | {"cell_type": 1}]}).encode(), "the kind of a cell is not as the"),
    "source": (json.dumps(BASE | {"cells": [CODE | {"source": 3}]}).encode(), "cell 1 is not as the format asks"),
    "output": (json.dumps(BASE | {"cells": [CODE | {"outputs": [STREAM]}]}).encode(), "cell 1 is not as the format"),
}


def good(path, parameters="profile = 'quick'\nseed = 0\ndevice = 'cpu'"):
    cells = [new_markdown_cell(f"# {path.stem}\n\n**Question.** Why?"), new_code_cell(parameters)]
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    return path


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Two good notebooks, both executed as they are: a third is for a test to damage."""
    monkeypatch.setenv("HMLM_NOTEBOOKS_DIR", str(tmp_path / "notebooks"))
    monkeypatch.setenv("HMLM_OUTPUT_DIR", str(tmp_path))
    for name in ("01_one", "02_two"):
        path = good(tmp_path / "notebooks" / f"{name}.ipynb")
        executed = json.loads(path.read_text())
        executed["cells"][1]["execution_count"] = 1
        done = tmp_path / "reports" / "quick" / path.name
        done.parent.mkdir(parents=True, exist_ok=True)
        done.write_text(json.dumps(executed))
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("minor", [0, 1, 2, 3, 4, 5])
def test_every_minor_of_format_4_is_read(study, capsys, minor):
    path = study / "notebooks" / "02_two.ipynb"
    notebook = json.loads(path.read_text()) | {"nbformat_minor": minor}
    for cell in notebook["cells"] if minor < 5 else ():
        del cell["id"]  # which began with 4.5
    path.write_text(json.dumps(notebook))
    assert main(["list"]) == 0
    assert "02_two" in capsys.readouterr().out


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.parametrize("command", ["list", "run", "refresh", "site"])
def test_a_damaged_notebook_is_one_line_and_nothing_is_written(study, capsys, command, kind):
    content, message = DAMAGED[kind]
    path = study / "notebooks" / "02_two.ipynb"
    path.write_bytes(content)
    before = contents(study)
    assert main([command]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"error: {path}: {message}")
    assert "; allowed: " in err
    assert len(err.splitlines()) == 1
    assert out == "" or command == "site"
    assert contents(study) == before


def test_a_damaged_copy_of_an_executed_notebook_is_named_before_anything_is_refreshed(study, capsys):
    path = study / "reports" / "quick" / "02_two.ipynb"
    path.write_bytes(path.read_bytes()[:50])
    before = contents(study)
    assert main(["refresh"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {path}: not JSON, or cut off")
    assert contents(study) == before
    path.unlink()
    assert main(["refresh"]) == 2
    assert "02_two has not been executed" in capsys.readouterr().err
    assert contents(study) == {name: text for name, text in before.items() if name != path}


def test_a_folder_or_nothing_in_place_of_a_notebook_is_named(tmp_path):
    (tmp_path / "01_one.ipynb").mkdir()
    with pytest.raises(RunError, match=r"01_one\.ipynb: cannot be read \(Is a directory\); allowed: a file of text"):
        read(tmp_path / "01_one.ipynb")
    with pytest.raises(RunError, match=r"02_two\.ipynb: cannot be read \(No such file or directory\)"):
        read(tmp_path / "02_two.ipynb")


def test_parameters_of_a_notebook_without_a_kernel_are_one_clear_error(tmp_path):
    path = good(tmp_path / "01_one.ipynb")
    assert list(declared(path)) == ["profile", "seed", "device"]
    content = json.loads(path.read_text())
    for kernel in ({}, {"kernelspec": {"name": "x", "display_name": "X", "language": "cobol"}}):
        path.write_text(json.dumps(content | {"metadata": kernel}))
        with pytest.raises(
            RunError, match=r"01_one\.ipynb: no parameters can be read \(.*\); allowed: a kernel of Pyth"
        ):
            declared(path)


def test_a_good_notebook_is_read_as_it_is(tmp_path):
    path = good(tmp_path / "01_one.ipynb")
    assert read(path) == json.loads(path.read_text())
    cells = [{"cell_type": "markdown", "metadata": {}, "source": ["<<<<<<< a mark in a text is none\n"]}]
    path.write_text(json.dumps(BASE | {"cells": cells}, indent=1))  # ids, asked for by 4.5, are not needed
    assert read(path)["cells"] == cells
