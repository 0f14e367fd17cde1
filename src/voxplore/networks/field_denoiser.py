"""A transformer that denoises fields: the patches of one asymmetric unit, conditioned on time and on what known cells
make of the noisy field (our choice).

That a denoiser may look up training samples is due to Blattmann et al. (2022, "Semi-parametric neural image
synthesis").

The layers are those of DiT (Peebles & Xie, 2023): the time scales, shifts and gates each of them, and starts at zero.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.asymmetric_unit import asymmetric_unit
from voxplore.networks.attention import attention_for
from voxplore.networks.embed import sinusoidal

__all__ = ["FieldDenoiser"]

_TIME_WIDTH = 128


class FieldDenoiser(nn.Module):
    """Patches of noisy fields (n, m values), times in [0, 1] (n,) and patches of what is recalled, of cells with the
    flips `group` -> patches of a prediction.

    grid: patches along an edge of the cell. values: numbers of a patch.
    """

    def __init__(self, *, grid: int, values: int, width: int, layers: int, heads: int):
        super().__init__()
        self.grid, self.values = grid, values
        self.positions = nn.Parameter(0.02 * torch.randn(grid**3, width))
        self.symmetry = nn.Embedding(256, width)
        nn.init.zeros_(self.symmetry.weight)
        self.enter = nn.Linear(2 * values, width)
        self.time = nn.Sequential(nn.Linear(_TIME_WIDTH, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.leave = nn.Linear(width, values)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x_t: Tensor, time: Tensor, recalled: Tensor, group: int = 1) -> Tensor:
        patches = asymmetric_unit(group, self.grid).patches.to(x_t.device)
        both = [part.reshape(len(x_t), len(patches), self.values) for part in (x_t, recalled)]
        hidden = self.enter(torch.cat(both, dim=-1))
        hidden = hidden + self.positions[patches] + self.symmetry.weight[group]
        embedded = self.time(sinusoidal(1000 * time, _TIME_WIDTH).to(x_t.dtype))
        for layer in self.layers:
            hidden = layer(hidden, embedded)
        return self.leave(self.norm(hidden)).flatten(1)


class _Layer(nn.Module):
    """Tokens (n, m, width) and the embedded time (n, width) -> tokens."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.mixed = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.modulate = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, tokens: Tensor, time: Tensor) -> Tensor:
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.modulate(time)[:, None].chunk(6, dim=-1)
        tokens = tokens + gate_1 * self._attended(self.norms[0](tokens) * (1 + scale_1) + shift_1)
        return tokens + gate_2 * self.feed(self.norms[1](tokens) * (1 + scale_2) + shift_2)

    def _attended(self, tokens: Tensor) -> Tensor:
        n, m, width = tokens.shape
        query, key, value = self.mixed(tokens).reshape(n, m, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        with attention_for(tokens):
            mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).reshape(n, m, width))
