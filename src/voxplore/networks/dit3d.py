"""A plain diffusion transformer on voxel grids: patches, fixed 3-D positions, adaLN-Zero blocks, attention in windows.

After Mo et al. (DiT-3D, NeurIPS 2023), whose blocks are those of Peebles and Xie (2023). With `patch=1`, `qk_norm` and
`modulate_last=False` it is the transformer of Trellis' structure stage without its cross-attention.
"""

from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.embed import sinusoidal

__all__ = ["Attention", "DiT3D", "DiTBlock", "SinusoidalTime", "grid_positions", "windowed"]


def grid_positions(side: int, width: int) -> Tensor:
    """(side^3, width): a third of the width for each axis, sines then cosines of the index, zeros for what is left."""
    sixth = width // 6
    axis = sinusoidal(torch.arange(side), 2 * sixth)
    x, y, z = torch.meshgrid(*3 * (torch.arange(side),), indexing="ij")
    found = torch.cat([axis[x.flatten()], axis[y.flatten()], axis[z.flatten()]], dim=1)
    return functional.pad(found, (0, width - 6 * sixth))


class SinusoidalTime(nn.Module):
    """Times in [0, 1] (n,) -> (n, width): a sinusoid of 1000 t, then two linear layers."""

    def __init__(self, width: int, frequencies: int = 256, gelu: bool = False):
        super().__init__()
        self.frequencies = frequencies
        activation = nn.GELU() if gelu else nn.SiLU()
        self.layers = nn.Sequential(nn.Linear(frequencies, width), activation, nn.Linear(width, width))
        for layer in (self.layers[0], self.layers[2]):
            nn.init.normal_(layer.weight, std=0.02)  # pyright: ignore

    def forward(self, time: Tensor) -> Tensor:
        return self.layers(sinusoidal(1000 * time, self.frequencies))


