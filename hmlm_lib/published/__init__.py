"""The published HMLM protocol, written anew: its data, its five models, its faults, each with a switch.

Source for every fact in this package: the authors' public notebook (HasiHays/HMLMs, MIT) and arXiv 2512.00696.
"""

from hmlm_lib.published.data import MARKERS, published_data, published_network
from hmlm_lib.published.protocol import PRINTED, REFERENCE, run_protocol

__all__ = ["MARKERS", "PRINTED", "REFERENCE", "published_data", "published_network", "run_protocol"]
