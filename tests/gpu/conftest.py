"""A pretended GPU: tensors that say they are on it and hold their numbers on the CPU, and fail where places meet.

Real numbers, so that what depends on data runs as well; every operation that mixes the CPU and the GPU in a way that
CUDA would refuse raises `TwoPlaces`. Python is told of the GPU; torch's own C++ takes all for tensors of the CPU, as it
was built without CUDA.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

GPU, CPU, META = torch.device("cuda", 0), torch.device("cpu"), torch.device("meta")
_aten = torch.ops.aten
#: Operations between places: copies, and indexing by numbers that lie on the CPU.
_COPIES = {_aten.copy_.default, _aten._foreach_copy_.default}
_INDEXED = {_aten.index.Tensor, _aten.index_put_.default, _aten.index_put.default, _aten._index_put_impl_.default}


class TwoPlaces(RuntimeError):
    """Tensors of two devices met."""


class There(Tensor):
    """A tensor that says it is on the GPU; `held` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "There":
        shell = torch.empty_strided(held.size(), held.stride(), dtype=held.dtype, device="meta")
        made = Tensor._make_subclass(cls, shell, False, dispatch_device=True, device_for_backend_keys=CPU)
        made.held = held
        return made

    @property
    def device(self) -> torch.device:
        return GPU

    __torch_function__ = torch._C._disabled_torch_function_impl

    def tolist(self) -> Any:
        return self.held.tolist()

    def __repr__(self, **_: Any) -> str:
        return f"There({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _run(func: Any, args: tuple, kwargs: dict) -> Any:
    """An operation of torch on what is held; its results are where its tensors are."""
    if func is torch.ops.prim.device.default:
        return CPU
    there = any(isinstance(leaf, There) for leaf in tree_leaves((args, kwargs)))
    if not there:
        out = func(*args, **kwargs)
        # What the backward pass makes by itself, such as zeros for a gradient that there is none of.
        made_behind = torch._C._current_graph_task_id() != -1 and not _tensors(args, kwargs)
        return (
            tree_map_only(Tensor, There, out) if made_behind and kwargs.get("device") != torch.device("meta") else out
        )
    _check(func, args, kwargs)
    if func is _aten._fused_sdp_choice.default:
        return 0
    held = tree_map_only(There, lambda one: one.held, (args, kwargs))
    out = func(*held[0], **held[1])
    if func in _COPIES and not isinstance(tree_leaves(args)[0], There):
        return args[0]
    return return_and_correct_aliasing(func, args, kwargs, tree_map_only(Tensor, There, out))


def _tensors(args: tuple, kwargs: dict) -> list[Tensor]:
    return [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]


def _check(func: Any, args: tuple, kwargs: dict) -> None:
    if func in _COPIES:
        return
    tensors = _tensors(args, kwargs)
    if func in _INDEXED and isinstance(args[0], There):
        indices = [leaf for leaf in tree_leaves(args[1]) if isinstance(leaf, Tensor)]
        tensors = [one for one in tensors if not any(one is index for index in indices)]
    # One number of the CPU may come along.
    here = [one for one in tensors if not isinstance(one, There) and one.ndim > 0]
    if here and len(here) < len(tensors):
        raise TwoPlaces(f"{func}: tensors of the CPU and of the GPU, shapes {[tuple(one.shape) for one in tensors]}")


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """Calls from Python that name a device, or another tensor to go to."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "to":
            return _moved(func, args, kwargs)
        if name in ("cpu", "cuda"):
            return _put(args[0], CPU if name == "cpu" else GPU)
        if name == "svd_lowrank":  # written in Python, it draws on the device
            with self:
                return torch._lowrank._svd_lowrank(*args, **kwargs)
        if name in ("__get__", "_parse_to") or not _is_gpu(kwargs.get("device")):
            return func(*args, **kwargs)
        made = func(*args, **{**kwargs, "device": CPU})
        return tree_map_only(Tensor, lambda tensor: _put(tensor, GPU), made)


def _moved(func: Any, args: tuple, kwargs: dict) -> Tensor:
    """`tensor.to(...)`: first the type and the order of axes, then the place."""
    tensor, *rest = args
    targets = [kwargs.get("device"), *(one for one in rest if isinstance(one, torch.device | str | Tensor))]
    target = next((one for one in targets if one is not None), tensor)
    kinds = [one.dtype if isinstance(one, Tensor) else one for one in rest if isinstance(one, torch.dtype | Tensor)]
    kept = {key: kwargs[key] for key in ("dtype", "memory_format", "copy") if kwargs.get(key) is not None}
    if kinds:
        kept["dtype"] = kinds[0]
    found = func(tensor, **kept) if kept else tensor
    place = target.device if isinstance(target, Tensor) else torch.device(target)
    return _put(found, place)


def _put(tensor: Tensor, place: torch.device) -> Tensor:
    if (place.type == "cuda") == isinstance(tensor, There):
        return tensor
    moved = tensor.held.clone() if isinstance(tensor, There) else There(tensor.detach().clone())
    return moved.requires_grad_(tensor.requires_grad)


def _is_gpu(value: Any) -> bool:
    return value is not None and torch.device(value).type == "cuda"


class _Generator(torch.Generator):
    """One of the CPU, whatever the device that is named."""

    def __new__(cls, device: Any = "cpu") -> "_Generator":
        return super().__new__(cls, "cpu")


@pytest.fixture
def two_places() -> type[TwoPlaces]:
    """What is raised where tensors of two devices meet."""
    return TwoPlaces


@pytest.fixture
def fake_gpu() -> Iterator[None]:
    """The device "cuda" is one on which everything runs, and which fails where it meets the CPU."""
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    with contextlib.ExitStack() as held:
        held.callback(torch.__future__.set_overwrite_module_params_on_conversion, overwrite)
        held.enter_context(mock.patch("torch.Generator", _Generator))
        held.enter_context(mock.patch("torch.cuda.synchronize", return_value=None))
        held.enter_context(mock.patch("torch.cuda.get_device_name", return_value="a pretended GPU"))
        held.enter_context(_Functions())
        held.enter_context(_Dispatch())
        yield
