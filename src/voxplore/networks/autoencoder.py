"""The patch transformer autoencoder of Sec. 4.2 and App. B.1, as published."""

from typing import Literal

from torch import Tensor, nn

from voxplore.networks.embed import sinusoidal_positions

__all__ = ["Decoder", "Encoder"]

Activation = Literal["relu", "gelu"]

#: Factor on the encoder's sinusoidal positions (published code).
_POSITIONS = 0.1


def to_patches(cells: Tensor, patch: int) -> Tensor:
    """(n, d, d, d) -> (n, (d / patch)^3, patch^3), patches and their voxels in C order."""
    n, d = cells.shape[0], cells.shape[1]
    grid = d // patch
    split = cells.reshape(n, grid, patch, grid, patch, grid, patch)
    return split.permute(0, 1, 3, 5, 2, 4, 6).reshape(n, grid**3, patch**3)


def from_patches(patches: Tensor, patch: int, grid: int) -> Tensor:
    """(n, grid^3, patch^3) -> (n, d, d, d) with d = grid patch; the inverse of `to_patches`."""
    n = patches.shape[0]
    split = patches.reshape(n, grid, grid, grid, patch, patch, patch)
    return split.permute(0, 1, 4, 2, 5, 3, 6).reshape(n, *(3 * (grid * patch,)))


class Encoder(nn.Module):
    """Cells uint8 (n, d, d, d) of 0 and 1 -> latents (n, latent).

    patch: edge of a patch in voxels (8 in App. B.1). width: model dimension. bottleneck: hidden width of the two-layer
    MLP from the flattened tokens to the latent. activation: of the feed-forward part.
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
        dropout: float,
        activation: Activation,
    ):
        super().__init__()
        self.patch = patch
        tokens = (resolution // patch) ** 3
        self.embed = nn.Sequential(nn.Linear(patch**3, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.register_buffer("positions", _POSITIONS * sinusoidal_positions(tokens, width), persistent=False)
        self.blocks = transformer(width, layers, heads, feed_forward, dropout, activation)
        self.to_latent = nn.Sequential(nn.Linear(tokens * width, bottleneck), nn.ReLU(), nn.Linear(bottleneck, latent))

    def forward(self, cells: Tensor) -> Tensor:
        tokens = self.embed(to_patches(cells, self.patch).float()) + self.positions
        return self.to_latent(self.blocks(tokens).flatten(1))


class Decoder(nn.Module):
    """Latents (n, latent) -> one value a voxel (n, d, d, d): a linear output, 1 for solid and 0 for void."""

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
        dropout: float,
        activation: Activation,
    ):
        super().__init__()
        self.patch, self.grid, self.width = patch, resolution // patch, width
        flat = self.grid**3 * width
        self.from_latent = nn.Sequential(nn.Linear(latent, bottleneck), nn.ReLU(), nn.Linear(bottleneck, flat))
        self.blocks = transformer(width, layers, heads, feed_forward, dropout, activation)
        self.to_patch = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, patch**3))

    def forward(self, latents: Tensor) -> Tensor:
        tokens = self.from_latent(latents).reshape(len(latents), -1, self.width)
        return from_patches(self.to_patch(self.blocks(tokens)), self.patch, self.grid)


def transformer(
    width: int, layers: int, heads: int, feed_forward: int, dropout: float, activation: Activation
) -> nn.Module:
    """`layers` post-norm self-attention layers over tokens (n, tokens, width)."""
    layer = nn.TransformerEncoderLayer(width, heads, feed_forward, dropout, activation, batch_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
