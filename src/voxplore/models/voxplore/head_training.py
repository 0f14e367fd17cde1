"""How the U-Net behind the decoder is trained, its head: by reconstruction, then against a discriminator (our choices).

Under noise the reconstruction that errs least is an average over all cells that the latent may stand for, and an
average has no sharp junctions and no even struts. A discriminator that tells cells from reconstructed ones makes the
head choose one of them: as VQGAN does (Esser et al. 2021), with pairs of a cell and its own reconstruction, so that the
discriminator looks at nothing but what was lost (Jolicoeur-Martineau 2018).
"""

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.models.voxplore.unit import UnitBatches, unit_voxels
from voxplore.networks import PatchDiscriminator, RefinedDecoder
from voxplore.training import train

if TYPE_CHECKING:
    from voxplore.models.voxplore.fields import VoxPloreFields

__all__ = ["fit_head"]

Figures = dict[str, Tensor]


def fit_head(model: "VoxPloreFields", batches: UnitBatches, folder: Path) -> dict[str, dict[str, float]]:
    """Train the head of `model.decoder` alone, in one stage or, with a discriminator, two; facts of each."""
    config, decoder = model.config, model.decoder
    assert isinstance(decoder, RefinedDecoder)
    common = {"prepare": lambda rng, n: batches.draw(n, rng), "run": folder, "seed": config.seed}
    common["device"] = model.device
    model.autoencoder.requires_grad_(False)
    stages = {"head": train("head", decoder.head, partial(_error, model), **common, **vars(config.head_training))}
    if config.adversarial_training is not None:
        torch.manual_seed(config.seed)
        pair = nn.ModuleDict({"head": decoder.head, "discriminator": PatchDiscriminator().to(model.device)})
        loss = partial(_adversarial, model, pair["discriminator"])
        stages["adversarial"] = train("adversarial", pair, loss, **common, **vars(config.adversarial_training))
    model.autoencoder.requires_grad_(True)
    return stages


def _error(model: "VoxPloreFields", batch: tuple[Tensor, int], n: int) -> tuple[Tensor, Figures]:
    return _reconstruction(model, batch)[1], {}


def _adversarial(
    model: "VoxPloreFields", discriminator: nn.Module, batch: tuple[Tensor, int], n: int
) -> tuple[Tensor, Figures]:
    """The error and what the discriminator misses. The discriminator gets the gradient of the latter; the head that of
    the error and, scaled to a share of it, that of the discriminator's scores."""
    values, error = _reconstruction(model, batch)
    assert isinstance(model.decoder, RefinedDecoder)
    chance = model.decoder.decoder.interpolated(values).sigmoid()
    # The discriminator sees voxels, the gradient goes through their chances.
    drawn = (chance > 0.5).float() + chance - chance.detach()
    real = discriminator(batch[0].float()).float()
    missed = functional.softplus(discriminator(drawn.detach()).float() - real).mean()
    discriminator.requires_grad_(False)
    taken = functional.softplus(real.detach() - discriminator(drawn).float()).mean()
    discriminator.requires_grad_(True)
    of_error = torch.autograd.grad(error, values, retain_graph=True)[0]
    of_scores = torch.autograd.grad(taken, values)[0]
    weight = model.config.adversarial * _skill(missed) * of_error.norm() / of_scores.norm().clamp(min=1e-12)
    moved = (values * (of_error + weight * of_scores)).sum()
    # The gradient of `moved`, the value of the error.
    return moved - moved.detach() + error.detach() + missed, {"error": error, "discriminator": missed}


def _skill(missed: Tensor) -> Tensor:
    """0 for a discriminator that guesses, 1 for one that is always right: until it can tell, it does not count."""
    return (1 - missed.detach() / math.log(2)).clamp(min=0.0)


def _reconstruction(model: "VoxPloreFields", batch: tuple[Tensor, int]) -> tuple[Tensor, Tensor]:
    """Logits of blocks (n, s, s, s) that the decoder makes of latents with noise, and their error."""
    (voxels, group), decoder = batch, model.decoder
    assert isinstance(decoder, RefinedDecoder)
    latents = model.autoencoder.encoded(voxels, group)
    size = model.config.head_noise * torch.rand(len(latents), 1, device=latents.device)
    shown = model.autoencoder.patches(latents + size * torch.randn_like(latents), group)
    values = decoder.block_logits(shown, group)
    decoded = decoder.decoder.interpolated_unit(values, group)
    return values, model.autoencoder.error(decoded, unit_voxels(voxels, decoder.decoder, group))
