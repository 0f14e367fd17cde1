"""Fixed sinusoidal embeddings of positions and of time."""

import math

import torch
from torch import Tensor

__all__ = ["sinusoidal", "sinusoidal_positions"]


def sinusoidal(values: Tensor, width: int, longest: float = 10_000.0) -> Tensor:
    """(n,) -> (n, width): sines, then cosines, of `values` at width / 2 geometrically spaced frequencies."""
    half = width // 2
    frequencies = torch.exp(-math.log(longest) * torch.arange(half, device=values.device) / half)
    angles = values[:, None].float() * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def sinusoidal_positions(tokens: int, width: int) -> Tensor:
    """(tokens, width): sine and cosine interleaved, the positions of the original transformer."""
    sine, cosine = sinusoidal(torch.arange(tokens), width).chunk(2, dim=1)
    return torch.stack([sine, cosine], dim=2).flatten(1)
