"""The patch transformer autoencoder (Sec. 4.2, App. B.1) on the asymmetric unit of each cell.

The same layers as `autoencoder`, with what trains on CPUs (our choices): pre-norm layers, a narrower feed-forward part,
learned positions, tokens squeezed before they are flattened, windows that overlap by a margin so that struts run
smoothly across patches and opposite faces, and one embedding for each set of flips. With `bottleneck` 0 the squeezed
tokens themselves are the latent, so that its length follows the cell's symmetry. With `scale` 2 the layers see blocks
of 2^3 voxels and put out one logit for each, which periodic cubic interpolation brings to the voxels, so that surfaces
are smooth.
"""

import torch
from torch import Tensor, nn

from voxplore.networks.asymmetric_unit import (
    asymmetric_unit,
    join_patches,
    overlap_pairs,
    places_of,
    unfold_unit,
    voxels_of,
)
from voxplore.networks.attention import attention_for
from voxplore.networks.principal import block_mean, periodic_cubic

__all__ = ["UnitDecoder", "UnitEncoder"]


class _UnitTransformer(nn.Module):
    """What both halves share: positions, the embedding of a set of flips, the layers."""

    def __init__(
        self, *, resolution: int, patch: int, width: int, layers: int, heads: int, feed_forward: int, scale: int = 1
    ):
        super().__init__()
        self.patch, self.grid, self.scale = patch, resolution // patch, scale
        self.positions = nn.Parameter(0.02 * torch.randn(self.grid**3, width))
        self.symmetry = nn.Embedding(256, width)
        nn.init.zeros_(self.symmetry.weight)
        layer = nn.TransformerEncoderLayer(
            width, heads, feed_forward, dropout=0.0, activation="relu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)

    def transformed(self, tokens: Tensor, group: int, patches: Tensor) -> Tensor:
        """Tokens (n, m, width) of the unit through the layers."""
        with attention_for(tokens):
            return self.blocks(tokens + self.positions[patches] + self.symmetry.weight[group])


class UnitEncoder(_UnitTransformer):
    """Cells uint8 (n, d, d, d) that share the flips `group` -> latents (n, latent), or (n, m squeeze) of m tokens.

    squeeze: numbers of a token in the latent. bottleneck: hidden width of the MLP from all tokens to `latent` numbers;
    0 leaves it out.
    """

    def __init__(self, *, squeeze: int, bottleneck: int, latent: int, **shape: int):
        super().__init__(**shape)
        width, values = shape["width"], (self.patch // self.scale) ** 3
        self.embed = nn.Sequential(nn.Linear(values, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.squeeze = nn.Linear(width, squeeze)
        flat = self.grid**3 * squeeze
        self.to_latent = _mlp(flat, bottleneck, latent)

    def forward(self, cells: Tensor, group: int = 1) -> Tensor:
        patches = asymmetric_unit(group, self.grid).patches.to(cells.device)
        if self.scale > 1:
            cells = block_mean(cells, self.scale).reshape(len(cells), *3 * (cells.shape[1] // self.scale,))
        tokens = self.embed(voxels_of(cells, self.patch // self.scale, patches).float())
        squeezed = self.squeeze(self.transformed(tokens, group, patches))
        if self.to_latent is None:
            return squeezed.flatten(1)
        # Patches that follow from others are left at zero, so that one MLP serves all sets of flips.
        whole = squeezed.new_zeros(len(cells), self.grid**3, squeezed.shape[-1]).index_copy(1, patches, squeezed)
        return self.to_latent(whole.flatten(1))


class UnitDecoder(_UnitTransformer):
    """Latents (n, latent), or (n, m squeeze), and the flips of their cells -> logits (n, d, d, d) with these flips.

    margin: voxels by which the window that a token puts out reaches over its patch on each side; where windows overlap
    they are added, across opposite faces too. patch and margin are multiples of scale.
    """

    interpolation: Tensor

    def __init__(self, *, squeeze: int, bottleneck: int, latent: int, margin: int, **shape: int):
        super().__init__(**shape)
        self.values, self.margin = self.patch // self.scale, margin // self.scale
        width, window = shape["width"], (self.values + 2 * self.margin) ** 3
        flat = self.grid**3 * squeeze
        self.from_latent = _mlp(latent, bottleneck, flat)
        self.widen = nn.Linear(squeeze, width)
        self.to_window = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, window))
        if self.scale > 1:
            self.register_buffer("interpolation", periodic_cubic(self.grid * self.values), persistent=False)

    def forward(self, latents: Tensor, group: int = 1) -> Tensor:
        return self.interpolated(self.block_logits(latents, group))

    def unit(self, latents: Tensor, group: int = 1) -> Tensor:
        """Logits of the unit's patches alone, (n, m, patch^3): all that a loss has to see."""
        values = self._unit(latents, group)
        return values if self.scale == 1 else self.interpolated_unit(self._whole(values, group), group)

    def block_logits(self, latents: Tensor, group: int = 1) -> Tensor:
        """One logit for each block of scale^3 voxels of the cell, (n, s, s, s)."""
        return self._whole(self._unit(latents, group), group)

    def interpolated(self, values: Tensor) -> Tensor:
        """Logits of the voxels (n, d, d, d) from those of blocks (n, s, s, s)."""
        return self._interpolated(values, (self.grid, self.grid, self.grid))

    def interpolated_unit(self, values: Tensor, group: int) -> Tensor:
        """Logits of the voxels of the unit's patches, (n, m, patch^3), from those of all blocks (n, s, s, s)."""
        patches = asymmetric_unit(group, self.grid).patches
        x, y, z = (int(place.max()) + 1 for place in places_of(patches, self.grid))
        return voxels_of(self._interpolated(values, (x, y, z)), self.patch, patches, self.grid)

    def _unit(self, latents: Tensor, group: int) -> Tensor:
        """One logit for each block of scale^3 voxels of the unit's patches, (n, m, (patch / scale)^3)."""
        patches = asymmetric_unit(group, self.grid).patches.to(latents.device)
        windows = self.to_window(self.transformed(self.widen(self._tokens(latents, patches)), group, patches))
        source, target = overlap_pairs(group, self.grid, self.values, self.margin)
        # Rows of one voxel of all cells, so that additions run along memory.
        flat = windows.flatten(1).t()
        sums = flat.new_zeros(len(patches) * self.values**3, len(latents))
        sums = sums.index_add(0, target.to(flat.device), flat.index_select(0, source.to(flat.device)))
        return sums.t().reshape(len(latents), len(patches), -1)

    def _whole(self, values: Tensor, group: int) -> Tensor:
        """Values of the unit's patches (n, m, v^3) -> those of the cell (n, grid v, grid v, grid v)."""
        edge = self.values
        every = unfold_unit(values.reshape(*values.shape[:2], edge, edge, edge), asymmetric_unit(group, self.grid))
        return join_patches(every, self.grid)

    def _interpolated(self, values: Tensor, box: tuple[int, int, int]) -> Tensor:
        """Logits of the voxels of the first `box` patches along x, y, z from those of blocks (n, s, s, s)."""
        if self.scale == 1:
            x, y, z = (side * self.patch for side in box)
            return values[:, :x, :y, :z]
        n, s = values.shape[:2]
        x, y, z = (self.interpolation[: side * self.patch].to(values) for side in box)
        # The last axis first: each product then leaves its result in C order.
        field = y @ (values @ z.T)
        return (x @ field.reshape(n, s, -1)).reshape(n, len(x), len(y), len(z))

    def _tokens(self, latents: Tensor, patches: Tensor) -> Tensor:
        if self.from_latent is None:
            return latents.reshape(len(latents), len(patches), -1)
        return self.from_latent(latents).reshape(len(latents), self.grid**3, -1).index_select(1, patches)


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Module | None:
    if not hidden:
        return None
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
