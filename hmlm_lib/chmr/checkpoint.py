"""CHMR on disk: one safetensors file with the parameters and, as metadata, configuration and numbers of features."""

import json
from dataclasses import asdict
from pathlib import Path

from hmlm_lib.checkpoint import read_model, write_model
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.errors import HmlmError, ModelError
from hmlm_lib.training import load_parameters


def save(model: CHMR, path: str | Path) -> Path:
    """Write the model whole or not at all; returns the path."""
    about = {"config": json.dumps(asdict(model.config)), "features": json.dumps(model.features)}
    return write_model(path, model, about)


def load(path: str | Path, features: dict[str, int] | None = None) -> CHMR:
    """A saved model, ready to embed; features: of the material it shall read.

    ModelError for a damaged file, another kind of file, or structural features of another number than `features`.
    """
    path = Path(path)
    tensors, about = read_model(path, "CHMR", ("config", "features"))
    config, own = json.loads(about["config"]), json.loads(about["features"])
    for name in ("bits", "shape"):
        if features is not None and name in config["structure"] and own.get(name) != features.get(name):
            raise ModelError(f"{path}: reads {own.get(name)} features of {name}; the material has {features.get(name)}")
    try:
        model = CHMR(own, CHMRConfig(**config | {"structure": tuple(config["structure"])}))
    except (TypeError, KeyError, HmlmError) as problem:
        raise ModelError(f"{path}: of another version, or not as it was written ({problem})") from None
    load_parameters(model, tensors, path)
    return model.eval()
