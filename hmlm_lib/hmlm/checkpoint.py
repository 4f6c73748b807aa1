"""HMLM on disk: one safetensors file with the parameters and, as metadata, configuration, species and edges.

The same for the model of one cell (`HMLM`) and of a population (`CellHMLM`); neither loads the other's file.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path

from safetensors.torch import save as to_safetensors
from torch import nn

from hmlm_lib.errors import ModelError
from hmlm_lib.files import write_whole
from hmlm_lib.hmlm.cells import CellConfig, CellHMLM
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import load_parameters, read_safetensors


def save(model: HMLM | CellHMLM, path: str | Path) -> Path:
    """Write the model whole or not at all; returns the path."""
    about = {
        "kind": type(model).__name__,
        "config": json.dumps(asdict(model.config)),
        "species": json.dumps(model.network.species_names),
        "edges": json.dumps(model.edge_labels()),
        "horizon_h": repr(model.horizon_h),
    }
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    write_whole(Path(path), to_safetensors(tensors, metadata=about), ModelError)
    return Path(path)


def load(path: str | Path, network: SignalingNetwork) -> HMLM:
    """A saved model on its network; ModelError for a damaged file, another kind of file or another network."""
    return _load(Path(path), network, HMLM)


def load_cells(path: str | Path, network: SignalingNetwork) -> CellHMLM:
    """The same for the model of a population."""
    return _load(Path(path), network, CellHMLM)


def _load(path: Path, network: SignalingNetwork, kind: type[HMLM | CellHMLM]) -> nn.Module:
    if not path.is_file():
        raise ModelError(f"{path}: no such checkpoint")
    tensors, about = read_safetensors(path.read_bytes(), path)
    if not {"kind", "config", "species", "edges", "horizon_h"} <= set(about) or about["kind"] != kind.__name__:
        raise ModelError(f"{path}: not a checkpoint of {kind.__name__}, but of {about.get('kind', 'something else')}")
    model = kind.from_network(network, _config(json.loads(about["config"]), kind))
    species, edges = json.loads(about["species"]), json.loads(about["edges"])
    if species != list(network.species_names) or edges != model.edge_labels():
        raise ModelError(
            f"{path}: trained on another network ({len(species)} species, {len(edges)} edges) than {network.name!r} "
            f"({len(network.species_names)} species, {len(model.edge_labels())} edges)"
        )
    load_parameters(model, tensors, path)
    model.horizon_h = float(about["horizon_h"])
    return model


def _config(values: dict, kind: type) -> HMLMConfig | CellConfig:
    """Fields that this version does not know are left out."""
    form = CellConfig if kind is CellHMLM else HMLMConfig
    known = {f.name for f in fields(form)}
    values = {k: v for k, v in values.items() if k in known}
    if kind is CellHMLM:
        values["model"] = _config(values["model"], HMLM)
    return form(**values)
