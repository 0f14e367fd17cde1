"""The structure VAE of Trellis (Xiang et al., 2025): dense convolutions between occupancy and a coarse latent grid.

Residual blocks of LayerNorm over the channels of each voxel, SiLU and 3^3 convolutions; halving by a convolution of
2^3, doubling by a convolution and a 3-D pixel shuffle. stem > 1 makes blocks of stem^3 voxels channels of the finest
level, in place of the published finer levels, whose convolutions of few channels CPUs do slowly (our choice).
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.unet3d import VoxelNorm, fold, unfold, zero

__all__ = ["StructureDecoder", "StructureEncoder", "dice_loss"]

#: Bounds of the log variance, for the exponential's sake.
_LOG_VARIANCE = (-20.0, 10.0)


class StructureEncoder(nn.Module):
    """Occupancy (n, 1, d, d, d) of 0 and 1 -> mean and log variance (n, latent, s, s, s).

    The side s is d / (stem 2^(levels - 1)). widths: channels of each level, finest first. blocks: residual blocks a
    level. middle: those at the end besides.
    """

    def __init__(self, *, stem: int, widths: Sequence[int], blocks: int, middle: int, latent: int):
        super().__init__()
        self.stem = stem
        layers: list[nn.Module] = [nn.Conv3d(stem**3, widths[0], 3 if stem == 1 else 1, padding=int(stem == 1))]
        for i, width in enumerate(widths):
            if i:
                layers.append(nn.Conv3d(widths[i - 1], width, 2, stride=2))
            layers += [_Block(width) for _ in range(blocks)]
        layers += [_Block(widths[-1]) for _ in range(middle)]
        self.layers = nn.Sequential(*layers)
        self.norm = VoxelNorm(widths[-1])
        self.leave = nn.Conv3d(widths[-1], 2 * latent, 3, padding=1)

    def forward(self, occupancy: Tensor) -> tuple[Tensor, Tensor]:
        folded = fold(occupancy, self.stem).contiguous(memory_format=torch.channels_last_3d)
        mean, log_variance = self.leave(functional.silu(self.norm(self.layers(folded)))).chunk(2, dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCE)


class StructureDecoder(nn.Module):
    """Latents (n, latent, s, s, s) -> logits (n, 1, d, d, d); the mirror of `StructureEncoder`."""

    def __init__(self, *, stem: int, widths: Sequence[int], blocks: int, middle: int, latent: int):
        super().__init__()
        self.stem = stem
        upwards = list(widths[::-1])
        self.enter = nn.Conv3d(latent, upwards[0], 3, padding=1)
        first = [_Block(upwards[0]) for _ in range(middle + blocks)]
        self.levels = nn.ModuleList([nn.Sequential(*first)])
        self.doubling = nn.ModuleList()
        for before, width in itertools.pairwise(upwards):
            self.doubling.append(nn.Conv3d(before, 8 * width, 3, padding=1))
            self.levels.append(nn.Sequential(*(_Block(width) for _ in range(blocks))))
        self.norm = VoxelNorm(upwards[-1])
        self.leave = nn.Conv3d(upwards[-1], stem**3, 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        hidden = self.levels[0](self.enter(latents.contiguous(memory_format=torch.channels_last_3d)))
        for double, level in zip(self.doubling, self.levels[1:], strict=True):  # pyright: ignore[reportArgumentType]
            hidden = level(unfold(double(hidden), 2).contiguous(memory_format=torch.channels_last_3d))
        return unfold(self.leave(functional.silu(self.norm(hidden))), self.stem)


class _Block(nn.Module):
    """Two 3^3 convolutions, each behind norm and SiLU, beside the features, which start as they are."""

    def __init__(self, width: int):
        super().__init__()
        self.norms = nn.ModuleList(VoxelNorm(width) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv3d(width, width, 3, padding=1) for _ in range(2))
        zero(self.convs[1])  # pyright: ignore[reportArgumentType]

    def forward(self, features: Tensor) -> Tensor:
        hidden = features
        for norm, conv in zip(self.norms, self.convs, strict=True):
            hidden = conv(functional.silu(norm(hidden)))
        return features + hidden


def dice_loss(logits: Tensor, occupancy: Tensor) -> Tensor:
    """1 - (2 sum p u + 1) / (sum p + sum u + 1), p the sigmoid, with sums over the whole batch (published code)."""
    chance, solid = logits.float().sigmoid(), occupancy.float()
    return 1 - (2 * (chance * solid).sum() + 1) / (chance.sum() + solid.sum() + 1)
