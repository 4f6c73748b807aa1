import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmlm_lib.errors import RuleError
from hmlm_lib.network import Reactant, Rule, parse_rule

names = (
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ,()+:/'._-]{0,10}", fullmatch=True)
    .map(str.strip)
    .filter(lambda name: name and " + " not in name and not name.endswith(" +") and not name.startswith("+ "))
)
rules = st.builds(
    Rule,
    st.lists(st.builds(Reactant, names, st.booleans()), max_size=4, unique_by=lambda r: r.species).map(tuple),
    names,
)


@given(rules)
def test_print_and_parse_are_inverse(rule):
    assert parse_rule(str(rule)) == rule
    assert str(parse_rule(str(rule))) == str(rule)


@given(st.one_of(st.text(), st.text(alphabet="AB!&+=> \n"), st.none(), st.floats(), st.binary(), st.lists(st.text())))
def test_anything_else_is_a_rule_error(text):
    try:
        rule = parse_rule(text)
    except RuleError:
        return
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("A & !B => C", "A & !B => C"),
        ("A + B => C", "A & B => C"),
        ("=> C", "=> C"),
        ("  A  &!  B=>C ", "A & !B => C"),
        ("Ca2+ & IL-1 beta => PI(4,5)P2", "Ca2+ & IL-1 beta => PI(4,5)P2"),
        ("Ca2+ + Na+ => depolarization", "Ca2+ & Na+ => depolarization"),
    ],
)
def test_both_syntaxes_and_odd_names(text, printed):
    assert str(parse_rule(text)) == printed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("A & B", "no `=>`"),
        ("A => B => C", "more than one `=>`"),
        ("A & & B => C", "empty reactant"),
        ("! => C", "empty reactant"),
        ("A =>", "no product"),
        ("A => !C", "not one species name"),
        ("A => B & C", "not one species name"),
        ("A & A => C", "'A' twice"),
        ("A & !A => C", "'A' twice"),
        ("A! & B => C", "not one species name"),
        (None, "is not text"),
        (3.5, "is not text"),
    ],
)
def test_malformed_rules_say_where_and_what(text, problem):
    with pytest.raises(RuleError, match="sheet reactions, row 7") as caught:
        parse_rule(text, where="net.xlsx, sheet reactions, row 7")
    assert problem in str(caught.value)
    assert repr(text) in str(caught.value)
    assert "allowed" in str(caught.value)
