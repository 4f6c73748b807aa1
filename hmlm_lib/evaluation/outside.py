"""Models of your own in the results table, by the dotted name of their class: `mymodels.Mine`.

The class is called with `seed=` where it takes one. Its instances have `fit`, `predict` and, once fitted,
`n_parameters` (`baselines.Model`). A row counts while the file that holds the class can be imported and is as it was.
"""

import importlib
import inspect
import sys
from pathlib import Path

from hmlm_lib.baselines import Model
from hmlm_lib.errors import ModelError
from hmlm_lib.files import sha256


def is_outside(name: str) -> bool:
    """Whether a model's name is that of a class; models of the study have no dot."""
    return "." in name


def imported(name: str) -> type[Model]:
    """The class `package.module.Class`, the folder of the command included; ModelError for anything else."""
    module, _, cls = name.rpartition(".")
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), cls)
    except Exception as problem:  # of a file that is not ours
        raise ModelError(f"model {name!r} cannot be imported ({problem}); allowed: package.module.Class") from None
    finally:
        sys.path.remove(here)
    return _checked(found, name)


def _checked(found: object, name: str) -> type[Model]:
    lacks = [part for part in ("fit", "predict") if not callable(getattr(found, part, None))]
    if not inspect.isclass(found) or lacks:
        what = f"has no {' and no '.join(lacks)}" if inspect.isclass(found) else "is no class"
        raise ModelError(f"model {name!r} {what}; allowed: a class with fit and predict")
    return found


def importable(name: str) -> bool:
    """Whether `imported` finds the class today."""
    try:
        imported(name)
    except ModelError:
        return False
    return True


def made(name: str, seed: int) -> Model:
    """A new instance, with the seed where its class takes one."""
    cls = imported(name)
    return cls(seed=seed) if "seed" in inspect.signature(cls).parameters else cls()


def mark(name: str) -> str:
    """What a row's code says of the file that holds the class; "" for a model of the study."""
    return f"+{sha256(Path(inspect.getfile(imported(name))))[:12]}" if is_outside(name) else ""
