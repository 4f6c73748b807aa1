"""TeX formulas of the notebooks as MathML, which browsers draw by themselves: no script, no font to load.

latex2mathml does the conversion. It writes what it does not know as if it were a letter, so the result is read again here:
a command or an operand that is left over is an error, and the few things that browsers would draw badly are mended.
"""

import html
import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from hmlm_lib.errors import RunError

UNKNOWN = {r"\arg": "arg", r"\lVert": "‖", r"\rVert": "‖", r"\|": "‖"}  # what the converter leaves as it was
LIMITS = ("min", "max")  # their index stands below them in a displayed formula
OPERANDS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
THIN = "0.167em"
OPENING = set("([{|‖")
_TAG = re.compile(r"\\tag\s*\{([^{}]*)\}")
_NAMESPACE = re.compile(r' xmlns="[^"]*"')
_LONG = 30  # characters of TeX from which a formula in running text may break after an equals sign


def displayed(tex: str, where: str) -> str:
    """A formula on a line of its own, with the number of its \\tag; RunError names `where` and a formula that fails."""
    number = _TAG.search(tex)
    formula = _written(_tree(_TAG.sub("", tex), "block", where, tex))
    label = f'<span class="number">({html.escape(number[1])})</span>' if number else ""
    return f'<span class="equation"><span class="formula">{formula}</span>{label}</span>'


def inline(tex: str, where: str) -> str:
    """A formula in running text; a long one can break after its equals signs. Raises as `displayed` does."""
    math = _tree(tex, "inline", where, tex)
    pieces = _pieces(math) if len(tex) > _LONG else [math]
    return "<wbr>".join(map(_written, pieces))


def _tree(tex: str, display: str, where: str, shown: str) -> Element:
    from latex2mathml.converter import convert

    try:
        if len(re.findall(r"(?<!\\)\{", tex)) != len(re.findall(r"(?<!\\)\}", tex)):
            raise ValueError("braces do not match")
        math = ElementTree.fromstring(_NAMESPACE.sub("", convert(tex, display=display)))
        for element in math.iter():
            _mend(element, display)
        _space_functions(math)
    except Exception as problem:  # the converter's errors share no class
        reason = str(problem) or type(problem).__name__
        raise RunError(f"{where}: the formula {shown.strip()!r} cannot be converted to MathML ({reason})") from None
    return math


def _mend(element: Element, display: str) -> None:
    """Replace what browsers would draw badly; ValueError where something of the formula is left over."""
    text = element.text = UNKNOWN.get(element.text or "", element.text)
    if text and "\\" in text:
        raise ValueError(f"unknown command {text}")
    if len(element) != OPERANDS.get(element.tag, len(element)):
        raise ValueError("an operand is missing")
    if element.get("width") == "negativethinmathspace":
        element.set("width", f"-{THIN}")
    if element.tag == "mo" and text and text.isalpha() and len(text) > 1:
        element.tag = "mi"  # as an operator it would get wide spaces
    if display == "block" and element.tag == "msub" and element[0].text in LIMITS:
        element.tag = "munder"


def _space_functions(parent: Element) -> None:
    """Thin spaces around log, max and their like, except before a bracket: log 31, not log31."""
    children = list(parent)
    if parent.tag in ("math", "mrow", "mstyle"):
        for one in children:
            parent.remove(one)
        parent.extend(_spaced(children))
    for child in children:
        _space_functions(child)


def _spaced(row: list[Element]) -> Iterator[Element]:
    for place, one in enumerate(row):
        yield one
        if place + 1 == len(row):
            return
        following = row[place + 1]
        closed = following.tag in ("mo", "mspace")
        opens = "".join(following.itertext())[:1] in OPENING
        if (_is_function(one) and not closed and not opens) or (_is_function(following) and not _ends(one)):
            yield Element("mspace", width=THIN)


def _is_function(element: Element) -> bool:
    first = element[0] if element.tag in ("msub", "munder", "msup") else element
    return first.tag == "mi" and len(first.text or "") > 1 and (first.text or "").isalpha()


def _ends(element: Element) -> bool:
    """Whether no space is wanted after it: operators bring their own, and two functions got theirs already."""
    return element.tag in ("mo", "mspace") or _is_function(element)


def _pieces(math: Element) -> list[Element]:
    """The formula cut after every equals sign on its top level."""
    rows = [[]]
    for one in math[0] if len(math) == 1 and math[0].tag == "mrow" else math:
        rows[-1].append(one)
        if one.tag == "mo" and one.text == "=":
            rows.append([])
    pieces = [Element("math", math.attrib) for row in rows if row]
    for piece, row in zip(pieces, filter(None, rows), strict=True):
        piece.extend(row)
    return pieces


def _written(math: Element) -> str:
    return ElementTree.tostring(math, encoding="unicode", short_empty_elements=False)
