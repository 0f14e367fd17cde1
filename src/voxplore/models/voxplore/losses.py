"""Eq. 9, what the autoencoder minimises: reconstruction of valid and of degraded cells, regularisation of latents."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from voxplore.data.prepare.negatives import degrade
from voxplore.latent import contrastive_loss, ras_loss, sink_potential
from voxplore.models.voxplore.autoencoder import Batches, LatentAutoencoder
from voxplore.recipes import RAS, Contrastive, FieldsConfig, Loss, Regularisation, VoxPloreConfig
from voxplore.training import train
from voxplore.training.feed import Prepare

__all__ = ["autoencoder_loss", "fit_autoencoder", "regularisation_loss", "with_degraded"]

Figures = dict[str, Tensor]


def fit_autoencoder(
    networks: LatentAutoencoder,
    batches: Batches,
    n: int,
    config: VoxPloreConfig | FieldsConfig,
    folder: Path,
    device: str,
) -> dict[str, float]:
    """Train both halves on Eq. 9, on batches from n cells; facts of the stage. The same call again goes on."""
    if not (folder / "autoencoder.safetensors").exists():
        networks.start(batches, n, config.seed)

    def loss(batch: tuple[Tensor, int], n: int) -> tuple[Tensor, Figures]:
        return autoencoder_loss(networks, *batch, n, config.loss, config.regularisation)

    options = {**vars(config.autoencoder_training), "seed": config.seed, "device": device}
    return train("autoencoder", networks, loss, prepare=with_degraded(batches, config.loss), run=folder, **options)


def with_degraded(batches: Batches, loss: Loss) -> Prepare:
    """How a batch is prepared: n valid cells and, behind them, their share of degraded ones, Bool (n + m, d, d, d), and
    the set of flips that the valid ones share."""

    def prepare(rng: np.random.Generator, n: int) -> tuple[np.ndarray, int]:
        voxels, group = batches.draw(n, rng)
        m = math.ceil(n * loss.negative_share)  # at least one, or RAS has no second class
        degraded = degrade(voxels[:m], rng, voxels, loss.negative_mix) if m else voxels[:0]
        return np.concatenate([voxels, degraded]), group

    return prepare


def autoencoder_loss(
    networks: LatentAutoencoder, shown: Tensor, group: int, n: int, loss: Loss, regularisation: Regularisation
) -> tuple[Tensor, Figures]:
    """Eq. 9 for n valid cells and the degraded ones behind them, uint8 (n + m, d, d, d), and figures for the log.

    group: the flips that the valid cells share. Degraded cells are seen through the same asymmetric unit: what is
    corrupted there is corrupted in all its images.
    """
    latents, held = networks.corrected(shown, group)
    noisy = latents + loss.noise * torch.randn_like(latents) if loss.noise else latents
    decoded, wanted = networks.compare(noisy, shown, group)
    reconstruction = networks.error(decoded[:n], wanted[:n])
    total = reconstruction
    if len(shown) > n and loss.negatives:
        total = total + loss.negatives * networks.error(decoded[n:], wanted[n:])
    scale = networks.weight_scale(latents.shape[1])
    regular = regularisation_loss(latents[:n], latents[n:], regularisation, scale, (held[:n], held[n:]))
    norm = latents[:n].detach().float().norm(dim=1).mean()
    return total + regular, {"reconstruction": reconstruction, "regularisation": regular, "norm": norm}


def regularisation_loss(
    positives: Tensor,
    negatives: Tensor,
    weights: Regularisation,
    scale: float = 1.0,
    held: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """RAS (Eq. 8), its rival or the sink alone, of latents (n, l) of valid cells and (m, l) of degraded ones.

    scale: factor on latents before RAS measures their distances. held: what the sink pulls to zero; the latents.
    """
    positives, negatives = positives.float(), negatives.float()
    valid, degraded = (positives, negatives) if held is None else (held[0].float(), held[1].float())
    if not len(negatives) or not isinstance(weights, RAS | Contrastive):
        return weights.sink * sink_potential(valid)
    sunk = weights.sink * (sink_potential(valid) + sink_potential(degraded))
    if isinstance(weights, Contrastive):
        return weights.weight * contrastive_loss(positives, negatives) + sunk
    repelled = {"inter": weights.inter, "intra": weights.intra, "softening": weights.softening, "sink": 0.0}
    return ras_loss(scale * positives, scale * negatives, **repelled) + sunk
