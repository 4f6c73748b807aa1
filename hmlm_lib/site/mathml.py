"""What the converter leaves to be mended in MathML, so that a browser draws a formula as a book would print it."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

UNKNOWN = {r"\arg": "arg", r"\lVert": "‖", r"\rVert": "‖", r"\|": "‖"}  # what the converter leaves as it was
LIMITS = ("min", "max")  # their index stands below them in a displayed formula
OPERANDS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
OPENS = {")": "(", "]": "[", "}": "{", "‖": "‖", "|": "|"}  # closing bracket -> the one that opens
THIN = "0.167em"
TIGHT = {"lspace": "0", "rspace": "0"}
ROWS = ("math", "mrow", "mstyle")


def mend(math: Element, display: str) -> None:
    """Mend a formula in place; ValueError where something of it is left over. display: "block" or "inline"."""
    for element in math.iter():
        _check(element)
        if element.tag == "mo":
            _operator(element)
        if element.get("width") == "negativethinmathspace":
            element.set("width", f"-{THIN}")
        if display == "block" and element.tag == "msub" and element[0].text in LIMITS:
            element.tag = "munder"
    for row in [element for element in math.iter() if element.tag in ROWS]:
        children = list(_spaced(_grouped(list(row))))
        for child in list(row):
            row.remove(child)
        row.extend(children)


def _check(element: Element) -> None:
    """The converter writes what it does not know as if it were a letter, and leaves out what is missing."""
    element.text = UNKNOWN.get(element.text or "", element.text)
    if "\\" in (element.text or ""):
        raise ValueError(f"unknown command {element.text}")
    if len(element) != OPERANDS.get(element.tag, len(element)):
        raise ValueError("an operand is missing")


def _operator(element: Element) -> None:
    text = element.text or ""
    if element.get("minsize"):  # \big and its like
        element.attrib |= {"stretchy": "true", "symmetric": "true"} | TIGHT
    elif text in ("|", "‖"):
        element.attrib |= {"stretchy": "false"} | TIGHT
    elif text == "/":
        element.attrib |= TIGHT
    elif text == "∞" or (text.isalpha() and len(text) > 1):
        element.tag = "mi"  # as an operator it would get wide spaces


def _grouped(row: list[Element]) -> list[Element]:
    """The row with what stands in large brackets under an exponent made one; alone under it a bracket stays small."""
    found: list[Element] = []
    for one in row:
        closing = one[0] if one.tag in ("msup", "msub", "msubsup") else None
        if closing is not None and closing.tag == "mo" and closing.get("minsize"):
            start = _last_open(found, OPENS.get(closing.text or ""))
            group = Element("mrow")
            group.extend([*found[start:], closing])
            one[0] = group
            del found[start:]
        found.append(one)
    return found


def _last_open(row: list[Element], bracket: str | None) -> int:
    """Place of the last such bracket; the end of the row where there is none."""
    places = [n for n, one in enumerate(row) if one.tag == "mo" and one.get("minsize") and one.text == bracket]
    return places[-1] if places else len(row)


def _spaced(row: list[Element]) -> Iterator[Element]:
    """The row with thin spaces around log, max and their like (log 31, but log(31)), and none after a sign (-a)."""
    for place, one in enumerate(row):
        before = row[place - 1] if place else None
        if one.tag == "mo" and one.text in ("−", "+", "±") and (before is None or _expects(before)):
            one.set("form", "prefix")
        if before is not None and _apart(before, one):
            yield Element("mspace", width=THIN)
        yield one


def _expects(element: Element) -> bool:
    """Whether an operand comes next, so that a minus is a sign."""
    return element.tag == "mspace" or (element.tag == "mo" and element.text not in OPENS)


def _apart(left: Element, right: Element) -> bool:
    if any(one.tag in ("mo", "mspace") for one in (left, right) if not _bar(one)):
        return False
    return (_function(left) and not _bracket(right)) or (_function(right) and not _bar(left))


def _function(element: Element) -> bool:
    first = element[0] if element.tag in ("msub", "munder", "msup") else element
    return first.tag == "mi" and (first.text or "").isalpha() and len(first.text or "") > 1


def _bracket(element: Element) -> bool:
    return "".join(element.itertext())[:1] in set(OPENS.values()) - {"|", "‖"}


def _bar(element: Element) -> bool:
    return element.tag == "mo" and element.text in ("|", "‖")
