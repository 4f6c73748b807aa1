"""The device a run computes on, chosen once and said aloud."""

import torch

from hmlm_lib.errors import RunError, did_you_mean

ALLOWED = ("auto", "cpu", "cuda")


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
