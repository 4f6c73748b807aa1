"""The record as one flat file: every number of valid rows under `notebook/task/model/measure`, and where it is from.

Notebooks name their numbers in the same way (`hmlm_lib/metrics.py`); theirs are of one profile and stand in
reports/<profile>/metrics.json, these are of complete trainings and stand in reports/metrics.json.
"""

import json
import re

from hmlm_lib import environment
from hmlm_lib.errors import HmlmError
from hmlm_lib.evaluation.rows import setting_file
from hmlm_lib.files import sha256
from hmlm_lib.metrics import entry

# `setting measure`, as rows name them -> key around the model, `{}`; the first that fits counts.
KEYS = {
    r"reconstruct_(k\d+) (?:A/)?(\w+)": r"05_sparse_sampling/A_\1/{}/\2",
    r"newcell_(k\d+) D/mse_unseen": r"05_sparse_sampling/D_unobserved_\1/{}/mse_all",
    r"newcell_(k\d+) (?:D/)?(\w+)": r"05_sparse_sampling/D_\1/{}/\2",
    r"newnetwork_(\w+) N/(\w+)_(\d+)": r"10_new_network/\1_\3_experiments/{}/\2",
    r"newnetwork_(\w+) (\w+)": r"10_new_network/\1/{}/\2",
    r"published_heldout H/mse_(\w+)": r"04_baselines/published_heldout_\1/{}/mse_markers",
    r"published_heldout H/mse": r"04_baselines/published_heldout/{}/mse_markers",
    r"published_heldout H/(\w+)": r"04_baselines/published_heldout/{}/\1",
    r"published P/mse_(k\d+)": r"04_baselines/published_\1/{}/mse_markers",
    r"published (\w+)": r"04_baselines/published/{}/\1",
    r"published_(\w+) P/mse_(k\d+)": r"04_baselines/published_\1_\2/{}/mse_markers",
    r"published_(\w+) (\w+)": r"04_baselines/published_\1/{}/\2",
    r"faithful_k8 (?:F/)?(\w+)": r"07_interpretability/faithfulness/{}/\1",
    r"(hidden|planted)10_k8 (?:E/)?(\w+)": r"07_interpretability/edges_\1/{}/\2",
    r"insilico (?:E/)?(\w+)": r"07_interpretability/edges_insilico/{}/\1",
    r"hpn_(\w+) R/rmse": r"09_real_data/\1/{}/rmse_log2",
    r"hpn_(\w+) R/coverage": r"09_real_data/\1/{}/coverage",
    r"hpn_(\w+) R/(\w+)": r"09_real_data/\1_\2/{}/rmse_log2",
    r"hpn_(\w+) (\w+)": r"09_real_data/\1/{}/\2",
    r"literature (?:L/)?(\w+)": r"09_real_data/literature/{}/\1",
    r"molecules_(biogen) M/test": r"06_chmr/\1/{}/mae",
    r"molecules_(biogen) M/(\w+)": r"06_chmr/\1_\2/{}/mae",
    r"molecules_(\w+) M/test": r"06_chmr/\1/{}/auroc",
    r"molecules_(\w+) M/(\w+)": r"06_chmr/\1_\2/{}/auroc",
    r"molecules_(\w+) (\w+)": r"06_chmr/\1/{}/\2",
    r"imputed_(\w+) I/(\w+)_(random|scaffold)": r"06_chmr/imputed_\1_\3/{}/\2",
    r"imputed_(\w+) (\w+)": r"06_chmr/imputed_\1/{}/\2",
    r"composition_16k L/(\w*)unseen(\w*)": r"08_composition/\1unseen_allele\2/{}/auroc",
    r"composition_16k L/(\w+)": r"08_composition/\1/{}/auroc",
    r"composition_16k (\w+)": r"08_composition/composition_16k/{}/\1",
    r"overexpressed_(\w+) O/(\w+)": r"04_baselines/C_overexpressed_\1/{}/\2",
    r"(\w+) ([ABC])/(\w+)": r"04_baselines/\2_\1/{}/\3",
    r"(\w+) (\w+)": r"04_baselines/\1/{}/\2",
}


def key(setting: str, model: str, measure: str) -> str:
    """Flat key of a model's measure in a setting; HmlmError for a measure that has none."""
    asked = f"{setting} {measure}"
    fits = next((found for pattern in KEYS if (found := re.fullmatch(pattern, asked))), None)
    if fits is None:
        raise HmlmError(f"{measure!r} of {setting!r} has no key: add one to KEYS")
    return fits.expand(KEYS[fits.re.pattern]).format(model)


def metrics(record: dict[str, list[dict]]) -> dict[str, dict[str, float]]:
    """Flat key -> mean, sd and n over the seeds, of every single number that rows hold; lists are left out.

    record: setting -> its valid rows.
    """
    found: dict[str, list[float]] = {}
    for setting, rows in record.items():
        for row in rows:
            for measure, value in row["values"].items():
                if isinstance(value, float):
                    found.setdefault(key(setting, row["model"], measure), []).append(value)
    return {name: entry(name, found[name]) for name in sorted(found)}


def manifest(record: dict[str, list[dict]]) -> dict:
    """What these numbers are from: file, models, their seeds and the hash of the code that made them, by setting.

    written_with: versions and machine that wrote this file, the one part that differs from machine to machine; rows may
    have been made on others.
    """
    made = {}
    for setting, rows in record.items():
        models: dict[str, dict] = {}
        for row in rows:
            models.setdefault(row["model"], {"code": row["code"], "seeds": []})["seeds"].append(row["seed"])
        if models:
            made[setting] = {
                "rows": f"reports/rows/{setting}.jsonl",
                "sha256": sha256(setting_file(setting)),
                "models": {name: said | {"seeds": sorted(said["seeds"])} for name, said in sorted(models.items())},
            }
    written_with = {"versions": environment.versions(), "machine": environment.machine()}
    return {"profile": "record", "written_with": written_with, "settings": made}


def as_lines(value: dict, depth: int) -> str:
    """JSON with a line for every entry down to a depth, deeper ones on the line of theirs: one number, one line."""
    return _lines(value, depth, "") + "\n"


def _lines(value: object, depth: int, indent: str) -> str:
    if depth == 0 or not isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    inner = indent + " "
    entries = [f"{inner}{json.dumps(name)}: {_lines(one, depth - 1, inner)}" for name, one in value.items()]
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
