"""What a name of a module stands for: its definition, and every definition of that module which this one uses.

Result rows rest on whole modules (`rows.py`), but a table of models cannot be one of them: each new entry would end
all rows. So a row rests on its own entry of the table, `module#entry`, and on what that entry calls there.
"""

import ast
from collections.abc import Iterable
from functools import cache


@cache
def definition(source: str, name: str) -> bytes | None:
    """Syntax of a top-level definition, or of a key in top-level dicts, with all it uses there; None if there is none.

    Dicts with text as keys are tables: whoever uses one does not rest on its entries.
    """
    known, tables = _top(source)
    wanted = [value for table in tables.values() for key, value in table.items() if key == name]
    found = {name} & set(known)
    if not wanted and not found:
        return None
    todo = [*wanted, *(known[one] for one in found)]
    while todo:
        used = _names(todo.pop()) & set(known) - found
        found |= used
        todo += [known[one] for one in used]
    return b"".join(ast.dump(node).encode() for node in [*wanted, *(known[one] for one in sorted(found))])


@cache
def whole(source: str) -> bytes:
    """Syntax of a module without docstrings and annotations."""
    return ast.dump(stripped(source)).encode()


def stripped(source: str) -> ast.Module:
    """A module's syntax without docstrings and annotations."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if getattr(node, "module", None) != "jaxtyping"]
    for node in ast.walk(tree):
        for part in ("annotation", "returns"):
            if getattr(node, part, None) is not None:
                setattr(node, part, ast.Constant(None))
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                del body[0]
    return tree


@cache
def _top(source: str) -> tuple[dict[str, ast.AST], dict[str, dict[str, ast.AST]]]:
    """Top-level definitions by name, and the entries of those that are tables."""
    known, tables = {}, {}
    for node in stripped(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            known[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            keys = _keys(node.value)
            for target in (t for t in targets if isinstance(t, ast.Name)):
                if keys is None:
                    known[target.id] = node
                else:
                    tables[target.id] = keys
    return known, tables


def _keys(value: ast.AST) -> dict[str, ast.AST] | None:
    """Entries of a dict that is written out with text as keys; None for anything else."""
    if not isinstance(value, ast.Dict) or not all(isinstance(getattr(k, "value", None), str) for k in value.keys):
        return None
    return {key.value: one for key, one in zip(value.keys, value.values, strict=True)}


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def defined(module: str, source: str, names: Iterable[str]) -> tuple[str, ...]:
    """`module#name` for those names that the module defines."""
    return tuple(f"{module}#{name}" for name in names if definition(source, name) is not None)
