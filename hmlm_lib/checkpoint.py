"""Models on disk: one safetensors file with the parameters and, as metadata, what it takes to build the model again.

The metadata hold a sha256 of everything else in the file: a bit that flipped would otherwise be another, silent model.
"""

from collections.abc import Collection
from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from hmlm_lib.errors import ModelError
from hmlm_lib.files import write_whole
from hmlm_lib.training import fingerprint, read_safetensors


def write_model(path: str | Path, model: nn.Module, about: dict[str, str]) -> Path:
    """Write parameters, the model's kind and `about`, whole or not at all; returns the path."""
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    about = {"kind": type(model).__name__, **about}
    about["sha256"] = fingerprint(tensors, about)
    write_whole(Path(path), save(tensors, metadata=about), ModelError)
    return Path(path)


def read_model(
    path: Path, kind: str, needs: Collection[str], trusted: bool = False
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Parameters and metadata; ModelError for no file, a damaged one, another kind, or metadata without `needs`.

    trusted: the whole file was compared with a fingerprint already, it need not hold its own.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        reason = "no such checkpoint" if isinstance(problem, FileNotFoundError) else f"cannot be read ({problem})"
        raise ModelError(f"{path}: {reason}") from None
    tensors, about = read_safetensors(data, path)
    if not {"kind", *needs} <= set(about) or about["kind"] != kind:
        raise ModelError(f"{path}: not a checkpoint of {kind}, but of {about.get('kind', 'something else')}")
    expected = about.pop("sha256", None)
    if not trusted and expected != fingerprint(tensors, about):
        problem = "without a sha256, which older versions did not write" if expected is None else "damaged"
        raise ModelError(f"{path}: {problem}; restore it, or train and save the model again")
    return tensors, about
