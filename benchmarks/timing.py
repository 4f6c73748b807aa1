"""Seconds of a call."""

import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")


def timed(run: Callable[[], T], repeats: int = 1, device: str = "cpu") -> tuple[float, T]:
    """Median seconds of some calls, each until the device is done, and what the last one gave."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        found = run()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return statistics.median(times), found
