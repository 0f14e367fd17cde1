"""Sparse volumes held densely: features that are zero wherever a mask is, and operations that keep it so.

A sparse volume is a pair: features (n, c, r, r, r) and a mask (n or 1, 1, r, r, r) of 0 and 1 in the features' type.
Because absent voxels hold zeros, a dense convolution followed by the mask is a submanifold convolution (Graham et al.,
2018) to the last digit of rounding; no library for sparse convolutions is needed at these sizes. The other operations
count active voxels alone: group norm, pooling, attention, and the subdivision of the voxels that are kept.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "MaskedConv3d",
    "MaskedGroupNorm",
    "coordinates",
    "dilated",
    "masked_max_pool",
    "masked_mean_pool",
    "plain_parents",
    "subdivide",
]


class MaskedConv3d(nn.Module):
    """Submanifold convolution of odd `kernel`: the active voxels of the result are those of the input."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3):
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        return self.conv(features) * mask


class MaskedGroupNorm(nn.Module):
    """Group norm whose mean and variance are taken over the active voxels of each cell.

    groups: at most this many, fewer where they would not divide the channels.
    """

    def __init__(self, channels: int, groups: int = 8, eps: float = 1e-5):
        super().__init__()
        self.groups, self.eps = math.gcd(channels, groups), eps
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        wide = features.float()
        channels = wide.shape[1]
        count = mask.float().sum((2, 3, 4)).clamp(min=1.0) * (channels // self.groups)
        mean = self._by_group(wide.sum((2, 3, 4))) / count
        square = self._by_group(wide.square().sum((2, 3, 4))) / count
        inverse = (square - mean.square()).clamp(min=0.0).add(self.eps).rsqrt()
        each = channels // self.groups
        scale = self.weight * inverse.repeat_interleave(each, 1)
        shift = self.bias - mean.repeat_interleave(each, 1) * scale
        return torch.addcmul(shift[..., None, None, None], wide, scale[..., None, None, None]) * mask

    def _by_group(self, sums: Tensor) -> Tensor:
        return sums.reshape(len(sums), self.groups, -1).sum(2)


def dilated(occupancy: Tensor, factor: int) -> Tensor:
    """Early dilation: the coarse grid (n, 1, r / factor, ...) of an occupancy (n, 1, r, r, r).

    Each active voxel activates the eight coarse voxels whose centres are nearest to its own, two along each axis, so
    that a coarse grid surrounds what it stands for (XCube, published code). Seen from the coarse voxel, that is the
    largest value within two coarse edges centred on it. factor: 1 or even.
    """
    return occupancy if factor == 1 else functional.max_pool3d(occupancy, 2 * factor, factor, factor // 2)


def plain_parents(mask: Tensor, factor: int = 2) -> Tensor:
    """The coarse voxels with an active child."""
    return mask if factor == 1 else functional.max_pool3d(mask, factor)


def masked_max_pool(features: Tensor, mask: Tensor, coarse: Tensor) -> Tensor:
    """The largest feature among the active ones of each block of 2^3; zero where there is none or `coarse` is zero."""
    lowest = torch.finfo(features.dtype).min
    pooled = functional.max_pool3d(features.masked_fill(mask == 0, lowest), 2)
    return pooled.masked_fill((pooled == lowest) | (coarse == 0), 0.0)


def masked_mean_pool(features: Tensor, mask: Tensor) -> Tensor:
    """The mean of the active features of each block of 2^3; zero where there is none."""
    return functional.avg_pool3d(features, 2) / functional.avg_pool3d(mask, 2).clamp(min=1 / 8)


def subdivide(features: Tensor, keep: Tensor, factor: int = 2) -> tuple[Tensor, Tensor]:
    """Split each kept voxel into factor^3 candidates with its features; returns features and mask of the finer grid."""
    if factor == 1:
        return features * keep, keep
    finer = functional.interpolate(features * keep, scale_factor=factor, mode="nearest")
    return finer, functional.interpolate(keep, scale_factor=factor, mode="nearest")


def coordinates(side: int, device: torch.device | str | None = None) -> Tensor:
    """Voxel centres (1, 3, side, side, side) in -1 ... 1."""
    axis = (torch.arange(side, device=device) + 0.5) * (2 / side) - 1
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))[None]
