"""Regularisation of the latent space: pure functions of latents, torch alone."""

from voxplore.latent.contrastive import contrastive_loss
from voxplore.latent.ras import inter_potential, intra_potential, ras_loss, sink_potential

__all__ = [
    "contrastive_loss",
    "inter_potential",
    "intra_potential",
    "ras_loss",
    "sink_potential",
]
