"""The language models that the record's strategies read with: the shipped TinyLM, or one of the hub in its place.

HMLM_LANGUAGE_MODEL names the latter: `esm2_8m`, `owner/name`, or a folder (`hub.py`). Rows made with it bear its mark
and are kept apart from the others.
"""

import os
import re
from functools import lru_cache
from pathlib import Path

from hmlm_lib.composition.checkpoint import shipped
from hmlm_lib.composition.hub import HubLM
from hmlm_lib.composition.language_models import LanguageModel, TinyLM
from hmlm_lib.errors import ModelError
from hmlm_lib.files import contents

VARIABLE = "HMLM_LANGUAGE_MODEL"


def encoders(trained: bool, seed: int) -> tuple[LanguageModel, LanguageModel]:
    """The model that reads peptides and the one that reads proteins: one and the same, of random weights if untrained.

    Errors of `HubLM.load` for one of the hub.
    """
    name = os.environ.get(VARIABLE)
    if name:
        model = _loaded(name, mark()) if trained else _loaded(name, mark()).untrained(seed)
    else:
        model = shipped("transphla") if trained else TinyLM.from_seed(seed).eval()
    return model, model


@lru_cache(maxsize=1)
def _loaded(name: str, _: str) -> HubLM:
    """_: mark, so that a folder that has changed is read again."""
    return HubLM.load(name)


def mark() -> str:
    """What rows say beside their code of the model: empty for the shipped one, `-` and the hub's name (`/` as `--`), or
    16 hexadecimal digits of a folder's files. ModelError for a folder without files.
    """
    name = os.environ.get(VARIABLE)
    if not name or not Path(name).is_dir():
        return "-" + re.sub("/", "--", name) if name else ""
    files = sorted(path for path in Path(name).iterdir() if path.is_file())
    if not files:
        raise ModelError(f"{name}: no file is there, though {VARIABLE} names it; allowed: a folder that holds a model")
    return "-" + contents(files, ModelError)
