"""Devices to test on. `pytest -m gpu tests/gpu` asks a CUDA device; without one these tests are skipped.

HMLM_TEST_DEVICE=cpu runs the CUDA tests on the CPU, to see that they run at all. Tests that take `device` also run on
a device that is not there (`elsewhere.py`), on every machine.
"""

import os
from collections.abc import Iterator

import pytest
import torch
from elsewhere import elsewhere

# cuBLAS repeats its numbers with a workspace of its own, and reads this once.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
ASKED = "HMLM_TEST_DEVICE"


def asked_device() -> str:
    """`cuda`, or what HMLM_TEST_DEVICE names; the test is skipped where there is none."""
    wanted = os.environ.get(ASKED, "cuda")
    if wanted == "cuda" and not torch.cuda.is_available():
        pytest.skip(f"no CUDA device found; {ASKED}=cpu runs the same code on the CPU")
    return wanted


@pytest.fixture
def cuda() -> str:
    """The CUDA device alone, for what a device that is not there cannot show: precision and order of additions."""
    return asked_device()


@pytest.fixture(params=[pytest.param("cuda", marks=pytest.mark.gpu), "elsewhere"])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """The CUDA device, then the one that is not there."""
    if request.param == "cuda":
        yield asked_device()
    else:
        with elsewhere() as there:
            yield str(there)


@pytest.fixture
def repeatable() -> Iterator[None]:
    """Only algorithms that add in a fixed order."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
