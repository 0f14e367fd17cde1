"""A saved configuration is not believed: a network may not be larger than the files that are to fill it.

Every field has a range (`ranges.FIELDS`) that is checked before; here the tensors that are registered are counted, and
the memory that the process may ask for while the network is built is bounded, where the system knows such a bound.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from voxplore.errors import VoxploreError

__all__ = ["guarded"]

#: Counts of a configuration that are no sizes: how much was trained, and seeds.
_NOT_SIZES = frozenset({"cells", "seed"})
_LARGEST = 1 << 20
#: Numbers and tensors that a network may have beyond those in the files (parts that are not saved).
_MORE, _TENSORS = 1 << 26, 20_000


@contextlib.contextmanager
def guarded(folder: Path, settings: Any) -> Iterator[None]:
    """Build a network for the safetensors files in `folder`; VoxploreError where it would outgrow them or cannot be."""
    where = folder / "config.json"
    _check_sizes(settings, where)
    allowed = 4 * sum(path.stat().st_size for path in folder.glob("*.safetensors")) + _MORE
    seen = [0, 0]

    def count(module: torch.nn.Module, name: str, tensor: torch.Tensor | None) -> None:
        seen[0] += 0 if tensor is None else tensor.numel()
        seen[1] += 1
        if seen[0] > allowed or seen[1] > _TENSORS:
            raise VoxploreError(where, expected="a network of the size of its files", got="a larger one")

    hooks = [register_module_parameter_registration_hook(count), register_module_buffer_registration_hook(count)]
    try:
        with _bounded(16 * allowed):
            yield
    except VoxploreError:
        raise
    except Exception as error:  # torch and Python raise a dozen types for sizes that do not fit together
        got = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise VoxploreError(where, expected="a network that can be built", got=got) from error
    finally:
        for hook in hooks:
            hook.remove()


@contextlib.contextmanager
def _bounded(more: int) -> Iterator[None]:
    """Let this process take at most so many bytes of addresses more than it has; layers that are copied count too."""
    try:
        import resource

        before = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + more
        known = [bound for bound in before if bound != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min([limit, *known]), before[1]))
    except (ImportError, OSError, ValueError):  # not on Linux
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _check_sizes(value: Any, where: Path, name: str = "") -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            _check_sizes(part, where, str(key))
    elif isinstance(value, list):
        for part in value:
            _check_sizes(part, where, name)
    elif isinstance(value, int) and abs(value) > _LARGEST and name not in _NOT_SIZES:
        raise VoxploreError(where, expected=f"{name} up to {_LARGEST}", got=str(value)[:40])
