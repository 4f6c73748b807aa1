"""Where the study can be opened in a browser: Colab and Binder badges, and the cell that sets a notebook up there.

The address of the repository stands in one place, `repository-code` of CITATION.cff. Without one there are no badges.
A fork notes its own by `python -m hmlm_lib badges --repository https://github.com/OWNER/NAME`.
"""

import json
import re
from pathlib import Path
from urllib.parse import quote

from hmlm_lib import paths
from hmlm_lib.errors import RunError
from hmlm_lib.files import write_whole
from hmlm_lib.notebook_file import parsed, text_of
from hmlm_lib.run import notebooks

GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
BRANCH = re.compile(r"[\w-][\w.+@,=-]*(/[\w-][\w.+@,=-]*)*", re.ASCII)
ADDRESS = re.compile(r'^repository-code: "(.*)"\n', re.M)
BEGIN, END = "<!-- badges: written by `python -m hmlm_lib badges` -->", "<!-- end of badges -->"
START = "notebooks/01_network.ipynb"  # what the README's badges open
SETUP = """\
import importlib.util, pathlib, subprocess, sys

REPOSITORY = "{address}"  # written by `python -m hmlm_lib badges`
if "google.colab" in sys.modules and not importlib.util.find_spec("hmlm_lib"):
    if not REPOSITORY:
        raise RuntimeError("set REPOSITORY to the git address of this study and run this cell again")
    source = f"git+{{REPOSITORY}}#egg=hmlm"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--src", ".", "-e", source], check=True)
    sys.path.insert(0, str(pathlib.Path("hmlm").resolve()))"""

UNRUN = {
    "cell_type": "code",
    "execution_count": None,
    "id": "setup",
    "metadata": {"jupyter": {"source_hidden": True}, "tags": ["setup"]},
    "outputs": [],
}


def address() -> str:
    """The repository's address in CITATION.cff; empty where it has none yet."""
    found = ADDRESS.search(text_of(paths.ROOT / "CITATION.cff"))
    return found[1] if found else ""


def badges(repository: str, notebook: str, branch: str = "main") -> str:
    """Markdown of both badges for a notebook (its path in the repository); empty without a repository.

    RunError for an address that Colab and Binder cannot open, or a branch that git or a link cannot hold.
    """
    _check_branch(branch)
    if not repository:
        return ""
    found = GITHUB.fullmatch(repository)
    if not found:
        raise RunError(f"repository {repository!r}; allowed: https://github.com/OWNER/NAME")
    colab = f"https://colab.research.google.com/github/{found[1]}/blob/{branch}/{notebook}"
    binder = f"https://mybinder.org/v2/gh/{found[1]}/{quote(branch, safe='')}?urlpath=lab/tree/{notebook}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}) "
        f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def write(repository: str | None = None, branch: str = "main") -> list[str]:
    """Note the address (default: keep the one there is), write badges and set-up cells; names of the files changed.

    RunError, before anything is written, for an address or branch as in `badges`, or a file that is damaged.
    """
    repository = address() if repository is None else repository
    badges(repository, START, branch)
    changes = {paths.ROOT / "CITATION.cff": _cited, paths.ROOT / "README.md": _shown}
    changes |= dict.fromkeys(notebooks(paths.ROOT / "notebooks"), _opened)
    before = {path: text_of(path) for path in changes}
    after = {path: change(before[path], path, repository, branch) for path, change in changes.items()}
    changed = [path for path in changes if after[path] != before[path]]
    for path in changed:
        write_whole(path, after[path], RunError)
    return [path.name for path in changed]


def _check_branch(branch: str) -> None:
    """RunError for a name that git refuses, or that would end or change the link it stands in."""
    parts = branch.split("/")
    if (
        not BRANCH.fullmatch(branch) or branch[0] == "-" or ".." in branch or branch == "HEAD"
        or any(part.endswith((".", ".lock")) for part in parts)
    ):  # fmt: skip
        raise RunError(f"branch {branch!r}; allowed: a name as git takes it, of letters, digits and - _ . + @ , = /")


def _cited(text: str, path: Path, repository: str, branch: str) -> str:
    line = f'repository-code: "{repository}"\n' if repository else ""
    if ADDRESS.search(text):
        return ADDRESS.sub(line, text)
    if line and "license:" not in text:
        raise RunError(f"{path}: no place for the address; allowed: a line `repository-code: ` or `license: `")
    return text.replace("license:", f"{line}license:", 1)


def _shown(text: str, path: Path, repository: str, branch: str) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise RunError(f"{path.name} has lost its lines {BEGIN} and {END}; put them where the badges belong")
    line = badges(repository, START, branch)
    return f"{before}{begin}\n{line}\n{end}{after}" if line else f"{before}{begin}\n{end}{after}"


def _opened(text: str, path: Path, repository: str, branch: str) -> str:
    """The title cell, badges if there are any, the set-up cell, and the rest as it was."""
    notebook = parsed(text, path)
    first = next(iter(notebook["cells"]), {})
    if first.get("cell_type") != "markdown" or first.get("id") == "badges":
        raise RunError(f"{path}: no title, below which badges stand; allowed: a Markdown cell first")
    title, *rest = notebook["cells"]
    line = badges(repository, f"notebooks/{path.name}", branch)
    shown = (
        [{"cell_type": "markdown", "id": "badges", "metadata": {"tags": ["badges"]}, "source": [line]}] if line else []
    )
    known = next((cell for cell in rest if cell.get("id") == "setup"), UNRUN)
    setup = known | {"source": SETUP.format(address=repository).splitlines(keepends=True)}
    rest = [cell for cell in rest if cell.get("id") not in ("badges", "setup")]
    notebook["cells"] = [title, *shown, setup, *rest]
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
