"""The published HMLM protocol, written anew: its data, its five models, its faults, each with a switch.

Source for every fact in this package: the authors' public notebook (HasiHays/HMLMs, MIT) and arXiv 2512.00696.
"""

from hmlm_lib.published.data import MARKERS, published_data, published_network

__all__ = ["MARKERS", "PRINTED", "REFERENCE", "published_data", "published_network", "run_protocol"]


def __getattr__(name: str) -> object:
    """The protocol is read when it is asked for: it rests on `hmlm.forest`, which rests on `data` of this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hmlm_lib.published import protocol

    return getattr(protocol, name)
