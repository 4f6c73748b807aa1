"""Two small notebooks as a study of their own, for tests of the runner."""

import os
import subprocess
import sys
import time

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = 'profile = "quick"\nseed = 0\ndevice = "auto"\nlevel = 0.5'
FIGURE = (
    "from pathlib import Path\nfrom hmlm_lib import paths, metrics\n"
    "paths.figures_dir().mkdir(exist_ok=True)\n(paths.figures_dir() / '{name}.csv').write_text('{name}')\n"
    "metrics.record('{name}/toy/model/score', [1.0, 3.0]);"
)


def write(folder, name, *code):
    cells = [new_markdown_cell(f"# {name}\n\n**Question.** Why?"), new_code_cell(PARAMETERS)]
    cells[1].metadata["tags"] = ["parameters"]
    notebook = new_notebook(cells=[*cells, *map(new_code_cell, code)])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")


def reports(folder):
    return folder / "reports" / "quick"


def start(study, *names):
    """`run` as a process of its own, which listens to Ctrl-C even where this one was told to ignore it."""
    environment = os.environ | {"HMLM_NOTEBOOKS_DIR": str(study / "notebooks"), "HMLM_OUTPUT_DIR": str(study)}
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from hmlm_lib.__main__ import main; sys.exit(main(['run', *sys.argv[1:]]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *names], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for(path, seconds=60):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.05)
