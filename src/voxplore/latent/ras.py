"""Repel and sink (RAS): the potentials of Sec. 4.2 that shape the latent space while the autoencoder learns.

Eq. 4, 6 and 7 are sums over pairs, so their size follows the batch; here they are means over pairs (and over cells and
dimensions for the sink), so that a weight means the same at any batch size. `softening` keeps 1/r finite at r = 0 (0.1
in the published code; 0 is the printed equation). The forces of Eq. 3 and 5 are their negative gradients; Eq. 7 prints
the force of the sink without its sign.
"""

import torch
from torch import Tensor

__all__ = ["inter_potential", "intra_potential", "ras_loss", "sink_potential"]


def inter_potential(positives: Tensor, negatives: Tensor, softening: float = 0.0) -> Tensor:
    """Inter-class repulsion, Eq. 4 as a mean: latents (n, l) and (m, l) -> scalar."""
    return (1 / (torch.cdist(positives, negatives) + softening)).mean()


def intra_potential(latents: Tensor, softening: float = 0.0) -> Tensor:
    """Intra-class repulsion, Eq. 6 as a mean over the pairs i < j of one class: latents (n, l) -> scalar."""
    return (1 / (torch.pdist(latents) + softening)).mean() if len(latents) > 1 else latents.sum() * 0


def sink_potential(latents: Tensor) -> Tensor:
    """Central sink, Eq. 7 as a mean over cells and dimensions: latents (n, l) -> scalar."""
    return latents.square().mean()


def ras_loss(
    positives: Tensor, negatives: Tensor, *, inter: float, intra: float, sink: float, softening: float
) -> Tensor:
    """Eq. 8 for a batch of latents (n, l) of valid cells and (m, l) of degraded ones; weights lambda of Eq. 8 and 9."""
    positives, negatives = positives.float(), negatives.float()
    repel = inter_potential(positives, negatives, softening)
    spread = intra_potential(positives, softening) + intra_potential(negatives, softening)
    gather = sink_potential(positives) + sink_potential(negatives)
    return inter * repel + intra * spread + sink * gather
