"""Which of torch's implementations of attention a network uses (our choice)."""

import contextlib

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

__all__ = ["attention_for"]


def attention_for(tokens: Tensor) -> contextlib.AbstractContextManager:
    """Plain matrix products where a CPU trains: for so few tokens torch's fused attention takes longer backwards."""
    trained = torch.is_grad_enabled() and tokens.device.type == "cpu"
    return sdpa_kernel(SDPBackend.MATH) if trained else contextlib.nullcontext()
