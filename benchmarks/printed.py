"""Results of a benchmark as lines, or as the JSON of `reports/metrics.json`."""

import json
from collections.abc import Mapping


def printed(found: Mapping[str, Mapping[str, float]], task: str, as_json: bool) -> None:
    """found: part -> measure -> value; task: first part of every key, such as `92_chmr_cost`."""
    if as_json:
        entries = {(part, k): v for part, values in found.items() for k, v in values.items()}
        keys = {f"{task}/{part}/{k}": {"mean": v, "sd": 0.0, "n": 1} for (part, k), v in entries.items()}
        print(json.dumps(keys, indent=1))
        return
    for part, values in found.items():
        print(f"{part}: " + ", ".join(f"{name} {value:.4g}" for name, value in values.items()))
