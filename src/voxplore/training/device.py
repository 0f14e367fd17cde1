"""Which device a model works on, and what makes a GPU fast: TF32, tuned convolutions, channels last."""

import contextlib
import os
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import nn

from voxplore.errors import VoxploreError

__all__ = ["fast_arithmetic", "on_gpu", "pick_device", "placed"]

Module = TypeVar("Module", bound=nn.Module)


def pick_device(device: str) -> str:
    """ "auto" is CUDA where there is one, else the CPU; under torchrun each process has its own GPU.

    Raises VoxploreError for a word that names no device, and for a device that is not there.
    """
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    local = os.environ.get("LOCAL_RANK")
    device = f"cuda:{local}" if device == "cuda" and local is not None else device
    try:
        torch.empty(0, device=device)
    except Exception as error:  # torch raises three types, by what is missing
        expected = "auto, cpu, or cuda where there is a GPU that torch can use"
        raise VoxploreError("device", expected=expected, got=device[:40]) from error
    return device


def on_gpu(device: str) -> bool:
    """Whether this is a CUDA device."""
    return device.startswith("cuda")


def placed(module: Module, device: str) -> Module:
    """The module on the device; on a GPU the weights of 3-D convolutions lie channels last, which is fast there."""
    module = module.to(device)
    return module.to(memory_format=torch.channels_last_3d) if on_gpu(device) else module  # pyright: ignore


@contextlib.contextmanager
def fast_arithmetic(device: str) -> Iterator[None]:
    """On a GPU: products of float32 matrices in TF32, and the fastest of the convolutions that fit, found by trying.

    For networks alone: TF32 keeps 10 bits, too few for exact nearest neighbours (`diffusion/nearest.py`).
    """
    if not on_gpu(device):
        yield
        return
    precision, benchmark = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.backends.cudnn.benchmark = benchmark
