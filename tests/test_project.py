"""What the repository promises about itself."""

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from importlib.metadata import distributions

import pytest
from packaging.specifiers import SpecifierSet

from hmlm_lib import figures, paths
from hmlm_lib.evaluation import readme
from hmlm_lib.profiles import Profile
from hmlm_lib.run import notebooks

CARD = ("jupyterlab", "papermill", "torch", "torch-geometric", "seaborn", "pandas", "nbval", "pytest")
ROOT = paths.ROOT
NOTEBOOKS = notebooks(ROOT / "notebooks")
README = (ROOT / "README.md").read_text()


def cells(path):
    return json.loads(path.read_text())["cells"]


def test_the_cards_packages_are_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {
        re.split(r"[<>=\[; ]", one)[0] for one in project["dependencies"] + project["optional-dependencies"]["test"]
    }
    assert set(CARD) <= names


def test_every_dependency_is_pinned_and_torch_exactly():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    constraints = (ROOT / "constraints.txt").read_text()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in constraints.splitlines()}
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    assert {re.split(r"[<>=\[; ]", one)[0] for one in wanted} <= pinned
    assert "torch==2.13.0\n" in constraints
    assert "://" not in constraints


def test_pinned_packages_accept_the_oldest_python_we_promise():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=") + ".0"
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    ours = [one for one in distributions() if pins.get(one.metadata["Name"]) == one.version]
    assert len(ours) > 100
    refused = [
        one.metadata["Name"] for one in ours if oldest not in SpecifierSet(one.metadata["Requires-Python"] or "")
    ]
    assert refused == []


def test_the_conda_environment_is_the_same_one():
    text = (ROOT / "environment.yml").read_text()
    assert "-c constraints.txt" in text
    assert "-e .[test]" in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_keep_the_house_rules(path):
    notebook = json.loads(path.read_text())
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    tags = [cell["metadata"].get("tags", []) for cell in notebook["cells"]]
    assert sum("parameters" in tag for tag in tags) == 1
    text = "".join("".join(cell["source"]) + "\n" for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    for part in ("**Question.**", "## Check", "## What you learned", "**References.**"):
        assert part in text, part
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert len(source.splitlines()) <= 25
            assert "\nclass " not in f"\n{source}"
            reads = "summary." in source or "recorded(" in source
            assert not (reads and "metrics.record(" in source), "the record's numbers stand in reports/metrics.json"
            assert all(output["output_type"] != "error" for output in cell["outputs"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_checked_cell_has_a_stored_output(path):
    checked = [cell for cell in cells(path) if "nbval-check-output" in cell["metadata"].get("tags", [])]
    assert len(checked) >= 4
    assert all(cell["outputs"] for cell in checked)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_a_notebook_draws_is_committed_with_its_numbers(path):
    names = re.findall(r'"(\d\d_[a-z0-9_]+)"', "".join("".join(cell["source"]) for cell in cells(path)))
    assert names
    for name in names:
        assert name.startswith(path.stem[:3])
        for suffix in ("png", "svg", "csv"):
            assert (ROOT / "figures" / f"{name}.{suffix}").is_file(), f"{name}.{suffix}"


def test_every_size_of_a_profile_is_read_by_a_notebook():
    read = set()
    for path in NOTEBOOKS:
        text = "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code")
        for name in re.findall(r"^(\w+)[\w, ]* = [\w.]*get_profile\(", text, re.M):
            read |= set(re.findall(rf"\b{name}\.(\w+)", text))
    sizes = {field.name for field in fields(Profile)} - {"name", "description"}
    assert sizes - read == set()


def test_public_figures_have_docstrings():
    drawn = [getattr(figures, name) for name in figures.__all__ if name.startswith("fig_")]
    assert len(drawn) >= 8
    assert all(one.__doc__ for one in drawn)


def test_readme_examples_run_one_after_the_other(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) == 4
    script = "\n".join([*blocks, "print(HMLM.load('mine.safetensors', net).n_parameters == model.n_parameters)"])
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no receptor" in done.stdout
    assert "'C/effect_r': 0.0" in done.stdout
    assert "logits of new molecules: (50, 12)" in done.stdout
    assert done.stdout.endswith("True\n")


def test_results_in_the_readme_are_those_of_the_rows(monkeypatch, tmp_path):
    """Tables of README and findings, and the files below reports/, are what today's rows say, digit for digit."""
    (tmp_path / "reports").mkdir()
    for name in readme.FILES:
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    readme.write()
    for name in (*readme.FILES, "reports/results.md", "reports/metrics.json"):
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), name
    made, kept = (json.loads((folder / "reports/manifest.json").read_text()) for folder in (tmp_path, ROOT))
    of_this_machine = "written_with"
    assert made.pop(of_this_machine)
    kept.pop(of_this_machine, None)
    assert made == kept
    assert "| B, 8 points |" in (ROOT / "reports" / "findings.md").read_text()
