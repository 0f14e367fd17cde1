"""What drawing needs of the training cells: their latents, relative densities and flips."""

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.diffusion.closest_points import closest_points
from voxplore.diffusion.empirical import neighbours_of_points
from voxplore.diffusion.neighbour_list import median_nearest_distance
from voxplore.models.voxels import OPERATIONS, distinct_orientations
from voxplore.models.voxplore.autoencoder import LatentAutoencoder
from voxplore.models.voxplore.flips import flips_of, oriented_flips
from voxplore.recipes import ClosedForm, VoxPloreConfig
from voxplore.unitcells import UnitCells

__all__ = ["KnownLatents", "known_cells"]


class KnownLatents(nn.Module):
    """Latents of the training cells, their mean and deviation a dimension, and the spacing that is the unit of tau.

    Of each cell also its relative density and which flips leave it as it is (`geometry.flip_group`). For a closed form
    also the numbers of the known latents that its points lie between: to find them takes seconds.
    """

    free_sized = ("known", "density", "flips", "between")

    known: Tensor
    density: Tensor
    flips: Tensor
    between: Tensor
    mean: Tensor
    deviation: Tensor
    spacing: Tensor

    def __init__(self, config: VoxPloreConfig):
        super().__init__()
        latent, denoiser = config.autoencoder.latent, config.denoiser
        self.seed, self.together = config.seed, config.standardise == "all"
        self.mixed = denoiser if isinstance(denoiser, ClosedForm) and denoiser.neighbours > 1 else None
        self.register_buffer("known", torch.zeros(0, latent, dtype=torch.float16))
        self.register_buffer("density", torch.zeros(0))
        self.register_buffer("flips", torch.zeros(0, dtype=torch.uint8))
        neighbours = self.mixed.neighbours if self.mixed else 1
        self.register_buffer("between", torch.zeros(0, neighbours, dtype=torch.int32))
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("deviation", torch.ones(latent))
        self.register_buffer("spacing", torch.zeros(()))

    def learn(self, flat: Tensor, density: Tensor, flips: Tensor) -> None:
        """Take statistics over latents (m, latent); keep all of them, standardised, in float16.

        density: float32 (m,). flips: uint8 (m,).
        """
        self.density, self.flips = density, flips
        self.mean = flat.mean(0)
        deviation = flat.std(0).clamp(min=1e-6)
        common = deviation.square().mean().sqrt().expand_as(deviation).clone()
        self.deviation = common if self.together else deviation
        self.known = self.standardise(flat).half()
        if self.mixed:
            options = self.mixed.points, self.mixed.neighbours, self.seed
            self.between = neighbours_of_points(self.standardised(), *options).int()
        self.spacing = torch.tensor(median_nearest_distance(self.known.float()), device=flat.device)

    def consistent(self) -> bool:
        """Whether what a file brought belongs together: asked when a model is loaded."""
        n, between = len(self.known), self.between
        fits = len(self.density) == len(self.flips) == n
        if not self.mixed or not n:
            return fits
        expected = (min(self.mixed.points, n), min(self.mixed.neighbours, n))
        return fits and tuple(between.shape) == expected and bool(((between >= 0) & (between < n)).all())

    def standardise(self, latents: Tensor) -> Tensor:
        """Latents (n, latent) of the encoder -> zero mean and unit deviation in each dimension."""
        return (latents - self.mean) / self.deviation

    def restore(self, standardised: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return standardised * self.deviation + self.mean

    def flips_of(self, standardised: Tensor) -> Tensor:
        """The flips, uint8 (n,), that the known latent nearest to each of standardised latents (n, latent) has."""
        return self.flips[closest_points(standardised, self.standardised(), 1)[:, 0]]

    def standardised(self) -> Tensor:
        """The known latents, float32 (m, latent)."""
        return self.known.float()


def known_cells(autoencoder: LatentAutoencoder, cells: UnitCells, augment: str) -> tuple[Tensor, Tensor, Tensor]:
    """Latents, relative densities and flips of all cells in the orientations of `augment`, without those that
    leave a cell as it is."""
    latents, densities, flips = [], [], []
    as_they_are, density = flips_of(cells), cells.relative_density()
    distinct = distinct_orientations(cells, OPERATIONS[augment])
    for operation, rows in zip(OPERATIONS[augment], map(np.flatnonzero, distinct), strict=True):
        flips.append(oriented_flips(as_they_are[rows], operation))
        densities.append(density[rows])
        latents.append(autoencoder.encode(cells[rows], flips[-1], operation))
    found = torch.cat(latents)
    densities = torch.from_numpy(np.concatenate(densities)).to(found)
    return found, densities, torch.from_numpy(np.concatenate(flips)).to(found.device)
