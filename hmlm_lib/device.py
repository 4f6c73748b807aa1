"""The device a run computes on: chosen once, said by commands, known to every training and to parallel processes."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_limits

from hmlm_lib.errors import RunError, did_you_mean

ALLOWED = ("auto", "cpu", "cuda")
PRECISIONS = ("float32", "bfloat16")


def choose_device(device: str = "auto") -> tuple[str, str]:
    """(device, why): `auto` takes CUDA where there is one. RunError for `cuda` without CUDA or an unknown name."""
    if device not in ALLOWED:
        raise RunError(f"no device {device!r}{did_you_mean(device, ALLOWED)}; allowed: {', '.join(ALLOWED)}")
    if device == "cpu":
        return "cpu", "asked for"
    if torch.cuda.is_available():
        return "cuda", torch.cuda.get_device_name()
    if device == "cuda":
        raise RunError("device 'cuda' was asked for, but PyTorch finds no CUDA device; allowed here: auto, cpu")
    return "cpu", "no CUDA device found"


def said(device: str = "auto") -> str:
    """What is chosen and why, as a line: `device: cpu (no CUDA device found)`. RunError as `choose_device`."""
    return "device: {} ({})".format(*choose_device(device))


def placed(device: str | torch.device) -> str:
    """Where one call puts its tensors, as PyTorch names it: `auto` and mistakes as `choose_device`, also `cuda:1`.

    RunError for what PyTorch does not know or does not find.
    """
    if isinstance(device, str) and device in ALLOWED:
        return choose_device(device)[0]
    try:
        return str(torch.empty(0, device=device).device)
    except (RuntimeError, TypeError, ValueError, AssertionError, ImportError):  # by kind of device and of mistake
        near = did_you_mean(str(device), ALLOWED)
        raise RunError(f"no device {str(device)!r} here{near}; allowed: {', '.join(ALLOWED)}") from None


_current = "cpu"


def use(device: str = "auto") -> str:
    """Trainings of this process run there from now on; returns `cpu` or `cuda`. RunError as `choose_device`."""
    global _current
    _current = choose_device(device)[0]
    return _current


def current() -> str:
    """Where trainings run."""
    return _current


def mixed(name: str = "float32") -> AbstractContextManager:
    """Within, matrix products run in that precision where trainings run; weights, sums and losses stay in float32.

    RunError for another name.
    """
    if name not in PRECISIONS:
        raise RunError(f"no precision {name!r}{did_you_mean(name, PRECISIONS)}; allowed: {', '.join(PRECISIONS)}")
    if name == "float32":
        return nullcontext()
    # Rounded weights must not be kept: within, a training moves them.
    return torch.autocast(current(), torch.bfloat16, cache_enabled=False)


@contextmanager
def one_thread() -> Iterator[None]:
    """One CPU thread within: on small graphs two threads that wait for each other on a busy machine take ten times as
    long, and with one the numbers do not depend on the number of cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):  # of NumPy's, SciPy's and scikit-learn's pools
            yield
    finally:
        torch.set_num_threads(before)


def side_by_side(run: Callable[..., Any], jobs: Iterable[tuple]) -> list:
    """run(*job) of every job, one process a core that this process may use; the same numbers as one after the other."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker stopped")  # slow to start on a busy machine, nothing is lost
        return Parallel(n_jobs=cpu_count())(delayed(_there)(current(), run, job) for job in jobs)


def _there(device: str, run: Callable[..., Any], job: tuple) -> Any:
    use(device)
    return run(*job)
