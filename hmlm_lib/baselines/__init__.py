"""Everything HMLM is compared with: one protocol (`protocol.py`), one file a family."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hmlm_lib.baselines.protocol import Model
else:
    Model = Any  # `n_parameters` exists after fit: no run-time check can hold before it

__all__ = ["Model"]
