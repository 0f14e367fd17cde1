"""Contrastive regularisation, the rival of RAS in Table 2 (Saunshi et al., 2019)."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["contrastive_loss"]


def contrastive_loss(positives: Tensor, negatives: Tensor) -> Tensor:
    """Mean over anchors x of log(1 + exp(x . x_neg - x . x_pos)); latents (n, l) and (m, l) -> scalar.

    Each latent's partner of its own class is the next one of the batch, its opponent the one of the other class at
    the same place, counted round where that class is the smaller; both classes serve as anchors.
    """
    positives, negatives = positives.float(), negatives.float()
    losses = [_anchored(positives, negatives), _anchored(negatives, positives)]
    return sum(losses, start=positives.new_zeros(())) / 2


def _anchored(anchors: Tensor, others: Tensor) -> Tensor:
    opponents = others[torch.arange(len(anchors), device=others.device) % len(others)]
    margin = (anchors * opponents).sum(1) - (anchors * anchors.roll(1, 0)).sum(1)
    return functional.softplus(margin).mean()
