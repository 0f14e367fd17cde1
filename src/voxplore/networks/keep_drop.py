"""The sparse structure VAE of XCube (Ren et al., 2024): a grid of active voxels <-> latents on a coarser grid.

The decoder goes from coarse to fine. At each level it says of every candidate voxel whether it is kept or dropped, and
splits the kept ones into the candidates of the next level; what is kept at the finest level is the grid. Sparse volumes
are held densely (`masked3d.py`). Two logits a voxel, as published, are one logit of keeping: the same chances.

Level i of the encoder has the side r / (block 2^i). With block = 1 the finest level is the grid itself, as published;
with block > 1 blocks of block^3 voxels are channels of its finest level, and the decoder's last head tells all of them
at once, so that no convolution runs at full resolution with few channels, which CPUs do slowly (our choice).
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.gaussian import gaussian_divergence, gaussian_draw
from voxplore.networks.masked3d import (
    MaskedConv3d,
    MaskedGroupNorm,
    coordinates,
    dilated,
    masked_max_pool,
    subdivide,
)
from voxplore.networks.unet3d import fold, unfold

__all__ = ["KeepDropDecoder", "KeepDropEncoder", "KeepDropVAE", "Told", "keep_drop_loss", "pyramid"]

#: Octaves of sine and cosine of the coordinates that an active voxel is told by (published code).
_OCTAVES = 5
#: Bounds of the log variance, for the exponential's sake.
_LOG_VARIANCE = (-20.0, 10.0)


class Told(NamedTuple):
    """What the decoder says of one level: logits of keeping and candidates, both (n, 1, s, s, s)."""

    logits: Tensor
    candidates: Tensor

    @property
    def kept(self) -> Tensor:
        """The candidates that are kept, 0 or 1."""
        return self.candidates * (self.logits > 0)


def pyramid(grid: Tensor, block: int, levels: int) -> list[Tensor]:
    """The dilated grids that `levels` levels stand on, finest first: sides r / block, r / (2 block), ..."""
    return [dilated(grid, block * 2**i) for i in range(levels)]


class KeepDropVAE(nn.Module):
    """Encoder and decoder of one level of the hierarchy; arguments as theirs."""

    def __init__(
        self, *, block: int, widths: Sequence[int], latent: int, dense: bool, stem: int = 32, bottleneck: int = 2
    ):
        super().__init__()
        shared = {"block": block, "widths": widths, "latent": latent, "bottleneck": bottleneck}
        self.encoder = KeepDropEncoder(**shared, dense=dense, stem=stem)
        self.decoder = KeepDropDecoder(**shared)
        self.block, self.count, self.dense = block, len(widths), dense

    @property
    def factor(self) -> int:
        """Side of the grid over the side of its latents."""
        return self.block * 2 ** (self.count - 1)

    def mask(self, grid: Tensor) -> Tensor:
        """Where the latents of a grid (n, 1, r, r, r) live: (n, 1, s, s, s)."""
        coarse = dilated(grid, self.factor)
        return torch.ones_like(coarse) if self.dense else coarse

    def compare(self, grid: Tensor, own: bool) -> tuple[Tensor, Tensor]:
        """Cross-entropy of keeping, and KL divergence to N(0, 1) a latent voxel, of grids (n, 1, r, r, r).

        own: the decoder goes on with what it keeps itself, as published; else with the true voxels besides.
        """
        mean, log_variance = self.encoder(grid)
        mask = self.mask(grid)
        truth = pyramid(grid, self.block, self.count)[::-1] + ([grid] if self.block > 1 else [])
        told = self.decoder(gaussian_draw(mean, log_variance), mask, () if own else truth)
        divergence = (gaussian_divergence(mean, log_variance) * mask).sum() / mask.sum().clamp(min=1.0)
        return keep_drop_loss(told, truth), divergence


class KeepDropEncoder(nn.Module):
    """Grids (n, 1, r, r, r) of 0 and 1 -> mean and log variance (n, latent, s, s, s), s = r / (block 2^(levels - 1)).

    widths: channels of each level, finest first. stem: features that an active voxel starts with. dense: the coarsest
    grid is filled up into a full cube of latents, zeros where no voxel is; else latents live on the dilated grid.
    bottleneck: number of double convolutions before the latents (published code: two).
    """

    def __init__(
        self, *, block: int, widths: Sequence[int], latent: int, dense: bool, stem: int = 32, bottleneck: int = 2
    ):
        super().__init__()
        self.block, self.dense = block, dense
        self.place = nn.Conv3d(3 + 6 * _OCTAVES, stem, 1)
        self.enter = nn.Conv3d(block**3, stem, 1, bias=False)
        before = [stem, *widths[:-1]]
        self.levels = nn.ModuleList(DoubleConv(a, max(b // 2, a), b) for a, b in zip(before, widths, strict=True))
        width = widths[-1]
        between = (DoubleConv(width, width, width) for _ in range(bottleneck - 1))
        self.bottleneck = nn.ModuleList([*between, DoubleConv(width, width, 2 * latent, last=True)])

    def forward(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        masks = pyramid(grid, self.block, len(self.levels))
        folded = fold(grid, self.block).contiguous(memory_format=torch.channels_last_3d)
        features = (self.place(_positions(masks[0])) + self.enter(folded)) * masks[0]
        for i, level in enumerate(self.levels):
            features = masked_max_pool(features, masks[i - 1], masks[i]) if i else features
            features = level(features, masks[i])
        mask = torch.ones_like(masks[-1]) if self.dense else masks[-1]
        for layer in self.bottleneck:
            features = layer(features, mask)
        mean, log_variance = features.chunk(2, dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCE)


class KeepDropDecoder(nn.Module):
    """Latents (n, latent, s, s, s) on a mask -> what is told at each level, coarsest first; the last is the grid."""

    def __init__(self, *, block: int, widths: Sequence[int], latent: int, bottleneck: int = 2):
        super().__init__()
        self.block = block
        upwards = list(widths[::-1])
        inputs = [latent, *(bottleneck - 1) * [upwards[0]]]
        self.bottleneck = nn.ModuleList(DoubleConv(a, upwards[0], upwards[0]) for a in inputs)
        self.levels = nn.ModuleList(DoubleConv(a, b, b) for a, b in itertools.pairwise(upwards))
        self.heads = nn.ModuleList(_Head(width) for width in upwards)
        self.last = nn.Conv3d(upwards[-1], block**3, 1) if block > 1 else None

    def forward(self, latents: Tensor, mask: Tensor, truth: Sequence[Tensor] = ()) -> list[Told]:
        """mask: the candidates of the coarsest level. truth: true grids, coarsest first, that are kept besides."""
        features = (latents * mask).contiguous(memory_format=torch.channels_last_3d)
        for layer in self.bottleneck:
            features = layer(features, mask)
        told = []
        for i, head in enumerate(self.heads):
            if i:
                features, mask = subdivide(features, _kept(told[-1], truth, i - 1))
                features = self.levels[i - 1](features, mask)
            logits, hidden = head(features, mask)
            told.append(Told(logits, mask))
        if self.last is not None:
            _, mask = subdivide(mask, _kept(told[-1], truth, len(self.heads) - 1), self.block)
            told.append(Told(unfold(self.last(hidden), self.block), mask))
        return told


class DoubleConv(nn.Module):
    """Twice group norm, convolution and ReLU on the active voxels. last: no ReLU at the end (latents have signs)."""

    def __init__(self, inputs: int, middle: int, outputs: int, last: bool = False):
        super().__init__()
        self.norms = nn.ModuleList(MaskedGroupNorm(width) for width in (inputs, middle))
        self.convs = nn.ModuleList([MaskedConv3d(inputs, middle), MaskedConv3d(middle, outputs)])
        self.last = last

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        for i, (norm, conv) in enumerate(zip(self.norms, self.convs, strict=True)):
            features = conv(norm(features, mask), mask)
            features = features if i and self.last else functional.relu(features)
        return features


class _Head(nn.Module):
    """Group norm, convolution, ReLU, then one linear map a voxel."""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.conv = MaskedGroupNorm(width), MaskedConv3d(width, width)
        self.leave = nn.Conv3d(width, 1, 1)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the features that they were read from."""
        hidden = functional.relu(self.conv(self.norm(features, mask), mask))
        return self.leave(hidden), hidden


def keep_drop_loss(told: Sequence[Told], truth: Sequence[Tensor]) -> Tensor:
    """Cross-entropy of keeping, a mean over the candidates of each level, summed over levels (published code).

    truth: the true grid of each level (n, 1, s, s, s), coarsest first.
    """
    total = torch.zeros((), device=told[0].logits.device)
    for level, grid in zip(told, truth, strict=True):
        each = functional.binary_cross_entropy_with_logits(level.logits.float(), grid.float(), reduction="none")
        there = level.candidates.float()
        total = total + (each * there).sum() / there.sum().clamp(min=1.0)
    return total


def _kept(told: Told, truth: Sequence[Tensor], level: int) -> Tensor:
    """The candidates that are split further, and the true ones besides where those are given."""
    kept = told.kept.detach()
    return torch.maximum(kept, truth[level] * told.candidates) if truth else kept


def _positions(mask: Tensor) -> Tensor:
    """Coordinates of the voxels with their sines and cosines (1, 3 + 6 octaves, s, s, s)."""
    places = coordinates(mask.shape[-1], mask.device)
    angles = [math.pi * 2**k * places for k in range(_OCTAVES)]
    return torch.cat([places, *(part for angle in angles for part in (angle.sin(), angle.cos()))], dim=1)
