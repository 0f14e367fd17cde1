"""What a training or a drawing ran on, in one line."""

import platform
from pathlib import Path

import torch

__all__ = ["hardware"]


def hardware(device: str) -> str:
    """Such as "NVIDIA H200, torch 2.9.0", or for the CPU its model and the threads that torch uses."""
    library = f"torch {torch.__version__.split('+')[0]}"
    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}, {library}"
    threads = torch.get_num_threads()
    return f"{_cpu()}, {threads} thread{'s' if threads > 1 else ''}, {library}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine() or "CPU"
