"""TinyLM on disk: one safetensors file with the parameters and, as metadata, sizes and vocabulary.

Two small models come with the library (`shipped`), made by `python -m hmlm_lib.composition.shipped`; the sha256 of each
stands beside it and is checked before it is read.
"""

import json
import re
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from hmlm_lib.checkpoint import read_model, write_model
from hmlm_lib.composition.language_models import TinyConfig, TinyLM
from hmlm_lib.composition.residues import Vocabulary
from hmlm_lib.errors import ModelError, pick
from hmlm_lib.files import sha256
from hmlm_lib.training import load_parameters

FOLDER = Path(str(files("hmlm_lib"))) / "composition" / "checkpoints"


def save(model: TinyLM, path: str | Path) -> Path:
    """Write the model whole or not at all; returns the path."""
    return write_model(path, model, {"config": json.dumps(asdict(model.config))})


def load(path: str | Path) -> TinyLM:
    """A saved model, frozen; ModelError for a damaged file or another kind of file."""
    return _load(Path(path))


def _load(path: Path, trusted: bool = False) -> TinyLM:
    tensors, about = read_model(path, "TinyLM", ("config",), trusted)
    config = json.loads(about["config"])
    model = TinyLM(TinyConfig(**config | {"vocabulary": Vocabulary(**config["vocabulary"])}))
    load_parameters(model, tensors, path)
    return model.eval().requires_grad_(False)


def place(name: str) -> tuple[Path, Path]:
    """A shipped model's file and the file with its sha256."""
    return FOLDER / name / "model.safetensors", FOLDER / name / "sha256.csv"


def listed() -> dict[str, str]:
    """Shipped models and their sha256; ModelError for a record that cannot be read."""
    found = {}
    for path in sorted(FOLDER.glob("*/sha256.csv")):
        try:
            found[path.parent.name] = re.fullmatch(r"sha256\n([0-9a-f]{64})\n", path.read_text(encoding="utf-8"))[1]
        except (OSError, ValueError, TypeError):
            raise ModelError(f"{path}: not the sha256 of a shipped model; make it anew or restore it") from None
    return found


def shipped(name: str) -> TinyLM:
    """A model that comes with the library, `planted` or `transphla`.

    ModelError for another name, or where the file is not the one that was recorded.
    """
    expected = pick(listed(), name, "shipped model")
    path, record = place(name)
    if not path.is_file() or sha256(path) != expected:
        raise ModelError(f"{path}: missing or not the file recorded in {record.name}; make it anew or restore it")
    return _load(path, trusted=True)
