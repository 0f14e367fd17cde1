"""The patch transformer autoencoder (Sec. 4.2, App. B.1) on the asymmetric unit of each cell.

The same layers as `autoencoder`, with what trains on CPUs (our choices): pre-norm layers, a narrower feed-forward part,
learned positions, tokens squeezed before they are flattened, windows that overlap by a margin so that struts run
smoothly across patches and opposite faces, and one embedding for each set of flips. With `bottleneck` 0 the squeezed
tokens themselves are the latent, so that its length follows the cell's symmetry.
"""

import torch
from torch import Tensor, nn

from voxplore.networks.asymmetric_unit import (
    asymmetric_unit,
    join_patches,
    overlap_pairs,
    unfold_unit,
    voxels_of,
)

__all__ = ["UnitDecoder", "UnitEncoder"]


class _UnitTransformer(nn.Module):
    """What both halves share: positions, the embedding of a set of flips, the layers."""

    def __init__(self, *, resolution: int, patch: int, width: int, layers: int, heads: int, feed_forward: int):
        super().__init__()
        self.patch, self.grid = patch, resolution // patch
        self.positions = nn.Parameter(0.02 * torch.randn(self.grid**3, width))
        self.symmetry = nn.Embedding(256, width)
        nn.init.zeros_(self.symmetry.weight)
        layer = nn.TransformerEncoderLayer(
            width, heads, feed_forward, dropout=0.0, activation="relu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)

    def transformed(self, tokens: Tensor, group: int, patches: Tensor) -> Tensor:
        """Tokens (n, m, width) of the unit through the layers."""
        return self.blocks(tokens + self.positions[patches] + self.symmetry.weight[group])


class UnitEncoder(_UnitTransformer):
    """Cells uint8 (n, d, d, d) that share the flips `group` -> latents (n, latent), or (n, m squeeze) of m tokens.

    squeeze: numbers of a token in the latent. bottleneck: hidden width of the MLP from all tokens to `latent` numbers;
    0 leaves it out.
    """

    def __init__(self, *, squeeze: int, bottleneck: int, latent: int, **shape: int):
        super().__init__(**shape)
        width, patch = shape["width"], shape["patch"]
        self.embed = nn.Sequential(nn.Linear(patch**3, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.squeeze = nn.Linear(width, squeeze)
        flat = self.grid**3 * squeeze
        self.to_latent = _mlp(flat, bottleneck, latent)

    def forward(self, cells: Tensor, group: int = 1) -> Tensor:
        patches = asymmetric_unit(group, self.grid).patches.to(cells.device)
        tokens = self.embed(voxels_of(cells, self.patch, patches).float())
        squeezed = self.squeeze(self.transformed(tokens, group, patches))
        if self.to_latent is None:
            return squeezed.flatten(1)
        # Patches that follow from others are left at zero, so that one MLP serves all sets of flips.
        whole = squeezed.new_zeros(len(cells), self.grid**3, squeezed.shape[-1]).index_copy(1, patches, squeezed)
        return self.to_latent(whole.flatten(1))


class UnitDecoder(_UnitTransformer):
    """Latents (n, latent), or (n, m squeeze), and the flips of their cells -> logits (n, d, d, d) with these flips.

    margin: voxels by which the window that a token puts out reaches over its patch on each side; where windows overlap
    they are added, across opposite faces too.
    """

    def __init__(self, *, squeeze: int, bottleneck: int, latent: int, margin: int, **shape: int):
        super().__init__(**shape)
        self.margin = margin
        width, window = shape["width"], (shape["patch"] + 2 * margin) ** 3
        flat = self.grid**3 * squeeze
        self.from_latent = _mlp(latent, bottleneck, flat)
        self.widen = nn.Linear(squeeze, width)
        self.to_window = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, window))

    def forward(self, latents: Tensor, group: int = 1) -> Tensor:
        patches = self.unit(latents, group)
        edge = self.patch
        every = unfold_unit(patches.reshape(len(latents), -1, edge, edge, edge), asymmetric_unit(group, self.grid))
        return join_patches(every, self.grid)

    def unit(self, latents: Tensor, group: int = 1) -> Tensor:
        """Logits of the unit's patches alone, (n, m, patch^3): all that a loss has to see."""
        patches = asymmetric_unit(group, self.grid).patches.to(latents.device)
        windows = self.to_window(self.transformed(self.widen(self._tokens(latents, patches)), group, patches))
        source, target = overlap_pairs(group, self.grid, self.patch, self.margin)
        # Rows of one voxel of all cells, so that additions run along memory.
        flat = windows.flatten(1).t()
        sums = flat.new_zeros(len(patches) * self.patch**3, len(latents))
        sums = sums.index_add(0, target.to(flat.device), flat.index_select(0, source.to(flat.device)))
        return sums.t().reshape(len(latents), len(patches), -1)

    def _tokens(self, latents: Tensor, patches: Tensor) -> Tensor:
        if self.from_latent is None:
            return latents.reshape(len(latents), len(patches), -1)
        return self.from_latent(latents).reshape(len(latents), self.grid**3, -1).index_select(1, patches)


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Module | None:
    if not hidden:
        return None
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
