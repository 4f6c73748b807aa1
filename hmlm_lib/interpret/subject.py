"""What an explanation can be asked of: a knock-out is asked of anything that predicts, all else of an HMLM."""

from hmlm_lib.errors import ModelError
from hmlm_lib.hmlm.model import HMLM


def hmlm_only(model: object, what: str) -> None:
    """ModelError, naming the explanation (what), for a model that is no HMLM."""
    if not isinstance(model, HMLM):
        raise ModelError(f"{what} explains an HMLM; {type(model).__name__} has no attention: allowed: knockout")
