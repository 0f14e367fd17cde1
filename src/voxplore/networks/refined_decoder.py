"""A decoder on the asymmetric unit with a periodic U-Net behind it, which makes struts and sheets even (our choice).

What the transformer puts out patch by patch still carries the errors of each patch. A strut goes on from patch to patch
and across the faces of the cell, and convolutions see both sides.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.asymmetric_unit import asymmetric_unit, join_patches, unfold_unit, voxels_of
from voxplore.networks.unit_autoencoder import UnitDecoder

__all__ = ["PeriodicUNet", "RefinedDecoder"]

#: Logits of many voxels reach far beyond what a convolution's weights start for.
_UNIT = 10.0


class PeriodicUNet(nn.Module):
    """A field (n, d, d, d) -> a correction of the same shape, zero before training; d a multiple of 2^(levels - 1).

    widths: channels of each level, from fine to coarse, each level half the side of the one before.
    """

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.first = _convolution(1, widths[0])
        self.down = nn.ModuleList(nn.Conv3d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(nn.ConvTranspose3d(b, a, 2, stride=2) for a, b in pairwise(widths))
        self.before, self.after = (nn.ModuleList(map(_Block, part)) for part in (widths, widths[:-1]))
        self.last = _convolution(widths[0], 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # pyright: ignore
        self.to(memory_format=torch.channels_last_3d)  # pyright: ignore

    def forward(self, field: Tensor) -> Tensor:
        features, skips = self.first(field[:, None].contiguous(memory_format=torch.channels_last_3d)), []
        for block, down in zip(self.before, self.down, strict=False):
            skips.append(block(features))
            features = down(skips[-1])
        features = self.before[-1](features)
        for after, up, skip in reversed(list(zip(self.after, self.up, skips, strict=True))):
            features = after(skip + up(features))
        return self.last(features)[:, 0]


class RefinedDecoder(nn.Module):
    """`decoder`, then `head` on its logits before they are interpolated; flips stay exact. widths: of the head."""

    def __init__(self, decoder: UnitDecoder, widths: tuple[int, ...]):
        super().__init__()
        self.decoder, self.head = decoder, PeriodicUNet(widths)

    def forward(self, latents: Tensor, group: int = 1) -> Tensor:
        """As `UnitDecoder`: latents (n, m squeeze) -> logits (n, d, d, d)."""
        return self.decoder.interpolated(self.block_logits(latents, group))

    def unit(self, latents: Tensor, group: int = 1) -> Tensor:
        """As `UnitDecoder`: logits of the unit's patches alone, (n, m, patch^3)."""
        return self.decoder.interpolated_unit(self.block_logits(latents, group), group)

    def block_logits(self, latents: Tensor, group: int = 1) -> Tensor:
        """Logits of blocks (n, s, s, s) with the flips `group`: those of the unit, corrected, and their images."""
        values, unit = self.decoder.block_logits(latents, group).float(), asymmetric_unit(group, self.decoder.grid)
        values = values + _UNIT * self.head(values / _UNIT)
        patches = voxels_of(values, self.decoder.values, unit.patches.to(values.device))
        edges = 3 * (self.decoder.values,)
        return join_patches(unfold_unit(patches.reshape(*patches.shape[:2], *edges), unit), self.decoder.grid)


class _Block(nn.Module):
    """A residual block of two convolutions behind a norm over all features of a cell."""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.one, self.two = nn.GroupNorm(1, width), _convolution(width, width), _convolution(width, width)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.two(functional.relu(self.one(self.norm(features))))


def _convolution(inputs: int, outputs: int) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 3, padding=1, padding_mode="circular")
