"""A training step recorded once as a CUDA graph and replayed: for small networks, whose steps are mostly launches.

The denoiser of latents launches some 300 kernels a step that take a few microseconds each; replayed together they cost
what they compute. A step can be recorded when it decides nothing on the CPU: its random numbers are drawn on the GPU,
its shapes never change, and nothing is read back.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["WARM_STEPS", "recorded"]

#: Steps that are taken as they are before one is recorded, so that memory and caches are as they stay.
WARM_STEPS = 5


def recorded(step: Callable[[], Any]) -> Callable[[], Any]:
    """A function that repeats `step` and returns what it did; `step` itself, with a warning, where it cannot be.

    What is returned is overwritten by the next call. Recording does not execute the step.
    """
    try:
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            outcome = step()
    except RuntimeError as error:
        warnings.warn(f"training step not recorded as a CUDA graph: {str(error).splitlines()[0]}", stacklevel=2)
        return step

    def replay() -> Any:
        graph.replay()
        return outcome

    return replay
