"""Tensors inside other things, moved to a device: batches and cached states have no `.to` of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor, nn


def moved(value: Any, device: str) -> Any:
    """The same with every tensor within tuples, dictionaries and dataclasses on the device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if is_dataclass(value):
        return replace(value, **{field.name: moved(getattr(value, field.name), device) for field in fields(value)})
    if isinstance(value, dict):
        return {name: moved(one, device) for name, one in value.items()}
    return tuple(moved(one, device) for one in value) if isinstance(value, tuple) else value


@contextmanager
def at(model: nn.Module, device: str) -> Iterator[None]:
    """The model on the device within, back on the CPU after."""
    model.to(device)
    try:
        yield
    finally:
        model.cpu()
