"""What a student finds: exercises with solutions that run, a glossary that names what exists, set-up cells, badges."""

import functools
import importlib
import json
import re
import shutil
import subprocess
import sys

import pytest

from hmlm_lib import badges, paths
from hmlm_lib.__main__ import main
from hmlm_lib.errors import RunError
from hmlm_lib.run import notebooks

ROOT = paths.ROOT
NOTEBOOKS = notebooks(ROOT / "notebooks")
CHAPTERS = [path for path in NOTEBOOKS if path.stem[:2] != "00"]
ROW = re.compile(r"^\| (?!word|---)(.+) \| (.+) \| `([\w.]+)` \|$", re.M)
GLOSSARY = ROW.findall((ROOT / "notebooks" / "GLOSSARY.md").read_text())
FORK = "https://github.com/someone/their-fork"
NO_CELL = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def cells(path):
    return json.loads(path.read_text())["cells"]


def source(cell):
    return "".join(cell["source"])


@each_chapter
def test_three_exercises_stand_before_what_you_learned(path):
    texts = [source(cell) for cell in cells(path)]
    start = texts.index(next(text for text in texts if text.startswith("## Exercises")))
    asked, solved = cells(path)[start + 1 : start + 7 : 2], cells(path)[start + 2 : start + 8 : 2]
    assert texts[start + 7].startswith("## What you learned")
    for number, cell in enumerate(asked, start=1):
        assert source(cell).startswith(f"### {number}. ")
        task, _, words = source(cell).partition("\n\n<details><summary>Solution</summary>\n\n")
        assert "?" in task
        assert len(words) > 150
        assert words.endswith("\n\n</details>")
    assert [cell["cell_type"] for cell in solved] == ["code"] * 3
    assert "By hand" in texts[start + 1]
    assert "Open" in texts[start + 5]


@each_chapter
def test_solutions_are_folded_run_and_check_themselves(path):
    solutions = [cell for cell in cells(path) if "solution" in cell["metadata"].get("tags", [])]
    assert len(solutions) == 3
    for cell in solutions:
        assert cell["metadata"]["jupyter"] == {"outputs_hidden": True, "source_hidden": True}
        assert re.search(r"^\s*assert ", source(cell), re.M)
        assert cell["outputs"], "a solution that has not run"


def test_the_glossary_names_what_exists():
    assert 50 <= len(GLOSSARY) <= 90
    assert len({word for word, _, _ in GLOSSARY}) == len(GLOSSARY)
    for _, meaning, name in GLOSSARY:
        assert meaning.endswith(".")
        assert resolved(name) is not None, name


def resolved(name):
    """The object of `module.object` or `module.Class.attribute` below hmlm_lib; AttributeError if there is none."""
    parts = f"hmlm_lib.{name}".split(".")
    last = max(k for k in range(1, len(parts)) if (ROOT / "/".join(parts[:k])).with_suffix(".py").is_file())
    return functools.reduce(getattr, parts[last:], importlib.import_module(".".join(parts[:last])))


def test_a_name_that_does_not_exist_would_be_found():
    with pytest.raises(AttributeError):
        resolved("hmlm.transducer.transducer")


def test_readme_and_notebooks_link_the_glossary():
    assert "(notebooks/GLOSSARY.md)" in (ROOT / "README.md").read_text()
    for path in CHAPTERS:
        assert "(GLOSSARY.md)" in source(cells(path)[0]), path.stem


