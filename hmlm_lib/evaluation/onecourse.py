"""The published protocol as a table with rows, HMLM itself among the models: as published, and with noisy points."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from hmlm_lib.errors import pick
from hmlm_lib.evaluation.registry import CORE_CODE
from hmlm_lib.evaluation.rows import COMMON, make_row
from hmlm_lib.published import protocol

SETTINGS: dict[str, dict] = {"published": {"noise_sd": 0.0}, "published_noise05": {"noise_sd": 0.05}}
PUBLISHED_CODE = (*COMMON, "published", "hmlm.forest")


@dataclass(frozen=True)
class Entry:
    """knows: `nothing` or `wiring`; modules: code its rows depend on."""

    knows: str
    modules: tuple[str, ...]


MODELS: dict[str, Entry] = {name: Entry("wiring", (*PUBLISHED_CODE, *CORE_CODE)) for name in protocol.TRAINED} | {
    name: Entry("wiring" if name == "hmlm_forest" else "nothing", PUBLISHED_CODE) for name in protocol.MODELS
}


def entry(name: str) -> Entry:
    """The entry of a model; ModelError with the nearest name otherwise."""
    return pick(MODELS, name, "model", where="here")


def run_one(name: str, model: str, seed: int, points: Sequence[int] = tuple(protocol.STRIDES)) -> dict:
    """One model on one data seed, all k; the row."""
    started = time.perf_counter()
    found = protocol.run_protocol([seed], points, [model], **SETTINGS[name])
    values = {f"P/mse_k{k}": mse for k, mse in zip(found["k"], found["mse"], strict=True)}
    return make_row(name, model, seed, values | {"seconds": time.perf_counter() - started})
