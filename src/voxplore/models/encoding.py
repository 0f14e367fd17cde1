"""What generators in a latent space share: cells as numbers, and the latents of a whole training set at once."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from voxplore.geometry import apply_operation
from voxplore.models.voxels import OPERATIONS, fixed_batch
from voxplore.unitcells import unpack

__all__ = ["encoded", "occupancy"]


def occupancy(voxels: np.ndarray | Tensor, device: str) -> Tensor:
    """Bool or uint8 (n, d, d, d) -> float32 (n, 1, d, d, d): 1 solid, 0 void."""
    solid = voxels if isinstance(voxels, Tensor) else torch.from_numpy(np.ascontiguousarray(voxels).view(np.uint8))
    return solid.to(device)[:, None].float()


@torch.no_grad()
def encoded(
    encode: Callable[[Tensor], Tensor], packed: np.ndarray, resolution: int, augment: str, batch: int, device: str
) -> Tensor:
    """What `encode` makes of every cell in every orientation of `augment`, in memory: float16 (orientations n, ...).

    encode: from occupancy (batch, 1, d, d, d); batches are filled up, so that none depends on what comes after it.
    """
    parts = []
    for operation in OPERATIONS[augment]:
        for first in range(0, len(packed), batch):
            turned = apply_operation(unpack(packed[first : first + batch], resolution), operation)
            parts.append(fixed_batch(encode, occupancy(turned, device), batch).half())
    return torch.cat(parts)
