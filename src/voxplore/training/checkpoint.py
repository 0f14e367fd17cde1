"""Checkpoints of one training stage: one safetensors file, written in one step, its facts in the header."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from voxplore import storage
from voxplore.errors import VoxploreError

__all__ = ["compact", "expand", "load_state", "read_tensors", "save_state", "write_tensors"]

_SCALE = ".scale"
_LARGE = 1 << 14


def write_tensors(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write named tensors and JSON facts to `path` atomically."""
    from safetensors.torch import save_file

    with storage.atomic_file(path) as temporary:
        ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(ready, temporary, metadata={"facts": json.dumps(facts)})


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and facts of `path`; VoxploreError where it is absent or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            facts = storage.json_value((file.metadata() or {}).get("facts", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise VoxploreError(path, expected="a safetensors file", got=str(error)[:200] or "nothing") from error


def compact(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Large matrices and kernels of float32 or float16 as int8 with one float32 scale a row; the rest as it is."""
    small: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or tensor.dtype not in (torch.float32, torch.float16) or tensor.numel() < _LARGE:
            small[name] = tensor
            continue
        tensor = tensor.float()
        scale = tensor.abs().amax(dim=tuple(range(1, tensor.ndim)), keepdim=True).clamp(min=1e-12) / 127
        small[name], small[name + _SCALE] = (tensor / scale).round().to(torch.int8), scale
    return small


def expand(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `compact`, up to the rounding; float tensors of other models pass through."""
    scales = {name for name in tensors if name.endswith(_SCALE) and name.removesuffix(_SCALE) in tensors}
    plain = {name: tensor for name, tensor in tensors.items() if name not in scales}
    for name in scales:
        plain[name.removesuffix(_SCALE)] = tensors[name.removesuffix(_SCALE)].float() * tensors[name]
    return plain


def save_state(
    path: Path, module: nn.Module, optimiser: optim.Optimizer, ema: dict[str, Tensor], facts: dict[str, Any]
) -> None:
    """Write module, optimiser and averaged weights with facts such as the step."""
    tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    tensors |= {f"ema.{name}": tensor for name, tensor in ema.items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{key}": value for key, value in state.items()}
    write_tensors(path, tensors, facts)


def load_state(path: Path, module: nn.Module, optimiser: optim.Optimizer, ema: dict[str, Tensor]) -> dict[str, Any]:
    """Put a checkpoint back into its four places, wherever those are; returns the facts."""
    tensors, facts = read_tensors(path)
    try:
        module.load_state_dict(_under("module.", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        for name, tensor in _under("optimiser.", tensors).items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = _laid_as(parameters[int(number)], tensor)
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        for name, tensor in _under("ema.", tensors).items():
            ema[name].copy_(tensor)
    except (RuntimeError, KeyError, ValueError, IndexError) as error:
        got = str(error).splitlines()[0][:200]
        raise VoxploreError(path, expected="a checkpoint of this model", got=got) from error
    return facts


def _laid_as(parameter: Tensor, tensor: Tensor) -> Tensor:
    """A tensor of the parameter's shape with its order of axes in memory, which fused optimisers take for granted."""
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
