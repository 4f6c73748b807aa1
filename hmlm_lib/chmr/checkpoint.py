"""CHMR on disk: one safetensors file with the parameters and, as metadata, configuration and numbers of features."""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save as to_safetensors

from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.errors import ModelError
from hmlm_lib.files import write_whole
from hmlm_lib.training import load_parameters, read_safetensors


def save(model: CHMR, path: str | Path) -> Path:
    """Write the model whole or not at all; returns the path."""
    about = {"kind": "CHMR", "config": json.dumps(asdict(model.config)), "features": json.dumps(model.features)}
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    write_whole(Path(path), to_safetensors(tensors, metadata=about), ModelError)
    return Path(path)


def load(path: str | Path, features: dict[str, int] | None = None) -> CHMR:
    """A saved model, ready to embed; features: of the material it shall read.

    ModelError for a damaged file, another kind of file, or structural features of another number than `features`.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such checkpoint")
    tensors, about = read_safetensors(path.read_bytes(), path)
    if about.get("kind") != "CHMR" or not {"config", "features"} <= set(about):
        raise ModelError(f"{path}: not a checkpoint of CHMR, but of {about.get('kind', 'something else')}")
    config, own = json.loads(about["config"]), json.loads(about["features"])
    for name in ("bits", "shape"):
        if features is not None and name in config["structure"] and own.get(name) != features.get(name):
            raise ModelError(f"{path}: reads {own.get(name)} features of {name}; the material has {features.get(name)}")
    model = CHMR(own, CHMRConfig(**config | {"structure": tuple(config["structure"])}))
    load_parameters(model, tensors, path)
    return model.eval()
