"""What keeps the library readable: arrows that point one way, short files and functions, words on everything public."""

import ast

import networkx as nx
import pytest

from hmlm_lib import paths

FILES = {
    ".".join(path.relative_to(paths.ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((paths.ROOT / "hmlm_lib").rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


def imported(tree: ast.Module) -> set[str]:
    """Modules of the library that are read when a module is, and the packages that they are in.

    Methods such as `HMLM.save` read theirs when called.
    """
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else node.module for name in full}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    parts = [name.split(".") for name in found]
    return {".".join(part[: k + 1]) for part in parts for k in range(len(part))} & set(FILES)


def test_no_import_is_circular():
    arrows = nx.DiGraph()
    for name, tree in TREES.items():  # a package is being read already when a module in it is
        arrows.add_edges_from((name, other) for other in imported(tree) if not f"{name}.".startswith(f"{other}."))
    assert [group for group in nx.strongly_connected_components(arrows) if len(group) > 1] == []


@pytest.mark.parametrize("name", FILES)
def test_files_and_functions_are_short(name):
    assert len(FILES[name].read_text().splitlines()) <= LONGEST_FILE
    for node in ast.walk(TREES[name]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


@pytest.mark.parametrize("name", FILES)
def test_modules_and_what_is_public_in_them_have_docstrings(name):
    tree = TREES[name]
    assert ast.get_docstring(tree) or not tree.body, "the module"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