def test_badges_are_those_of_the_known_address():
    """Without an address no badge is shown: one that leads nowhere is worse than none."""
    address = badges.address()
    texts = {path: path.read_text() for path in [ROOT / "README.md", *NOTEBOOKS]}
    for path, text in texts.items():
        shown = "colab.research.google.com/github" in text or "mybinder.org/v2" in text
        assert shown == bool(address), path.name
    for path in NOTEBOOKS:
        (cell,) = [cell for cell in cells(path) if "setup" in cell["metadata"].get("tags", [])]
        assert source(cell) == badges.SETUP.format(address=address)
        assert cell["metadata"]["jupyter"] == {"source_hidden": True}
        order = [cell.get("id") for cell in cells(path)]
        tagged = [k for k, cell in enumerate(cells(path)) if "parameters" in cell["metadata"].get("tags", [])]
        assert order.index("setup") < tagged[0]


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """A copy of what badges touch."""
    (tmp_path / "notebooks").mkdir()
    for name in ("README.md", "CITATION.cff", "notebooks/01_network.ipynb", "notebooks/02_features.ipynb"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    return tmp_path


def texts(fork):
    return {path: path.read_text() for path in fork.rglob("*.*") if path.is_file()}


def test_a_fork_writes_its_own_badges(fork, capsys):
    before = {path.name: cells(path) for path in (fork / "notebooks").iterdir()}
    assert main(["badges", "--repository", FORK, "--branch", "course"]) == 0
    assert capsys.readouterr().out.count(": written") == 4
    assert badges.address() == FORK
    colab = "https://colab.research.google.com/github/someone/their-fork/blob/course/notebooks/01_network.ipynb"
    binder = "https://mybinder.org/v2/gh/someone/their-fork/course?urlpath=lab/tree/notebooks/01_network.ipynb"
    for name in ("README.md", "notebooks/01_network.ipynb"):
        assert f"({colab})" in (fork / name).read_text()
        assert f"({binder})" in (fork / name).read_text()
    for path in (fork / "notebooks").iterdir():
        now = cells(path)
        assert [cell["id"] for cell in now[:3]] == [before[path.name][0]["id"], "badges", "setup"]
        assert now[3:] == before[path.name][2:]
        assert f'REPOSITORY = "{FORK}"' in source(now[2])
    assert badges.write(FORK, "course") == []
    badges.write("https://github.com/another/one")
    assert "someone" not in "".join((fork / name).read_text() for name in ("README.md", "CITATION.cff"))


def test_taking_the_address_away_brings_everything_back(fork):
    names = ("README.md", "CITATION.cff", "notebooks/01_network.ipynb")
    badges.write("")
    before = {name: (fork / name).read_text() for name in names}
    badges.write(FORK)
    badges.write("")
    assert {name: (fork / name).read_text() for name in names} == before


@pytest.mark.parametrize(
    "wrong", ["github.com/a/b", "https://example.org/a/b", "https://github.com/a", FORK + "/tree/x"]
)
def test_an_address_that_no_badge_can_open_is_refused_and_nothing_is_written(fork, wrong):
    before = (fork / "CITATION.cff").read_text()
    with pytest.raises(RunError, match="allowed: https://github"):
        badges.write(wrong)
    assert (fork / "CITATION.cff").read_text() == before


@pytest.mark.parametrize(
    "wrong",
    ["", "a b", "-x", "a)", "a#b", "a?b", "a%b", "é", "../x", "a..b", "a/.b", "/a", "a/", "a//b", "a.", "a.lock"],
)
@pytest.mark.parametrize("repository", [FORK, ""])
def test_a_branch_that_git_or_a_link_cannot_hold_is_refused_and_nothing_is_written(fork, capsys, wrong, repository):
    before = texts(fork)
    assert main(["badges", "--repository", repository, f"--branch={wrong}"]) == 2
    assert capsys.readouterr().err.startswith(f"error: branch {wrong!r}; allowed: ")
    assert texts(fork) == before


BRANCHES = {
    "main": "main", "course/2024.1": "course%2F2024.1", "a-b_c": "a-b_c", "release+1": "release%2B1",
    "feat@home": "feat%40home", "fix,1": "fix%2C1", "issue=3": "issue%3D3",
}  # fmt: skip


@pytest.mark.parametrize(("branch", "escaped"), BRANCHES.items())
def test_a_branch_may_be_any_of_these(fork, branch, escaped):
    badges.write(FORK, branch)
    text = (fork / "README.md").read_text()
    assert f"/blob/{branch}/notebooks/" in text
    assert f"mybinder.org/v2/gh/someone/their-fork/{escaped}?" in text  # one part of the path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("README.md", "# no lines\n", "README.md has lost its lines"),
        ("CITATION.cff", "title: x\n", "CITATION.cff: no place for the address; allowed: a line `repository-code: `"),
        ("notebooks/02_features.ipynb", "", "02_features.ipynb: the file is empty; allowed: a notebook of format 4"),
        ("notebooks/02_features.ipynb", NO_CELL, "02_features.ipynb: no title, below which badges stand; allowed: a"),
    ],
)
def test_a_file_without_a_place_for_badges_is_refused_and_nothing_is_written(fork, capsys, name, content, message):
    (fork / name).write_text(content)
    before = texts(fork)
    assert main(["badges", "--repository", FORK]) == 2
    assert message in capsys.readouterr().err
    assert texts(fork) == before


def test_badges_without_a_readme_are_one_error(fork, capsys):
    (fork / "README.md").unlink()
    assert main(["badges", "--repository", FORK]) == 2
    assert "README.md: cannot be read (No such file" in capsys.readouterr().err


def setup_cell(address, before=""):
    return subprocess.run(
        [sys.executable, "-c", f"import sys\n{before}\n{badges.SETUP.format(address=address)}"],
        capture_output=True,
        text=True,
        check=False,
    )


COLAB = "sys.modules['google.colab'] = sys\n"
BARE = "import importlib.util\nimportlib.util.find_spec = lambda name: None\n"


def test_the_set_up_cell_is_short_and_does_nothing_here():
    assert len(badges.SETUP.splitlines()) <= 10
    for before in ("", COLAB, BARE):
        done = setup_cell("https://nowhere.invalid/x", before)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_on_a_bare_colab_the_set_up_cell_says_what_it_needs():
    done = setup_cell("", COLAB + BARE)
    assert "set REPOSITORY to the git address of this study" in done.stderr


def test_on_a_bare_colab_the_set_up_cell_installs_from_the_address():
    spy = "import subprocess\nsubprocess.run = lambda words, check: print(words, check)\n"
    done = setup_cell("https://nowhere.invalid/x", COLAB + BARE + spy)
    assert done.returncode == 0, done.stderr
    assert "'git+https://nowhere.invalid/x#egg=hmlm'] True" in done.stdout
