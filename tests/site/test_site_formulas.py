"""TeX becomes MathML that a browser draws well, or one clear error."""

import re

import pytest

from hmlm_lib.errors import RunError
from hmlm_lib.site.formulas import displayed, inline


def test_a_displayed_formula_carries_its_number():
    html = displayed(r"y = \frac{a}{b} \tag{3}", "notebook 01_toy")
    assert '<span class="number">(3)</span>' in html
    assert "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>" in html
    assert '<math display="block">' in html


def test_functions_stand_apart_from_letters_and_not_from_brackets():
    assert '<mi>log</mi><mspace width="0.167em"></mspace><mn>31</mn>' in inline(r"\log 31", "here")
    assert '<mn>2</mn></msqrt><mspace width="0.167em"></mspace><mi>ln</mi>' in inline(r"\sqrt2\ln 3", "here")
    assert '<mi>log</mi><mo stretchy="false">(</mo>' in inline(r"\log(1+t)", "here")


def test_a_minus_is_a_sign_after_a_bracket_and_an_operation_after_a_letter():
    assert inline("(-a)", "here").count('form="prefix"') == 1
    assert "prefix" not in inline("b-a", "here")
    assert "prefix" not in inline("(b)-a", "here")


def test_large_brackets_under_an_exponent_enclose_what_they_enclose():
    html = inline(r"\big(a+b\big)^2", "here")
    base = re.search(r"<msup><mrow>(.*)</mrow><mn>2</mn></msup>", html)[1]
    assert re.sub(r"<[^>]*>", "", base) == "(a+b)"
    assert base.count('stretchy="true"') == 2


def test_what_the_converter_does_not_know_is_mended():
    assert "<mi>arg</mi>" in displayed(r"\arg\min_c c", "here")
    assert "<munder><mi>min</mi><mi>c</mi></munder>" in displayed(r"\arg\min_c c", "here")
    assert displayed(r"\Big\lVert x \Big\rVert", "here").count(">‖<") == 2


def test_a_long_formula_in_text_can_break_after_equals_signs():
    html = inline(r"a(0.9) = 3\cdot0.81/(1+2\cdot0.81) = 2.43", "here")
    assert html.count("<wbr>") == 2
    assert html.count("<math") == 3
    assert "<wbr>" not in inline("w = 0.8", "here")


@pytest.mark.parametrize(
    ("tex", "reason"),
    [
        (r"\nonsense x", "unknown command"),
        (r"\frac{1}", "an operand is missing"),
        (r"\frac{1}{2", "braces do not match"),
        (r"}a{", "braces do not match"),
        (r"\left( x", "ExtraLeftOrMissingRightError"),
        ("a & b", "not well-formed"),
    ],
)
def test_a_formula_that_cannot_be_converted_is_named(tex, reason):
    with pytest.raises(RunError) as caught:
        inline(tex, "notebook 01_toy")
    assert str(caught.value).startswith(f"notebook 01_toy: the formula ${tex}$ cannot be converted")
    assert reason in str(caught.value)
