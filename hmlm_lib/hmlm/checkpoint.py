"""HMLM on disk: one safetensors file with the parameters and, as metadata, configuration, species and edges.

The same for the model of one cell (`HMLM`) and of a population (`CellHMLM`); neither loads the other's file.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path

from torch import nn

from hmlm_lib.checkpoint import read_model, write_model
from hmlm_lib.errors import ModelError
from hmlm_lib.experiments import wiring
from hmlm_lib.hmlm.cells import CellConfig, CellHMLM
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.training import load_parameters


def save(model: HMLM | CellHMLM, path: str | Path) -> Path:
    """Write the model whole or not at all; returns the path."""
    about = {
        "config": json.dumps(asdict(model.config)),
        "species": json.dumps(model.network.species_names),
        "edges": json.dumps(model.edge_labels()),
        "wiring": wiring(model.network),
        "horizon_h": repr(model.horizon_h),
    }
    return write_model(path, model, about)


def load(path: str | Path, network: SignalingNetwork) -> HMLM:
    """A saved model on its network; one with identity=False, whole or not, on any.

    ModelError for a damaged file, another kind of file, or, with identity, another network.
    """
    return _load(Path(path), network, HMLM)


def load_cells(path: str | Path, network: SignalingNetwork) -> CellHMLM:
    """The same for the model of a population."""
    return _load(Path(path), network, CellHMLM)


def _load(path: Path, network: SignalingNetwork, kind: type[HMLM | CellHMLM]) -> nn.Module:
    tensors, about = read_model(path, kind.__name__, ("config", "species", "edges", "wiring", "horizon_h"))
    model = kind.from_network(network, _config(json.loads(about["config"]), kind))
    if kind is CellHMLM or model.config.identity:
        _check_network(path, about, model)
    load_parameters(model, tensors, path)
    model.horizon_h = float(about["horizon_h"])
    return model


def _check_network(path: Path, about: dict[str, str], model: HMLM | CellHMLM) -> None:
    network = model.network
    species, edges = json.loads(about["species"]), json.loads(about["edges"])
    if species != list(network.species_names) or edges != model.edge_labels():
        raise ModelError(
            f"{path}: trained on another network ({len(species)} species, {len(edges)} edges) than {network.name!r} "
            f"({len(network.species_names)} species, {len(model.edge_labels())} edges)"
        )
    if about["wiring"] != wiring(network):
        raise ModelError(
            f"{path}: trained on a network of the same edges, but with other AND groups, inputs, modules, tau or ymax "
            f"than {network.name!r}"
        )


def _config(values: dict, kind: type) -> HMLMConfig | CellConfig:
    """Fields that this version does not know are left out."""
    form = CellConfig if kind is CellHMLM else HMLMConfig
    known = {f.name for f in fields(form)}
    values = {k: v for k, v in values.items() if k in known}
    if kind is CellHMLM:
        values["model"] = _config(values["model"], HMLM)
    return form(**values)
