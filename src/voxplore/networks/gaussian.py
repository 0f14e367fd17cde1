"""The Gaussian that a variational autoencoder holds its latents to (Kingma and Welling, 2013)."""

import torch
from torch import Tensor

__all__ = ["gaussian_divergence", "gaussian_draw"]


def gaussian_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) to N(0, 1), in nats, number by number: any shape -> the same."""
    mean, log_variance = mean.float(), log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def gaussian_draw(mean: Tensor, log_variance: Tensor) -> Tensor:
    """One draw of N(mean, exp(log_variance)), number by number."""
    return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
