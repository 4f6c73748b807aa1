"""The language models that the record's strategies read with: the shipped TinyLM, or one of the hub in its place.

HMLM_LANGUAGE_MODEL names the latter: `esm2_8m`, `owner/name`, or a folder (`hub.place`). Rows made with it bear its
mark and are kept apart from the others.
"""

import os
from functools import lru_cache

from hmlm_lib.composition.checkpoint import shipped
from hmlm_lib.composition.hub import OWN_CODE, HubLM, place
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
    """What rows say beside their code of the model: empty for the shipped one, `-` and the hub's full name (`/` as
    `--`; not its revision), or 16 hexadecimal digits of a folder's files.

    ModelError for what names no model, for one whose own code would run here, and for a folder without files or one
    that cannot be read.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return ""
    if name in OWN_CODE:
        raise ModelError(f"{name} in {VARIABLE}: it runs code from the hub, which no variable can allow")
    where = place(name)
    if isinstance(where, str):
        return "-" + where.replace("/", "--")
    try:
        files = sorted(path for path in where.iterdir() if path.is_file())
    except OSError as problem:
        raise ModelError(f"{where}: cannot be read ({problem.strerror})") from None
    if not files:
        raise ModelError(f"{name}: no file is there, though {VARIABLE} names it; allowed: a folder that holds a model")
    return "-" + contents(files, ModelError)
