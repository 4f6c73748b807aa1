"""A device that is not there, to find code that mixes devices: values lie on the CPU, the tensors say they do not.

Within `elsewhere()` the device `meta` behaves as CUDA would. Operations take tensors of one device, except for numbers
(no axis), indices and masks into a tensor elsewhere, and copies; a generator has to be of the device that it draws on;
NumPy is reached by `.cpu()` alone. What breaks one of these rules raises `Mixed`, which names the operation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")  # known to every build of PyTorch, backward passes included
CPU = torch.device("cpu")
aten = torch.ops.aten
COPIES = (aten._to_copy, aten.copy_)
INDEXING = (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index)


class Mixed(RuntimeError):
    """An operation that CUDA would refuse."""


class There(Tensor):
    """A tensor elsewhere; `value` holds its numbers."""

    value: Tensor

    @staticmethod
    def __new__(cls, value: Tensor) -> "There":
        places = {}
        if value.layout is torch.strided:  # a sparse one is labelled as if it were dense
            places = {"strides": value.stride(), "storage_offset": value.storage_offset()}
        found = torch.Tensor._make_wrapper_subclass(cls, value.shape, dtype=value.dtype, device=DEVICE, **places)
        found.value = value
        return found

    def tolist(self) -> list:
        return self.value.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return dispatched(func, args, kwargs or {})


class Elsewhere(TorchDispatchMode):
    """Sees what no tensor elsewhere takes part in: tensors being made."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return dispatched(func, args, kwargs or {})


class Written(TorchFunctionMode):
    """Tensors written out as numbers, lists of rows as well: PyTorch itself makes these without numbers on `meta`."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        named = kwargs or {}
        if func is Tensor.new_tensor and isinstance(args[0], There) and "device" not in named:
            return torch.tensor(args[1], **{"dtype": args[0].dtype} | named).to(DEVICE)
        if func in (Tensor.__getitem__, Tensor.__setitem__):
            return func(args[0], _rows(args[1]), *args[2:])
        at = named.get("device")
        if func in (torch.tensor, torch.as_tensor) and not isinstance(args[0], Tensor) and at is not None:
            return func(*args, **named | {"device": CPU}).to(at)
        return func(*args, **named)


def _rows(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_rows(part) for part in index)
    return torch.tensor(index) if isinstance(index, list) else index


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """The device, for as long as the context lasts."""
    with Written(), Elsewhere():
        yield DEVICE


def dispatched(func: Any, args: tuple, kwargs: dict) -> Any:
    """func on the CPU, after a look at where its tensors say they are; results say the same."""
    there = _is_there(func, args, kwargs)
    plain = tree_map(_value, (args, kwargs))
    found = func(*plain[0], **plain[1])
    if not there:
        return found
    given = {id(x.value): x for x in tree_leaves((args, kwargs)) if isinstance(x, There)}  # in place: the same object
    return tree_map(lambda x: _labelled(x, given), found)


def _is_there(func: Any, args: tuple, kwargs: dict) -> bool:
    """Whether the result lies elsewhere; Mixed where no device can be told."""
    leaves = tree_leaves((args, kwargs))
    tensors = [x for x in leaves if isinstance(x, Tensor)]
    anywhere = any(isinstance(x, There) for x in tensors)
    wanted = kwargs.get("device")
    packet = func.overloadpacket
    if packet is aten.copy_:
        return isinstance(args[0], There)
    there = anywhere if wanted is None else wanted == DEVICE
    generators = [x for x in leaves if isinstance(x, torch.Generator)]
    if there and generators:
        raise Mixed(f"{func}: drawn elsewhere by a generator of the {generators[0].device}")
    if packet in COPIES or not anywhere:
        return there
    if packet in INDEXING:
        tensors = [args[0], *args[2:3]] if isinstance(args[0], There) else tensors
    here = [x for x in tensors if not isinstance(x, There) and x.ndim]
    if here:
        raise Mixed(f"{func}: {[tuple(x.shape) for x in here]} on the CPU, other tensors elsewhere")
    return there


def _labelled(x: Any, given: dict[int, There]) -> Any:
    if not isinstance(x, Tensor):
        return x
    return given[id(x)] if id(x) in given else There(x)


def _value(x: Any) -> Any:
    if isinstance(x, There):
        return x.value
    return CPU if isinstance(x, torch.device) and x == DEVICE else x
