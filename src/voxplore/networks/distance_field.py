"""A smooth distance to the solid of a periodic cell, by Fourier transforms (our choice).

The logarithm of the solid convolved with exp(-r / length) tends to the distance to the solid as the length gets small
(Varadhan, 1967). Where a strut moves by a voxel, occupancy changes completely beside it and not at all elsewhere; this
field changes a little everywhere, so that cells alike have fields alike.
"""

from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["distance_field"]

#: Below this the transforms' rounding is all there is: the distance ends at some 30 lengths, in a void cell.
_LEAST = 1e-13


def distance_field(solid: Tensor, length: float) -> Tensor:
    """-length log (solid * exp(-r / length)) of solid shares of blocks (n, s, s, s), periodic, in blocks: float32."""
    kernel = _kernel(solid.shape[-1], length).to(solid.device)
    axes = (1, 2, 3)
    spectrum = torch.fft.rfftn(solid.double(), dim=axes) * kernel
    near = torch.fft.irfftn(spectrum, s=solid.shape[1:], dim=axes)
    return (-length * near.clamp(min=_LEAST).log()).float()


@lru_cache(maxsize=8)
def _kernel(side: int, length: float) -> Tensor:
    """Spectrum of exp(-r / length), r the distance to the nearest image of the block at the origin."""
    along = torch.arange(side, dtype=torch.float64)
    squared = torch.minimum(along, side - along).square()
    r = (squared[:, None, None] + squared[:, None] + squared).sqrt()
    return torch.fft.rfftn(torch.exp(-r / length))