class Attention(nn.Module):
    """Self-attention of tokens (n, tokens, width). qk_norm: queries and keys of unit root mean square, times a gain."""

    def __init__(self, width: int, heads: int, qk_norm: bool = False):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.gains = nn.Parameter(torch.ones(2, 1, heads, 1, width // heads)) if qk_norm else None

    def forward(self, tokens: Tensor, allowed: Tensor | None = None) -> Tensor:
        """allowed: Bool (n, tokens), the tokens that may be looked at; by default all."""
        n, count, width = tokens.shape
        q, k, v = self.qkv(tokens).reshape(n, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if self.gains is not None:
            q, k = _unit(q) * self.gains[0], _unit(k) * self.gains[1]
        mask = None if allowed is None else allowed[:, None, None, :]
        found = functional.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, attn_mask=mask)
        return self.out(found.transpose(1, 2).reshape(n, count, width))


class DiTBlock(nn.Module):
    """adaLN-Zero: attention and a feed-forward part, each shifted, scaled and gated; starts as the identity.

    window: 0 attends to all tokens; k only within non-overlapping windows of k^3 tokens of the grid.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        window: int = 0,
        ratio: float = 4.0,
        qk_norm: bool = False,
        gelu: Literal["none", "tanh"] = "none",
    ):
        super().__init__()
        self.window = window
        hidden = int(ratio * width)
        self.attention = Attention(width, heads, qk_norm)
        self.feed = nn.Sequential(nn.Linear(width, hidden), nn.GELU(gelu), nn.Linear(hidden, width))
        self.modulation = nn.Linear(width, 6 * width)
        _xavier(self.attention.qkv, self.attention.out, self.feed[0], self.feed[2])
        _zero(self.modulation)

    def forward(self, tokens: Tensor, condition: Tensor, side: int) -> Tensor:
        """tokens (n, side^3, width), condition (n, width)."""
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = self.modulation(functional.silu(condition)).chunk(6, 1)
        seen = _modulated(tokens, shift_a, scale_a)
        mixed = windowed(self.attention, seen, side, self.window) if self.window else self.attention(seen)
        tokens = tokens + gate_a[:, None] * mixed
        return tokens + gate_f[:, None] * self.feed(_modulated(tokens, shift_f, scale_f))


class DiT3D(nn.Module):
    """Volumes (n, channels, d, d, d) and times in [0, 1] (n,) -> a prediction of the volumes' shape.

    windowed_blocks: numbers of the blocks whose attention stays within windows of window^3 tokens; window=0 switches
    all of them to global attention. modulate_last: the last LayerNorm is shifted and scaled by the time too.
    """

    positions: Tensor

    def __init__(
        self,
        *,
        resolution: int,
        patch: int,
        width: int,
        layers: int,
        heads: int,
        channels: int = 1,
        window: int = 0,
        windowed_blocks: Collection[int] = (),
        qk_norm: bool = False,
        gelu: Literal["none", "tanh"] = "none",
        modulate_last: bool = True,
    ):
        super().__init__()
        self.patch, self.side, self.channels = patch, resolution // patch, channels
        # A convolution whose stride is its kernel is this linear map of patches.
        self.enter = nn.Linear(channels * patch**3, width)
        self.register_buffer("positions", grid_positions(self.side, width), persistent=False)
        self.time = SinusoidalTime(width)
        windows = [window if number in windowed_blocks else 0 for number in range(layers)]
        self.blocks = nn.ModuleList(DiTBlock(width, heads, window=w, qk_norm=qk_norm, gelu=gelu) for w in windows)
        self.modulation = nn.Linear(width, 2 * width) if modulate_last else None
        self.leave = nn.Linear(width, channels * patch**3)
        _xavier(self.enter)
        _zero(self.leave)
        if self.modulation is not None:
            _zero(self.modulation)

    def forward(self, volumes: Tensor, time: Tensor) -> Tensor:
        tokens = self.enter(self._patches(volumes)) + self.positions
        condition = self.time(time)
        for block in self.blocks:
            tokens = block(tokens, condition, self.side)
        shift = scale = torch.zeros_like(condition)
        if self.modulation is not None:
            shift, scale = self.modulation(functional.silu(condition)).chunk(2, 1)
        return self._volumes(self.leave(_modulated(tokens, shift, scale)))

    def _patches(self, volumes: Tensor) -> Tensor:
        p, s, c = self.patch, self.side, self.channels
        cut = volumes.reshape(-1, c, s, p, s, p, s, p).permute(0, 2, 4, 6, 1, 3, 5, 7)
        return cut.reshape(-1, s**3, c * p**3)

    def _volumes(self, patches: Tensor) -> Tensor:
        p, s, c = self.patch, self.side, self.channels
        joined = patches.reshape(-1, s, s, s, c, p, p, p).permute(0, 4, 1, 5, 2, 6, 3, 7)
        return joined.reshape(-1, c, s * p, s * p, s * p)


def windowed(attention: Attention, tokens: Tensor, side: int, window: int) -> Tensor:
    """Attention within windows of window^3 of the token grid (n, side^3, width), which is filled up where need be."""
    n, _, width = tokens.shape
    count = -(-side // window)
    missing = count * window - side
    grid = functional.pad(tokens.reshape(n, side, side, side, width), (0, 0, *3 * (0, missing)))
    allowed = None
    if missing:
        real = torch.ones(1, side, side, side, 1, dtype=torch.bool, device=tokens.device)
        allowed = _windows(functional.pad(real, (0, 0, *3 * (0, missing))), window)[..., 0].repeat(n, 1)
    found = attention(_windows(grid, window), allowed)
    found = found.reshape(n, count, count, count, window, window, window, width).permute(0, 1, 4, 2, 5, 3, 6, 7)
    whole = found.reshape(n, *3 * (count * window,), width)
    return whole[:, :side, :side, :side].reshape(n, side**3, width)


def _windows(grid: Tensor, window: int) -> Tensor:
    """(n, s, s, s, c) -> (n * number of windows, window^3, c)."""
    n, side, channels = grid.shape[0], grid.shape[1], grid.shape[-1]
    count = side // window
    cut = grid.reshape(n, count, window, count, window, count, window, channels).permute(0, 1, 3, 5, 2, 4, 6, 7)
    return cut.reshape(-1, window**3, channels)


def _modulated(tokens: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    plain = functional.layer_norm(tokens, tokens.shape[-1:], eps=1e-6)
    return plain * (1 + scale[:, None]) + shift[:, None]


def _unit(heads: Tensor) -> Tensor:
    return functional.rms_norm(heads.float(), heads.shape[-1:], eps=1e-6)


def _xavier(*layers: nn.Module) -> None:
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)  # pyright: ignore
        nn.init.zeros_(layer.bias)  # pyright: ignore


def _zero(layer: nn.Linear) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
