"""A 3-D U-Net on sparse volumes held densely (`masked3d.py`): the denoiser of XCube's finer level (published code).

Residual blocks with masked group norm, the time scaling and shifting after the second; attention among active voxels;
halving by the mean of active children, doubling by repetition. The network sees the coordinates of each voxel, by which
it knows where in the cell it is. fold > 1 makes blocks of fold^3 voxels channels, and tells which of them are active.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.dit3d import Attention, SinusoidalTime
from voxplore.networks.masked3d import (
    MaskedConv3d,
    MaskedGroupNorm,
    coordinates,
    masked_mean_pool,
    plain_parents,
    subdivide,
)
from voxplore.networks.unet3d import fold, unfold, zero

__all__ = ["MaskedUNet3D"]


class MaskedUNet3D(nn.Module):
    """Latents (n, channels, s, s, s) zero outside a mask, times in [0, 1] (n,), the mask -> a prediction, masked too.

    widths: channels of each level, finest first. blocks: residual blocks a level, one more on the way up. attention:
    whether each level has it; the middle always has. s is divisible by fold 2^(levels - 1).
    """

    def __init__(
        self,
        *,
        channels: int,
        widths: Sequence[int],
        blocks: int,
        attention: Sequence[bool],
        heads: int,
        time_width: int,
        fold: int = 1,
    ):
        super().__init__()
        self.fold = fold
        self.time = SinusoidalTime(time_width)
        told = 3 + (fold**3 if fold > 1 else 0)
        self.enter = MaskedConv3d(channels * fold**3 + told, widths[0])
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, width = [widths[0]], widths[0]
        for level, wider in enumerate(widths):
            for _ in range(blocks):
                self.down.append(_Stage(width, wider, time_width, heads if attention[level] else 0))
                skips.append(width := wider)
            if level + 1 < len(widths):
                skips.append(width)
        self.middle = nn.ModuleList([_Stage(width, width, time_width, heads), _Stage(width, width, time_width, 0)])
        for level, narrower in reversed(list(enumerate(widths))):
            for _ in range(blocks + 1):
                inputs = width + skips.pop()
                self.up.append(_Stage(inputs, narrower, time_width, heads if attention[level] else 0))
                width = narrower
        self.levels, self.blocks = len(widths), blocks
        self.norm = MaskedGroupNorm(width, 32)
        self.leave = MaskedConv3d(width, channels * fold**3)
        zero(self.leave.conv)

    def forward(self, latents: Tensor, time: Tensor, mask: Tensor) -> Tensor:
        told = self.time(time)
        masks = [plain_parents(mask, self.fold * 2**level) for level in range(self.levels)]
        features = self.enter(self._seen(latents, mask, masks[0]), masks[0])
        skips = [features]
        for number, stage in enumerate(self.down):
            level, first = divmod(number, self.blocks)
            if level and first == 0:
                features = masked_mean_pool(features, masks[level - 1])
                skips.append(features)
            features = stage(features, told, masks[level])
            skips.append(features)
        for stage in self.middle:
            features = stage(features, told, masks[-1])
        for number, stage in enumerate(self.up):
            above, first = divmod(number, self.blocks + 1)
            level = self.levels - 1 - above
            if above and first == 0:
                features = subdivide(features, masks[level + 1])[0] * masks[level]
            features = stage(torch.cat([features, skips.pop()], dim=1), told, masks[level])
        features = functional.silu(self.norm(features, masks[0]))
        return unfold(self.leave(features, masks[0]), self.fold) * mask

    def _seen(self, latents: Tensor, mask: Tensor, folded: Tensor) -> Tensor:
        """Latents, coordinates and, where voxels are folded, which of them are active."""
        places = coordinates(folded.shape[-1], latents.device).expand(len(latents), -1, -1, -1, -1)
        parts = [fold(latents, self.fold), places, *([fold(mask, self.fold)] if self.fold > 1 else [])]
        return (torch.cat(parts, dim=1) * folded).contiguous(memory_format=torch.channels_last_3d)


class _Stage(nn.Module):
    """A residual block told the time, then attention among active voxels. heads: 0 is no attention."""

    def __init__(self, inputs: int, outputs: int, time_width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2 = MaskedGroupNorm(inputs, 32), MaskedGroupNorm(outputs, 32)
        self.conv1, self.conv2 = MaskedConv3d(inputs, outputs), MaskedConv3d(outputs, outputs)
        self.time = nn.Linear(time_width, 2 * outputs)
        self.skip = nn.Conv3d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()
        self.attention = _Attention(outputs, heads) if heads else None
        zero(self.conv2.conv)

    def forward(self, features: Tensor, time: Tensor, mask: Tensor) -> Tensor:
        scale, shift = self.time(functional.silu(time))[..., None, None, None].chunk(2, dim=1)
        hidden = self.conv1(functional.silu(self.norm1(features, mask)), mask)
        hidden = (self.norm2(hidden, mask) * (1 + scale) + shift) * mask
        hidden = self.conv2(functional.silu(hidden), mask) + self.skip(features)
        return hidden if self.attention is None else self.attention(hidden, mask)


class _Attention(nn.Module):
    """Residual self-attention over the active voxels."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm, self.inner = MaskedGroupNorm(width, 32), Attention(width, heads)
        nn.init.zeros_(self.inner.out.weight)
        nn.init.zeros_(self.inner.out.bias)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        tokens = self.norm(features, mask).flatten(2).transpose(1, 2)
        active = mask.flatten(1) > 0
        # A cell without any active voxel may look everywhere: its result is dropped, and a softmax over nothing is not
        # a number.
        found = self.inner(tokens, active | ~active.any(1, keepdim=True))
        return features + found.transpose(1, 2).reshape(features.shape) * mask
