"""The residual MLP that denoises latents (App. B.1)."""

import torch
from torch import Tensor, nn

from voxplore.networks.embed import sinusoidal

__all__ = ["ResidualMLP"]


class ResidualMLP(nn.Module):
    """Noisy latents (n, latent) and times in [0, 1] (n,) -> a prediction (n, latent).

    layers: hidden layers, 16 of 512 in App. B.1, with residual links between neighbouring ones, beside the linear
    layers at both ends; the time is joined to the input of every layer (published code). time_width: 1 joins t / T
    itself, as published; more joins a sinusoidal embedding. norm: LayerNorm before each layer (our choice; off as
    published).
    """

    def __init__(self, *, latent: int, width: int, layers: int, time_width: int = 1, norm: bool = False):
        super().__init__()
        self.time_width = time_width
        self.enter = nn.Linear(latent + time_width, width)
        self.layers = nn.ModuleList(nn.Linear(width + time_width, width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) if norm else nn.Identity() for _ in range(layers))
        self.leave = nn.Linear(width + time_width, latent)
        self.activation = nn.SiLU() if norm else nn.ReLU()

    def forward(self, x_t: Tensor, time: Tensor) -> Tensor:
        time = time[:, None] if self.time_width == 1 else sinusoidal(1000 * time, self.time_width)
        time = time.to(x_t.dtype)
        hidden = self.activation(self.enter(torch.cat([x_t, time], dim=1)))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = hidden + self.activation(layer(torch.cat([norm(hidden), time], dim=1)))
        return self.leave(torch.cat([hidden, time], dim=1))
