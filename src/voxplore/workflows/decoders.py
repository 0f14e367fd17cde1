"""Drawn cells as latents with the decoder that leads back, for any model whose decoder can be differentiated."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from voxplore.geometry import flip_group
from voxplore.unitcells import UnitCells

__all__ = ["latents_of", "steerable"]


def steerable(model: Any) -> bool:
    """Whether `latents_of` knows the model: it has an encoder of cells and a decoder of latents."""
    return hasattr(model, "encode") and (hasattr(model, "decoder") or hasattr(model, "autoencoder"))


def latents_of(model: Any, cells: UnitCells) -> Iterator[tuple[int, Any, Callable[[Any], Any]]]:
    """For each cell its number, its latent float32 (1, k) and the function latent -> logits (1, d, d, d)."""
    encoded = model.encode(cells)
    if isinstance(encoded, dict):  # latents of the asymmetric unit, set of flips by set of flips
        for group, (rows, latents) in encoded.items():
            for row, latent in zip(rows.tolist(), latents, strict=True):
                yield row, latent[None].detach(), _of_group(model.decoder, int(group))
        return
    groups = np.concatenate([np.zeros(0, np.uint8), *(flip_group(voxels) for voxels in cells.batches(64))])
    for row, latent in enumerate(encoded):
        yield row, latent[None].detach(), _of_cell(model, int(groups[row]))


def _of_group(decoder: Any, group: int) -> Callable[[Any], Any]:
    return lambda latent: decoder(latent, group)


def _of_cell(model: Any, group: int) -> Callable[[Any], Any]:
    """The decoder of one latent for a whole cell: zero at the recipe's threshold, symmetrised where the recipe does."""
    import torch

    from voxplore.geometry import FLIPS
    from voxplore.recipes import Symmetrise

    networks, sampling = model.autoencoder, model.config.sampling
    if networks.by_flips or Symmetrise() not in sampling.after:
        flips = [[]]
    else:
        kept = [flip for k, flip in enumerate(FLIPS) if group >> k & 1 or k == 0]
        flips = [[axis + 1 for axis in range(3) if flip[axis]] for flip in kept]
    level = math.log(sampling.threshold / (1 - sampling.threshold)) if networks.logits else sampling.threshold

    def decode(latent: Any) -> Any:
        values = networks.decoded(latent, group)
        values = torch.stack([values.flip(axes) if axes else values for axes in flips]).mean(0)
        return (values - level) * (1.0 if networks.logits else 10.0)

    return decode
