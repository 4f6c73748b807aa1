"""What benchmarks print with --json has the form of reports/metrics.json."""

import ast
import json
import re
import sys

import faults
import pytest
from breaking import damage
from breaking.outcome import Outcome
from printed import metrics, printed

from hmlm_lib.errors import HmlmError
from hmlm_lib.metrics import KEY
from hmlm_lib.paths import ROOT

COMMANDS = {path.stem: path for path in (ROOT / "benchmarks").glob("*.py") if "argparse" in path.read_text()}


def called(node):
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def test_every_key_has_four_parts_without_blanks(capsys):
    found = {"knock-outs": {"one by one": 2.0}, "in a browser, stimulus held": {"LSODA / ours": 1.5}}
    printed(found, "96_interpret_cost", "HMLM (cpu)", True)
    keys = json.loads(capsys.readouterr().out)
    assert list(keys) == [
        "96_interpret_cost/knock-outs/HMLM_cpu/one_by_one",
        "96_interpret_cost/in_a_browser_stimulus_held/HMLM_cpu/LSODA_ours",
    ]
    assert all(KEY.fullmatch(key) for key in keys)
    assert keys["96_interpret_cost/knock-outs/HMLM_cpu/one_by_one"] == {"mean": 2.0, "sd": 0.0, "n": 1}


def test_two_values_of_one_key_and_keys_of_another_form_are_refused():
    with pytest.raises(HmlmError, match="metric '96_a/b/c/d_e' is there twice; allowed: one value a key"):
        metrics({("96_a", "b", "c", "d e"): 1.0, ("96_a", "b", "c", "d, e"): 2.0})
    with pytest.raises(HmlmError, match="metric 'interpret/b/c/d'; allowed: 'NN_notebook/task/model/measure'"):
        metrics({("interpret", "b", "c", "d"): 1.0})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_benchmark_prints_its_json_so(name):
    source = COMMANDS[name].read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if called(node)]
    assert '"--json"' in source
    assert {"printed", "print_metrics"} & {called(node) for node in calls}
    shown = [inner for node in calls if called(node) == "print" for inner in ast.walk(node)]
    assert not any(isinstance(node, ast.Attribute) and node.attr == "dumps" for node in shown)
    assert re.search(r'"9\d_\w+"', source)


def test_benchmarks_have_numbers_of_their_own():
    numbers = {name: set(re.findall(r'"(9\d)_\w+"', path.read_text())) for name, path in COMMANDS.items()}
    assert sorted(n for found in numbers.values() for n in found) == [f"9{k}" for k in range(len(COMMANDS))]


def test_faults_are_printed_by_key(monkeypatch, capsys):
    outcomes = [Outcome("damaged page, then the run again", 40, "40 named", "1 silently wrong", 1)]
    monkeypatch.setattr(damage, "damage", lambda scale, seed: outcomes)
    monkeypatch.setattr(sys, "argv", ["faults.py", "damage", "--json"])
    faults.main()
    found = json.loads(capsys.readouterr().out)
    at = "97_faults/damage/damaged_page_then_the_run_again"
    assert {key: value["mean"] for key, value in found.items()} == {f"{at}/times": 40.0, f"{at}/wrong": 1.0}
