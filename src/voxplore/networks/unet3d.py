"""One 3-D U-Net for every model that has one: residual blocks with GroupNorm, time in each block, attention by level.

Level i has the width `widths[i]` and the side d / (fold 2^i). On the way down each level has `blocks` residual blocks,
attention, and a halving; on the way up each level but the finest takes the skip of its own level and doubles the side.
At the finest side the features either meet the finest skip in one more block or go straight to the output.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AttentionKind", "BlockStyle", "LearnedFrequencies", "ResidualBlock", "UNet3D"]
__all__ += ["VolumeAttention", "VoxelNorm", "fold", "unfold"]

AttentionKind = Literal["none", "full", "linear"]


@dataclass(frozen=True)
class BlockStyle:
    """How the residual blocks and attention of one U-Net are made."""

    order: Literal["norm-first", "conv-first"] = "norm-first"
    """GroupNorm, SiLU, convolution; or convolution, GroupNorm, SiLU."""
    time: Literal["add", "scale-shift"] = "add"
    """The time is added to the channels of the block, or scales and shifts them after a norm."""
    groups: int = 32
    """Groups of GroupNorm, at most one a channel."""
    dropout: float = 0.0
    heads: int = 4
    head_width: int = 0
    """Channels of an attention head; 0 shares the level's width among the heads."""
    attention: Literal["plain", "after-silu", "layer-norm"] = "plain"
    """plain: GroupNorm, then attention, added to the features. after-silu: the same on SiLU(GroupNorm(features)), which
    take the features' place (Yang et al., published code). layer-norm: LayerNorm over the channels of each voxel before
    attention and, where it is linear, after it; projections without bias (3D-CDM, published code)."""


