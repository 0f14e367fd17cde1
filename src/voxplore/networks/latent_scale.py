"""The scale of latents on a grid, so that diffusion sees numbers of zero mean and unit deviation."""

import torch
from torch import Tensor, nn

__all__ = ["LatentScale"]


class LatentScale(nn.Module):
    """Mean and deviation of each channel of latents (n, channels, s, s, s), kept with the model."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    @torch.no_grad()
    def learn(self, mean: Tensor, variance: Tensor) -> None:
        """Take over mean and variance (channels,)."""
        self.mean.copy_(mean)
        self.deviation.copy_(variance.clamp(min=1e-12).sqrt())

    def standardise(self, latents: Tensor) -> Tensor:
        """(n, channels, ...) of the encoder -> zero mean and unit deviation in each channel."""
        return (latents - self.mean[:, None, None, None]) / self.deviation[:, None, None, None]

    def restore(self, standardised: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return standardised * self.deviation[:, None, None, None] + self.mean[:, None, None, None]
