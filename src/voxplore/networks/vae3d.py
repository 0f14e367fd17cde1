"""A 3-D convolutional encoder and decoder between cells and one latent vector, periodic across opposite faces.

Blocks of `stem`^3 voxels become channels before the first convolution, so that no convolution runs at full resolution
with few channels, which CPUs do slowly; each further level halves the side the same way.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.unet3d import fold, unfold

__all__ = ["VolumeDecoder", "VolumeEncoder"]

#: Bounds of the log variance, so that no cell is encoded as a point or as nothing at all.
_LOG_VARIANCE = (-12.0, 6.0)


class VolumeEncoder(nn.Module):
    """Cells uint8 (n, d, d, d) of 0 and 1 -> mean and log variance of a Gaussian, each (n, latent).

    widths: channels of each level; the first has the side d / stem. blocks: residual blocks a level. The side
    d / stem has to be divisible by 2^(levels - 1).
    """

    def __init__(self, *, resolution: int, stem: int, widths: Sequence[int], blocks: int, latent: int):
        super().__init__()
        self.stem = stem
        self.enter = nn.Conv3d(stem**3, widths[0], 1)
        self.levels = nn.ModuleList(_blocks(width, blocks) for width in widths)
        self.down = nn.ModuleList(nn.Conv3d(8 * a, b, 1) for a, b in itertools.pairwise(widths))
        self.norm = _norm(widths[-1])
        self.leave = nn.Linear(widths[-1] * _side(resolution, stem, widths) ** 3, 2 * latent)

    def forward(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.enter(fold(2 * cells[:, None].float() - 1, self.stem))
        for i, level in enumerate(self.levels):
            hidden = level(self.down[i - 1](fold(hidden, 2)) if i else hidden)
        mean, log_variance = self.leave(functional.silu(self.norm(hidden)).flatten(1)).chunk(2, dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCE)


class VolumeDecoder(nn.Module):
    """Latents (n, latent) -> logits (n, d, d, d); the mirror of `VolumeEncoder`."""

    def __init__(self, *, resolution: int, stem: int, widths: Sequence[int], blocks: int, latent: int):
        super().__init__()
        self.stem, self.width, self.side = stem, widths[-1], _side(resolution, stem, widths)
        upwards = list(widths[::-1])
        self.enter = nn.Linear(latent, self.width * self.side**3)
        self.levels = nn.ModuleList(_blocks(width, blocks) for width in upwards)
        self.up = nn.ModuleList(nn.Conv3d(a, 8 * b, 1) for a, b in itertools.pairwise(upwards))
        self.norm = _norm(upwards[-1])
        self.leave = nn.Conv3d(upwards[-1], stem**3, 1)

    def forward(self, latents: Tensor) -> Tensor:
        hidden = self.enter(latents).reshape(-1, self.width, *3 * (self.side,))
        for i, level in enumerate(self.levels):
            hidden = level(unfold(self.up[i - 1](hidden), 2) if i else hidden)
        return unfold(self.leave(functional.silu(self.norm(hidden))), self.stem)[:, 0]


class _Block(nn.Module):
    """Two periodic 3^3 convolutions beside the features, which start as they are."""

    def __init__(self, width: int):
        super().__init__()
        self.norms = nn.ModuleList(_norm(width) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv3d(width, width, 3, padding=1, padding_mode="circular") for _ in range(2))
        torch.nn.init.zeros_(self.convs[1].weight)  # pyright: ignore[reportArgumentType]

    def forward(self, features: Tensor) -> Tensor:
        hidden = features
        for norm, conv in zip(self.norms, self.convs, strict=True):
            hidden = conv(functional.silu(norm(hidden)))
        return features + hidden


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(width) for _ in range(count)))


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(min(8, width), width)


def _side(resolution: int, stem: int, widths: Sequence[int]) -> int:
    """The side of the coarsest level."""
    return resolution // stem // 2 ** (len(widths) - 1)
