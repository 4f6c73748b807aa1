"""Results of a benchmark as lines, or as the JSON of `reports/metrics.json`."""

import json
import re
from collections.abc import Mapping

from hmlm_lib.errors import HmlmError
from hmlm_lib.metrics import entry

Key = tuple[str, str, str, str]  # benchmark, task, model, measure


def metrics(values: Mapping[Key, float]) -> dict[str, dict[str, float]]:
    """Entries by flat key, `NN_benchmark/task/model/measure`; what no key may hold, blanks first of all, becomes `_`.

    HmlmError for two values under one key, and for what `metrics.entry` refuses.
    """
    keys = ["/".join(re.sub(r"[^\w+.-]+", "_", str(part)).strip("_") for part in parts) for parts in values]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise HmlmError(f"metric {min(twice)!r} is there twice; allowed: one value a key")
    return {key: entry(key, value) for key, value in zip(keys, values.values(), strict=True)}


def print_metrics(values: Mapping[Key, float]) -> None:
    print(json.dumps(metrics(values), indent=1))


def printed(found: Mapping[str, Mapping[str, float]], benchmark: str, model: str, as_json: bool) -> None:
    """found: task -> measure -> value; benchmark, model: the other parts of every key, such as `92_chmr_cost`."""
    if as_json:
        print_metrics({(benchmark, task, model, k): v for task, values in found.items() for k, v in values.items()})
        return
    for task, values in found.items():
        print(f"{task}: " + ", ".join(f"{name} {value:.4g}" for name, value in values.items()))
