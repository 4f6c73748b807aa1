"""TeX formulas of the notebooks as MathML, which browsers draw by themselves: no script is needed."""

import html
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from hmlm_lib.errors import RunError
from hmlm_lib.site.mathml import mend

_TAG = re.compile(r"\\tag\s*\{([^{}]*)\}")
_BRACE = re.compile(r"(?<!\\)[{}]")
_NAMESPACE = re.compile(r' xmlns="[^"]*"')
_LONG = 30  # characters of TeX from which a formula in running text may break after an equals sign


def displayed(tex: str, where: str) -> str:
    """A formula on a line of its own, with the number of its \\tag; RunError names `where` and a formula that fails."""
    number = _TAG.search(tex)
    formula = _written(_tree(_TAG.sub("", tex), "block", where))
    label = f'<span class="number">({html.escape(number[1])})</span>' if number else ""
    return f'<span class="equation"><span class="formula">{formula}</span>{label}</span>'


def inline(tex: str, where: str) -> str:
    """A formula in running text; a long one can break after its equals signs. Raises as `displayed` does."""
    math = _tree(tex, "inline", where)
    return "<wbr>".join(map(_written, _pieces(math) if len(tex) > _LONG else [math]))


def _tree(tex: str, display: str, where: str) -> Element:
    from latex2mathml.converter import convert

    try:
        if not _balanced(tex):
            raise ValueError("braces do not match")
        math = ElementTree.fromstring(_NAMESPACE.sub("", convert(tex, display=display)))
        mend(math, display)
    except Exception as problem:  # the converter's errors share no class
        reason = str(problem) or type(problem).__name__
        shown = " ".join(tex.split())
        raise RunError(f"{where}: the formula ${shown}$ cannot be converted to MathML ({reason})") from None
    return math


def _balanced(tex: str) -> bool:
    depth = 0
    for brace in _BRACE.findall(tex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _pieces(math: Element) -> list[Element]:
    """The formula cut after every equals sign on its top level."""
    rows: list[list[Element]] = [[]]
    for one in math[0] if len(math) == 1 and math[0].tag == "mrow" else math:
        rows[-1].append(one)
        if one.tag == "mo" and one.text == "=":
            rows.append([])
    pieces = []
    for row in filter(None, rows):
        pieces.append(Element("math", math.attrib))
        pieces[-1].extend(row)
    return pieces


def _written(math: Element) -> str:
    return ElementTree.tostring(math, encoding="unicode", short_empty_elements=False)
