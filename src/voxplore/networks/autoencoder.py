"""The patch transformer autoencoder of Sec. 4.2 and App. B.1, with the few options that our own recipes turn."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.embed import sinusoidal_positions
from voxplore.networks.transformer import TransformerLayer

__all__ = ["Decoder", "Encoder"]

Norm = Literal["post", "pre"]


def to_patches(cells: Tensor, patch: int) -> Tensor:
    """(n, d, d, d) -> (n, (d / patch)^3, patch^3), patches and their voxels in C order."""
    n, d = cells.shape[0], cells.shape[1]
    grid = d // patch
    split = cells.reshape(n, grid, patch, grid, patch, grid, patch)
    return split.permute(0, 1, 3, 5, 2, 4, 6).reshape(n, grid**3, patch**3)


def from_patches(patches: Tensor, patch: int, grid: int) -> Tensor:
    """(n, grid^3, c patch^3) -> (n, c, d, d, d) with d = grid patch; the inverse of `to_patches` for c = 1."""
    n = patches.shape[0]
    split = patches.reshape(n, grid, grid, grid, -1, patch, patch, patch)
    return split.permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(n, -1, *(3 * (grid * patch,)))


class Encoder(nn.Module):
    """Cells uint8 (n, d, d, d) of 0 and 1 -> latents (n, latent).

    patch: edge of a patch in voxels (8 in App. B.1). width: model dimension. bottleneck: hidden width of the two-layer
    MLP from the flattened tokens to the latent. squeeze: width to which each token is cut before it is flattened; 0
    flattens them whole, as published. positions_scale: factor on the sinusoidal positions (0.1 in the published code).
    """

    def __init__(
        self,
        *,
        resolution: int,
        patch: int,
        width: int,
        layers: int,
        heads: int,
        feed_forward: int,
        bottleneck: int,
        latent: int,
        squeeze: int,
        dropout: float,
        norm: Norm,
        positions_scale: float,
    ):
        super().__init__()
        self.patch = patch
        tokens = (resolution // patch) ** 3
        self.embed = nn.Sequential(nn.Linear(patch**3, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        positions = positions_scale * sinusoidal_positions(tokens, width)
        self.register_buffer("positions", positions, persistent=False)
        self.blocks = transformer(width, layers, heads, feed_forward, dropout, norm)
        self.squeeze = nn.Linear(width, squeeze) if squeeze else nn.Identity()
        flat = tokens * (squeeze or width)
        self.to_latent = nn.Sequential(nn.Linear(flat, bottleneck), nn.ReLU(), nn.Linear(bottleneck, latent))

    def forward(self, cells: Tensor) -> Tensor:
        tokens = self.embed(to_patches(cells, self.patch).float()) + self.positions
        return self.to_latent(self.squeeze(self.blocks(tokens)).flatten(1))


class Decoder(nn.Module):
    """Latents (n, latent) -> one value a voxel (n, d, d, d): a linear output, or logits, as the loss reads it.

    channels: 0 puts each token's patch out by a linear map, as published. With c > 0 channels each token puts out its
    patch at half the resolution, which two periodic convolutions of 3^3 sharpen to full resolution, so that struts
    run smoothly across patches and opposite faces (our choice).
    """

    def __init__(
        self,
        *,
        resolution: int,
        patch: int,
        width: int,
        layers: int,
        heads: int,
        feed_forward: int,
        bottleneck: int,
        latent: int,
        squeeze: int,
        dropout: float,
        norm: Norm,
        channels: int,
    ):
        super().__init__()
        self.patch, self.grid, self.width = patch, resolution // patch, squeeze or width
        tokens = self.grid**3
        flat = tokens * self.width
        self.from_latent = nn.Sequential(nn.Linear(latent, bottleneck), nn.ReLU(), nn.Linear(bottleneck, flat))
        self.widen = nn.Linear(squeeze, width) if squeeze else nn.Identity()
        # Without these a squeezed token would have to learn its place from the latent alone.
        self.positions = nn.Parameter(0.02 * torch.randn(tokens, width)) if squeeze else None
        self.blocks = transformer(width, layers, heads, feed_forward, dropout, norm)
        self.channels = channels
        if channels:
            self.to_patch = nn.Linear(width, channels * (patch // 2) ** 3)
            self.sharpen = PeriodicSharpener(channels)
        else:
            self.to_patch = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, patch**3))

    def forward(self, latents: Tensor) -> Tensor:
        tokens = self.widen(self.from_latent(latents).reshape(len(latents), -1, self.width))
        tokens = tokens if self.positions is None else tokens + self.positions
        patches = self.to_patch(self.blocks(tokens))
        if self.channels:
            return self.sharpen(from_patches(patches, self.patch // 2, self.grid))
        return from_patches(patches, self.patch, self.grid)[:, 0]

    def compare(self, latents: Tensor, cells: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """(decoded values, cells), both (n, d^3), for the loss; all voxels, whatever the share."""
        return self(latents).flatten(1), cells.flatten(1).float()


class PeriodicSharpener(nn.Module):
    """(n, c, d/2, d/2, d/2) -> (n, d, d, d) by two 3^3 convolutions, periodic across opposite faces, and a shuffle."""

    def __init__(self, channels: int):
        super().__init__()
        self.mix = nn.Conv3d(channels, 2 * channels, 3)
        self.put = nn.Conv3d(2 * channels, 8, 3)

    def forward(self, field: Tensor) -> Tensor:
        hidden = functional.gelu(self.mix(wrap(field)))
        fine = self.put(wrap(hidden))
        n, _, h, _, _ = fine.shape
        shuffled = fine.reshape(n, 2, 2, 2, h, h, h).permute(0, 4, 1, 5, 2, 6, 3)
        return shuffled.reshape(n, 2 * h, 2 * h, 2 * h)


def wrap(field: Tensor) -> Tensor:
    """Pad the last three axes by one voxel with the opposite face."""
    return functional.pad(field, (1, 1, 1, 1, 1, 1), mode="circular")


def transformer(width: int, layers: int, heads: int, feed_forward: int, dropout: float, norm: Norm) -> nn.Module:
    """`layers` self-attention layers over tokens (n, tokens, width)."""
    layer = TransformerLayer(width, heads, feed_forward, dropout, norm_first=norm == "pre")
    final = nn.LayerNorm(width) if norm == "pre" else None
    return nn.TransformerEncoder(layer, layers, norm=final, enable_nested_tensor=False)
