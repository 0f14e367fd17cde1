"""The Gaussian that a variational autoencoder holds its latents to (Kingma and Welling, 2013)."""

from torch import Tensor

__all__ = ["gaussian_divergence"]


def gaussian_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) to N(0, 1), in nats, summed over dimensions: (n, k) -> (n,)."""
    mean, log_variance = mean.float(), log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(1)
