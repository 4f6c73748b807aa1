"""What a row of the record rests on: its own entry of a table and what that calls, not the entries beside it."""

import pytest

from hmlm_lib.evaluation import benchmark, definitions, rows
from hmlm_lib.evaluation.definitions import definition
from hmlm_lib.paths import ROOT

SOURCE = '''
"""A table."""
from somewhere import Big

WIDTH = 8

def build(width: int = WIDTH):
    """Docstring."""
    return Big(width)

def other():
    return MODELS["small"]

MODELS: dict[str, object] = {"small": build(2), "whole": build(), "lone": other()}
'''


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("build(2)", "build(3)", {"small"}),
        ("WIDTH = 8", "WIDTH = 9", {"small", "whole"}),
        ("return Big(width)", "return Big(2 * width)", {"small", "whole"}),
        ('"small": build(2)', '"new": build(1), "small": build(2)', set()),
        ("Docstring.", "Another.", set()),
        ("width: int", "width: float", set()),
    ],
)
def test_a_change_moves_what_it_touches(before, after, moved):
    assert before in SOURCE
    changed = SOURCE.replace(before, after)
    names = ("small", "whole", "lone")
    assert {name for name in names if definition(SOURCE, name) != definition(changed, name)} == moved


def test_what_is_not_defined_is_nothing():
    assert definition(SOURCE, "Big") is None
    with pytest.raises(ValueError, match="does not define 'nobody'"):
        rows.code_hash(("evaluation.registry#nobody",))


@pytest.mark.parametrize(
    ("module", "before", "after", "moved"),
    [
        ("registry", "_hmlm(width=8)", "_hmlm(width=4)", {("k8", "hmlm_width_8")}),
        ("shuffle", "def shuffled(", "LATER = 1\n\n\ndef shuffled(", {("k8", "hmlm_shuffled")}),
        ("benchmark", '"missing": 0.15}', '"missing": 0.3}', {("missing15_k8", "ridge")}),
        ("benchmark", "mse(corrected, b.combine.activity)}", "0.0}", "simulated"),
        ("newcell", "CellEntry(replace(TRAINING", "CellEntry(replace(LATER", {("newcell_k8", "hmlm")}),
    ],
)
def test_rows_rest_on_their_entry_their_setting_and_their_score(module, before, after, moved, monkeypatch):
    asked = [
        ("k8", "hmlm_width_8"), ("k8", "hmlm_width_32"), ("k8", "hmlm_shuffled"), ("k8", "ridge"),
        ("missing15_k8", "ridge"), ("newcell_k8", "hmlm"), ("newcell_k8", "ridge"), ("molecules_bbbp", "chmr"),
    ]  # fmt: skip
    simulated = {one for one in asked if one[0] in benchmark.SETTINGS}
    place = ROOT / "hmlm_lib" / "evaluation" / f"{module}.py"
    source = place.read_text()
    assert before in source
    read = type(place).read_text

    def changed(path, *given, **named):
        return source.replace(before, after) if path == place else read(path, *given, **named)

    today = {one: benchmark.code(*one) for one in asked}
    rows.code_hash.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(type(place), "read_text", changed)
        then = {one: benchmark.code(*one) for one in asked}
    rows.code_hash.cache_clear()
    assert {one for one in asked if today[one] != then[one]} == (simulated if moved == "simulated" else moved)


def test_every_entry_of_every_table_is_found():
    for setting in benchmark.settings():
        for model in benchmark.models(setting, benchmark.GROUPS):
            rests = benchmark.rests_on(setting, model)
            assert any(one.endswith(("#score", "#run_one", "#Family")) for one in rests), (setting, model)
    assert definitions.defined("evaluation.benchmark", SOURCE, ["nobody", "build"]) == ("evaluation.benchmark#build",)
