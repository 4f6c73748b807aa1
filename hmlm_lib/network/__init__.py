"""Signalling networks: rules, the network itself, the bundled one, readers and writers of the field's formats."""

from pathlib import Path

from hmlm_lib.errors import TableError
from hmlm_lib.network.bundled import MARKERS, load_network
from hmlm_lib.network.netflux import read_netflux, read_netflux_archive
from hmlm_lib.network.network import NetworkArrays, SignalingNetwork
from hmlm_lib.network.rules import Reactant, Rule, parse_rule
from hmlm_lib.network.sif import edges_to_network, read_sif, write_sif
from hmlm_lib.network.tables import read_tables, write_tables

__all__ = [
    "MARKERS",
    "NetworkArrays",
    "Reactant",
    "Rule",
    "SignalingNetwork",
    "edges_to_network",
    "load_network",
    "parse_rule",
    "read_netflux",
    "read_netflux_archive",
    "read_network",
    "read_sif",
    "read_tables",
    "write_sif",
    "write_tables",
]


def read_network(path: str | Path) -> SignalingNetwork:
    """Any supported network: Netflux .xlsx or .xls, .sif, or a folder with species.csv and reactions.csv."""
    path = Path(path)
    readers = {".xlsx": read_netflux, ".xls": read_netflux, ".sif": read_sif}
    if path.is_dir():
        return read_tables(path)
    if path.suffix.lower() not in readers:
        raise TableError(f"{path}: unknown format; allowed: .xlsx, .xls, .sif, or a folder of our two tables")
    return readers[path.suffix.lower()](path)
