"""A refiner of voxels that works on patches: each patch sees its six neighbours, and theirs, periodic.

A three-dimensional convolution with few channels is slow on CPUs; 4^3 voxels folded into 64 channels make every layer
one large matrix product (our choice).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["PatchRefiner"]


class PatchRefiner(nn.Module):
    """Logits of repaired voxels: (b, d, d, d) of 0 and 1 -> (b, d, d, d). d is a multiple of `patch`.

    Untrained, it hands the cell on as it is. layers: how many patches far a patch sees, less one.
    """

    def __init__(self, patch: int = 4, width: int = 128, layers: int = 2):
        super().__init__()
        self.patch = patch
        voxels = patch**3
        self.start = nn.Linear(7 * voxels, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.mixers = nn.ModuleList(nn.Linear(7 * width, width) for _ in range(layers))
        self.end = nn.Linear(width, voxels)
        nn.init.zeros_(self.end.weight)
        nn.init.zeros_(self.end.bias)
        self.trust = nn.Parameter(torch.tensor(3.0))
        """Logit of a voxel that stays as in the input."""

    def forward(self, voxels: Tensor) -> Tensor:
        signs = 2 * self._fold(voxels) - 1
        hidden = F.gelu(self.start(_with_neighbours(signs)))
        for norm, mixer in zip(self.norms, self.mixers, strict=True):
            hidden = hidden + F.gelu(mixer(_with_neighbours(norm(hidden))))
        return self._unfold(self.end(hidden) + self.trust * signs)

    def _fold(self, voxels: Tensor) -> Tensor:
        """(b, d, d, d) -> (b, d/p, d/p, d/p, p^3)."""
        return _split(voxels, self.patch).permute(0, 1, 3, 5, 2, 4, 6).flatten(4)

    def _unfold(self, patches: Tensor) -> Tensor:
        p = self.patch
        b, t = patches.shape[:2]
        return patches.view(b, t, t, t, p, p, p).permute(0, 1, 4, 2, 5, 3, 6).reshape(b, t * p, t * p, t * p)


def _split(voxels: Tensor, p: int) -> Tensor:
    b, d = voxels.shape[:2]
    return voxels.reshape(b, d // p, p, d // p, p, d // p, p)


def _with_neighbours(patches: Tensor) -> Tensor:
    """(b, t, t, t, c) -> (b, t, t, t, 7 c): each with its six neighbours across all faces."""
    sides = [patches.roll(way, axis) for axis in (1, 2, 3) for way in (1, -1)]
    return torch.cat([patches, *sides], dim=-1)
