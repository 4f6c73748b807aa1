"""Models on disk: one safetensors file with the parameters and, as metadata, what it takes to build the model again."""

from collections.abc import Collection
from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from hmlm_lib.errors import ModelError
from hmlm_lib.files import write_whole
from hmlm_lib.training import read_safetensors


def write_model(path: str | Path, model: nn.Module, about: dict[str, str]) -> Path:
    """Write parameters, the model's kind and `about`, whole or not at all; returns the path."""
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    write_whole(Path(path), save(tensors, metadata={"kind": type(model).__name__, **about}), ModelError)
    return Path(path)


def read_model(path: Path, kind: str, needs: Collection[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Parameters and metadata; ModelError for no file, a damaged one, another kind, or metadata without `needs`."""
    if not path.is_file():
        raise ModelError(f"{path}: no such checkpoint")
    tensors, about = read_safetensors(path.read_bytes(), path)
    if not {"kind", *needs} <= set(about) or about["kind"] != kind:
        raise ModelError(f"{path}: not a checkpoint of {kind}, but of {about.get('kind', 'something else')}")
    return tensors, about
