"""Latents fitted to cells: from where the encoder puts them, down the slope of the reconstruction error (Eq. 1).

An encoder is one answer for all cells, and of cells that training has not shown it gives latents that are off; some
steps of descent for each cell find nearer ones with the same decoder. A step after the encoder, and our choice: what is
measured with it says so.
"""

import numpy as np
import torch
from torch import Tensor, optim

from voxplore.models.voxplore.autoencoder import LatentAutoencoder
from voxplore.models.voxplore.flips import flips_of
from voxplore.models.voxplore.method import VoxPlore
from voxplore.ranges import Steps, within
from voxplore.unitcells import UnitCells

__all__ = ["fit_latents"]

#: Adam's first learning rate, which falls to 0, and its decays: few steps, so short memories (chosen on valid shells).
_RATE, _DECAYS = 0.2, (0.8, 0.95)


@within
def fit_latents(model: VoxPlore, cells: UnitCells, steps: Steps = 20) -> Tensor:
    """Latents of cells, in the unit of `model.encode`, that `model.decode` takes back to them more closely.

    Float32 (n, latent); that of a cell does not depend on the others. A step costs as much as one of training. Raises
    VoxploreError for cells at another resolution than the model's.
    """
    networks = model.autoencoder
    latents = model.encode(cells)
    for group, rows in networks.sets_of_flips(flips_of(cells)):
        for start in range(0, len(rows), networks.together):
            part = rows[start : start + networks.together]
            filled = np.resize(part, networks.together)  # always as many, see `fixed_batch`
            voxels = torch.from_numpy(cells[filled].voxels().view(np.uint8)).to(latents.device)
            latents[part] = _descended(networks, latents[filled], voxels, group, steps)[: len(part)]
    return latents


def _descended(networks: LatentAutoencoder, latents: Tensor, voxels: Tensor, group: int, steps: int) -> Tensor:
    """Latents (n, latent) after `steps` steps on the error of their decoded cells with uint8 (n, d, d, d)."""
    latents = latents.clone().requires_grad_(True)
    optimiser = optim.Adam([latents], lr=_RATE, betas=_DECAYS)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = _RATE * (1 - step / steps)
        with torch.enable_grad(), torch.random.fork_rng():
            torch.manual_seed(step)  # where a share of the voxels is compared, the same ones for all cells
            error = len(latents) * networks.error(*networks.compare(latents, voxels, group))
        latents.grad = torch.autograd.grad(error, latents)[0]
        optimiser.step()
    return latents.detach()
