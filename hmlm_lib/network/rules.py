"""A reaction rule as text and as an object: `A & !B => C` reads "A, and not B, activate C".

    rule      = [ reactant { AND reactant } ] "=>" product
    reactant  = [ "!" ] species            "!" inhibits
    AND       = " & " or " + "             both are in use; " & " is what we print

A rule without reactants, `=> C`, is an input. A species name is any text without line breaks, `&`, `!`, `=>` or
a plus with blanks around it, and without blanks at its ends; so `Ca2+`, `PI(4,5)P2` and `IL-1 beta` are names.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hmlm_lib.errors import NetworkError, RuleError

_AND = re.compile(r"\s*&\s*|\s+\+\s+")
_FORBIDDEN = re.compile(r"[&!\x00-\x1f\x7f\x85\u2028\u2029]|=>|\s\+\s|^\+\s|\s\+$|^\+$")
ALLOWED = "allowed: `A & !B => C` (or ` + ` for AND), `=> C` for an input"


@dataclass(frozen=True)
class Reactant:
    """A species on the left of a rule, activating or inhibiting."""

    species: str
    inhibits: bool

    def __str__(self) -> str:
        return f"!{self.species}" if self.inhibits else self.species


@dataclass(frozen=True)
class Rule:
    """The reactants, all of which are needed (AND), and the species they act on."""

    reactants: tuple[Reactant, ...]
    product: str

    def __str__(self) -> str:
        return f"{' & '.join(map(str, self.reactants))} => {self.product}".lstrip()


def is_name(text: str) -> bool:
    """Whether a rule can hold `text` as the name of one species."""
    return bool(text) and text == text.strip() and not _FORBIDDEN.search(text)


def parse_rule(text: object, *, where: str = "") -> Rule:
    """The rule that `text` writes; RuleError, naming `where` (file, sheet, row), for anything else."""
    if not isinstance(text, str):
        raise _error(where, text, "is not text")
    sides = text.split("=>")
    if len(sides) != 2:
        raise _error(where, text, "has no `=>`" if len(sides) < 2 else "has more than one `=>`")
    left, product = (side.strip() for side in sides)
    if not product:
        raise _error(where, text, "names no product")
    if _FORBIDDEN.search(product):
        raise _error(where, text, f"has the product {product!r}, which is not one species name")
    reactants = tuple(_reactant(part, text, where) for part in _AND.split(left)) if left else ()
    names = [reactant.species for reactant in reactants]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _error(where, text, f"names the reactant {twice[0]!r} twice")
    return Rule(reactants, product)


def first_alike(rules: Sequence[Rule]) -> list[int]:
    """For every rule the number of the first of the same reactants, in any order, and product.

    Inputs `=> C` may repeat, each is its own: two inputs of one species are written alike, and their levels combine.
    """
    first: dict[tuple[frozenset[Reactant], str], int] = {}
    return [
        first.setdefault((frozenset(rule.reactants), rule.product), number) if rule.reactants else number
        for number, rule in enumerate(rules)
    ]


def check_once(rules: Sequence[Rule], places: Sequence[str]) -> None:
    """NetworkError, naming both places, for a rule given twice (`first_alike`), which would count twice."""
    for number, first in enumerate(first_alike(rules)):
        if first != number:
            raise NetworkError(
                f"{places[number]}: rule {str(rules[number])!r} stands in {places[first]} too; allowed: every rule "
                f"once, its reactants in any order (inputs `=> C` may repeat)"
            )


def _reactant(part: str, text: str, where: str) -> Reactant:
    inhibits = part.startswith("!")
    species = part[inhibits:].strip()
    if not species:
        raise _error(where, text, "has an empty reactant")
    if _FORBIDDEN.search(species):
        raise _error(where, text, f"has the reactant {part!r}, which is not one species name")
    return Reactant(species, inhibits)


def _error(where: str, text: object, problem: str) -> RuleError:
    return RuleError(f"{where + ': ' if where else ''}rule {text!r} {problem}; {ALLOWED}")