class LearnedFrequencies(nn.Module):
    """(n,) -> (n, width): the value with sine and cosine at learned frequencies, then two linear layers."""

    def __init__(self, width: int, frequencies: int = 16):
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(frequencies))
        self.layers = nn.Sequential(nn.Linear(2 * frequencies + 1, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, values: Tensor) -> Tensor:
        angles = 2 * torch.pi * values[:, None] * self.frequencies
        return self.layers(torch.cat([values[:, None], angles.sin(), angles.cos()], dim=1))


class ResidualBlock(nn.Module):
    """Features (n, inputs, d, d, d) and time (n, time_width) -> (n, outputs, d, d, d). time_width: 0 is told none."""

    def __init__(self, inputs: int, outputs: int, time_width: int, style: BlockStyle):
        super().__init__()
        self.style = style
        first = style.order == "norm-first"
        self.norm1 = _norm(inputs if first else outputs, style.groups)
        self.norm2 = _norm(outputs, style.groups)
        self.conv1, self.conv2 = nn.Conv3d(inputs, outputs, 3, padding=1), nn.Conv3d(outputs, outputs, 3, padding=1)
        numbers = outputs * (2 if style.time == "scale-shift" else 1)
        self.time = nn.Linear(time_width, numbers) if time_width else None
        self.dropout = nn.Dropout(style.dropout)
        self.skip = nn.Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        if first:
            zero(self.conv2)

    def forward(self, features: Tensor, time: Tensor) -> Tensor:
        told = None if self.time is None else self.time(functional.silu(time))[:, :, None, None, None]
        if self.style.order == "norm-first":
            hidden = self.conv1(functional.silu(self.norm1(features)))
            if self.style.time == "add":
                hidden = self.norm2(self._told(hidden, told))
            else:
                hidden = self._told(self.norm2(hidden), told)
            hidden = self.conv2(self.dropout(functional.silu(hidden)))
        else:
            hidden = self._told(self.norm1(self.conv1(features)), told)
            hidden = self.dropout(functional.silu(hidden))
            hidden = functional.silu(self.norm2(self.conv2(hidden)))
        return hidden + self.skip(features)

    def _told(self, hidden: Tensor, told: Tensor | None) -> Tensor:
        if told is None:
            return hidden
        return hidden + told if self.style.time == "add" else _scaled(hidden, told)


class VoxelNorm(nn.Module):
    """LayerNorm over the channels of each voxel of (n, channels, d, d, d), in float32."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(features.permute(0, 2, 3, 4, 1)).permute(0, 4, 1, 2, 3)


class VolumeAttention(nn.Module):
    """Residual self-attention over the voxels of (n, channels, d, d, d); full, or linear in their number.

    Linear: softmax of the queries over their channels and of the keys over the voxels, so that keys and values meet
    first (Shen et al., 2021).
    """

    def __init__(self, channels: int, style: BlockStyle, linear: bool = False):
        super().__init__()
        self.heads, self.linear = style.heads, linear
        inner = style.heads * style.head_width or channels
        layer_norm = style.attention == "layer-norm"
        self.before = nn.Identity()
        if style.attention == "after-silu":
            self.before = nn.Sequential(_norm(channels, style.groups), nn.SiLU())
        self.norm = VoxelNorm(channels) if layer_norm else _norm(channels, style.groups)
        self.qkv = nn.Conv3d(channels, 3 * inner, 1, bias=not layer_norm)
        self.out = nn.Conv3d(inner, channels, 1)
        self.after = VoxelNorm(channels) if layer_norm and linear else nn.Identity()
        if not layer_norm:
            zero(self.out)

    def forward(self, features: Tensor) -> Tensor:
        n, _, *sides = features.shape
        features = self.before(features)
        seen = self.norm(features)
        q, k, v = self.qkv(seen).flatten(2).reshape(n, 3, self.heads, -1, sides[0] * sides[1] * sides[2]).unbind(1)
        if self.linear:
            q, k = q.softmax(2) * q.shape[2] ** -0.5, k.softmax(3)
            found = (v @ k.transpose(2, 3).to(v.dtype)) @ q.to(v.dtype)
        else:
            q, k, v = (part.transpose(2, 3) for part in (q, k, v))
            found = functional.scaled_dot_product_attention(q, k, v).transpose(2, 3)
        return features + self.after(self.out(found.reshape(n, -1, *sides)))


class UNet3D(nn.Module):
    """Volumes (n, inputs, d, d, d) and times (n,) -> (n, outputs, d, d, d); d is divisible by fold 2^(levels - 1).

    time: embeds times as `time_width` numbers. attention: the kind at each level, on the way down and up.
    middle: attention between the two blocks at the coarsest level. fold: blocks of fold^3 voxels become channels before
    the first convolution and voxels again after the last. stem, last: kernels of those two convolutions.
    stem_width: channels that the first convolution puts out, 0 for widths[0].
    resample: "conv" halves by a strided convolution of 3^3 and doubles by repetition and a convolution; "conv4" by
    convolutions of 4^3, the latter transposed. finest_skip: one more block joins the features with the finest skip;
    last_time: it is told the time too. condition: numbers a cell that are told at every level, down, in the middle and
    up, as one more channel, a linear map of them to a volume of side `resolution` / (fold 2^i).
    """

    def __init__(
        self,
        *,
        inputs: int,
        outputs: int,
        widths: Sequence[int],
        time: nn.Module,
        time_width: int,
        attention: Sequence[AttentionKind],
        blocks: int = 1,
        style: BlockStyle = BlockStyle(),
        middle: AttentionKind = "full",
        fold: int = 1,
        stem: int = 3,
        stem_width: int = 0,
        last: int = 3,
        resample: Literal["conv", "conv4"] = "conv",
        finest_skip: bool = True,
        last_time: bool = True,
        condition: int = 0,
        resolution: int = 0,
    ):
        super().__init__()
        self.fold, self.time = fold, time
        levels = range(len(widths))
        told = int(condition > 0)
        sides = [resolution // (fold * 2**i) for i in levels]
        # On the way down, in the middle, on the way up.
        sides = [*sides, sides[-1], *sides[:0:-1]]
        self.volumes = nn.ModuleList(_ConditionVolume(condition, side) for side in sides if told)
        before = [stem_width or widths[0], *widths[:-1]]
        self.stem = nn.Conv3d(inputs * fold**3, before[0], stem, padding=stem // 2)
        shared = {"blocks": blocks, "time_width": time_width, "style": style}
        self.down = nn.ModuleList(_Level(before[i] + told, widths[i], attention[i], **shared) for i in levels)
        self.halvings = nn.ModuleList(_halving(widths[i], resample) for i in levels[:-1])
        self.middle = _Level(widths[-1] + told, widths[-1], middle, **{**shared, "blocks": 1})
        self.after = ResidualBlock(widths[-1], widths[-1], time_width, style)
        up = levels[:0:-1]
        self.up = nn.ModuleList(_Level(2 * widths[i] + told, widths[i - 1], attention[i], **shared) for i in up)
        self.doublings = nn.ModuleList(_doubling(widths[i - 1], resample) for i in up)
        self.join = ResidualBlock(2 * widths[0], widths[0], time_width * last_time, style) if finest_skip else None
        self.norm = _norm(widths[0], style.groups) if style.order == "norm-first" else None
        self.leave = nn.Conv3d(widths[0], outputs * fold**3, last, padding=last // 2)

    def forward(self, volumes: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        """condition: (n, numbers) where the network was made for one."""
        told = self.time(time)
        features = self.stem(fold(volumes, self.fold))
        shown = iter([volume(condition) for volume in self.volumes])
        skips = []
        for i, level in enumerate(self.down):
            features = self.halvings[i - 1](features) if i else features
            features = level(_joined(features, next(shown, None)), told)
            skips.append(features)
        features = self.after(self.middle(_joined(features, next(shown, None)), told), told)
        for level, double in zip(self.up, self.doublings, strict=True):
            features = double(level(_joined(features, next(shown, None), skips.pop()), told))
        if self.join is not None:
            features = self.join(torch.cat([features, skips.pop()], dim=1), told)
        if self.norm is not None:
            features = functional.silu(self.norm(features))
        return unfold(self.leave(features), self.fold)


class _Level(nn.Module):
    """Residual blocks, then attention."""

    def __init__(
        self, inputs: int, outputs: int, attention: AttentionKind, *, blocks: int, time_width: int, style: BlockStyle
    ):
        super().__init__()
        widths = [inputs, *blocks * [outputs]]
        self.blocks = nn.ModuleList(ResidualBlock(*pair, time_width, style) for pair in itertools.pairwise(widths))
        kind = attention != "none"
        self.attention = VolumeAttention(outputs, style, attention == "linear") if kind else nn.Identity()

    def forward(self, features: Tensor, time: Tensor) -> Tensor:
        for block in self.blocks:
            features = block(features, time)
        return self.attention(features)


class _ConditionVolume(nn.Module):
    """Numbers (n, c) -> one channel (n, 1, side, side, side)."""

    def __init__(self, condition: int, side: int):
        super().__init__()
        self.side, self.linear = side, nn.Linear(condition, side**3)

    def forward(self, condition: Tensor) -> Tensor:
        return functional.silu(self.linear(condition)).reshape(-1, 1, *3 * (self.side,))


def fold(volumes: Tensor, size: int) -> Tensor:
    """(n, c, d, d, d) -> (n, c size^3, d / size, ...): blocks of voxels as channels."""
    if size == 1:
        return volumes
    n, c, d = volumes.shape[:3]
    s = d // size
    cut = volumes.reshape(n, c, s, size, s, size, s, size).permute(0, 1, 3, 5, 7, 2, 4, 6)
    return cut.reshape(n, c * size**3, s, s, s)


def unfold(features: Tensor, size: int) -> Tensor:
    """The inverse of `fold`."""
    if size == 1:
        return features
    n, channels, s = features.shape[:3]
    c = channels // size**3
    put = features.reshape(n, c, size, size, size, s, s, s).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return put.reshape(n, c, *3 * (s * size,))


def zero(layer: nn.Conv3d) -> None:
    """Let a layer start at zero, and with it the branch that it ends."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _norm(channels: int, groups: int) -> nn.GroupNorm:
    """GroupNorm with the largest number of groups up to `groups` that divides the channels."""
    return nn.GroupNorm(next(g for g in range(min(groups, channels), 0, -1) if channels % g == 0), channels)


def _joined(*parts: Tensor | None) -> Tensor:
    """What there is of these features, side by side."""
    there = [part for part in parts if part is not None]
    return torch.cat(there, dim=1) if len(there) > 1 else there[0]


def _scaled(hidden: Tensor, told: Tensor) -> Tensor:
    scale, shift = told.chunk(2, dim=1)
    return hidden * (scale + 1) + shift


def _halving(width: int, resample: str) -> nn.Module:
    return nn.Conv3d(width, width, 4 if resample == "conv4" else 3, stride=2, padding=1)


def _doubling(width: int, resample: str) -> nn.Module:
    if resample == "conv4":
        return nn.ConvTranspose3d(width, width, 4, stride=2, padding=1)
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv3d(width, width, 3, padding=1))
