"""Models of your own in the results table, by the dotted name of their class: `mymodels.Mine`.

The class is called with `seed=` where it takes one. Its instances have `fit`, `predict` and, once fitted,
`n_parameters` (`baselines.Model`). A row counts while the file that holds the class can be imported and is as it was.
"""

import importlib
import inspect
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hmlm_lib.baselines import Model
from hmlm_lib.errors import ModelError, check_finite
from hmlm_lib.experiments import Experiments
from hmlm_lib.files import sha256

ARRAYS = ("stimulus", "factor", "y0", "times_h", "activity")  # of Experiments
LARGEST = 1e50  # of a prediction: scores square squares
READ: dict[Path, str] = {}  # file -> its sha256 when a class of it was first imported in this process


def is_outside(name: str) -> bool:
    """Whether a model's name is that of a class; models of the study have no dot."""
    return "." in name


def imported(name: str) -> type[Model]:
    """The class `package.module.Class`, the folder of the command included.

    ModelError for what cannot be imported or is no such class, and for a file that has changed since it was imported.
    """
    module, _, cls = name.rpartition(".")
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), cls)
    except (Exception, SystemExit) as problem:  # of a file that is not ours
        raise ModelError(f"model {name!r} cannot be imported ({problem}); allowed: package.module.Class") from None
    finally:
        if added:
            sys.path.remove(here)
    lacks = [part for part in ("fit", "predict") if not callable(getattr(found, part, None))]
    if not inspect.isclass(found) or lacks:
        what = f"has no {' and no '.join(lacks)}" if inspect.isclass(found) else "is no class"
        raise ModelError(f"model {name!r} {what}; allowed: a class with fit and predict")
    try:
        path = Path(inspect.getfile(found))
        now = sha256(path)
    except (TypeError, OSError):
        raise ModelError(f"model {name!r} has no file; allowed: a class in a file of Python") from None
    if READ.setdefault(path, now) != now:
        raise ModelError(f"{path} has changed since model {name!r} was imported; allowed: a new process")
    return found


def importable(name: str) -> bool:
    """Whether `imported` finds the class today."""
    try:
        imported(name)
    except ModelError:
        return False
    return True


def made(name: str, seed: int) -> Model:
    """A new instance, with the seed where its class takes one; ModelError where it cannot be made so."""
    cls = imported(name)
    try:
        return cls(seed=seed) if "seed" in inspect.signature(cls).parameters else cls()
    except TypeError as problem:
        raise ModelError(f"model {name!r} cannot be made ({problem}); allowed: called with seed= or nothing") from None


def apart(experiments: Experiments) -> Experiments:
    """The same experiments with arrays of their own: what a model writes there changes no one else's."""
    return replace(experiments, **{name: getattr(experiments, name).copy() for name in ARRAYS})


class Checked:
    """What `fit` returned: every answer is looked at before it is scored, and nothing that it writes is kept.

    ModelError unless it says how many parameters it has and predicts a finite number of all that is asked.
    """

    def __init__(self, fitted: object, name: str):
        for part in ("predict", "n_parameters"):
            if not hasattr(fitted, part):
                what = f"fit returned {type(fitted).__name__}, without {part}"
                raise ModelError(f"model {name!r}: {what}; allowed: self")
        check_finite(fitted.n_parameters, f"model {name!r}: n_parameters", ModelError)
        self.fitted, self.name, self.n_parameters = fitted, name, fitted.n_parameters

    def predict(self, experiments: Experiments) -> Float[np.ndarray, "condition time species"]:
        """Its trajectories of experiments without measurements."""
        said = np.asarray(self.fitted.predict(apart(experiments)))
        shape, kind = experiments.activity.shape, said.dtype.kind in "fiub"
        allowed = f"finite numbers of shape {shape}, [condition, time, species], none beyond {LARGEST:g}"
        if said.shape != shape or not kind:
            what = f"shape {said.shape}" if kind else f"{said.dtype}"
            raise ModelError(f"model {self.name!r} predicts an array of {what}; allowed: {allowed}")
        odd = ~(np.abs(said) <= LARGEST)
        if odd.any():
            what = "too large" if np.isfinite(said).all() else "not finite"
            raise ModelError(f"model {self.name!r} predicts {odd.sum()} numbers {what}; allowed: {allowed}")
        return said


def mark(name: str) -> str:
    """What a row's code says of the file that holds the class; "" for a model of the study."""
    return f"+{READ[Path(inspect.getfile(imported(name)))][:12]}" if is_outside(name) else ""
