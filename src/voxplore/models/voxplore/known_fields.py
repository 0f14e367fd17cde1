"""Known latents of field autoencoders, by their flips: SRR pushes from them, the denoiser recalls them."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.diffusion.empirical import mean_of_points
from voxplore.diffusion.neighbour_list import median_nearest_distance
from voxplore.models.voxplore.conditioning import DENSITY, Points, log_chance

__all__ = ["KnownFields", "Recallable", "recalled"]

#: Factor on the variance of the noise where known latents are weighed: more of them count than one that is exact.
_WIDENED = 2.0


class KnownFields(nn.Module):
    """What drawing needs of the training cells: how many have each set of flips, and where their latents lie.

    Of each latent its first numbers are kept, which are those of largest spread (our choice).
    """

    free_sized = ("groups", "counts", "known", "density", "spacing")

    groups: Tensor
    counts: Tensor
    known: Tensor
    density: Tensor
    spacing: Tensor

    def __init__(self, dimensions: int):
        super().__init__()
        self.dimensions = dimensions
        self.register_buffer("groups", torch.zeros(0, dtype=torch.uint8))
        self.register_buffer("counts", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("known", torch.zeros(0, dimensions, dtype=torch.float16))
        self.register_buffer("density", torch.zeros(0))
        self.register_buffer("spacing", torch.zeros(0))

    def learn(self, latents: dict[int, Tensor], densities: dict[int, np.ndarray]) -> None:
        """Keep latents (m_g, k_g) and relative densities (m_g,) of the cells of each set of flips g."""
        home = self.known.device
        kept = [functional.pad(part, (0, max(0, self.dimensions - part.shape[1]))) for part in latents.values()]
        kept = [part[:, : self.dimensions] for part in kept]
        self.groups = torch.tensor(list(latents), dtype=torch.uint8, device=home)
        self.counts = torch.tensor([len(part) for part in kept], device=home)
        self.known = torch.cat(kept).half()
        self.density = torch.from_numpy(np.concatenate([densities[group] for group in latents])).float().to(home)
        spacing = [median_nearest_distance(part) if len(part) > 1 else 0.0 for part in kept]
        self.spacing = torch.tensor(spacing, device=home)

    def of(self, place: int) -> "Recallable":
        """The known latents with the set of flips at `place`."""
        first = int(self.counts[:place].sum())
        rows = slice(first, first + int(self.counts[place]))
        latents = self.known[rows].float()
        return Recallable(Points(latents, {DENSITY: self.density[rows]}), latents.square().sum(1) / 2)

    def consistent(self) -> bool:
        """Whether what a file brought belongs together: asked when a model is loaded."""
        if not len(self.groups) == len(self.counts) == len(self.spacing) == len(self.groups.unique()):
            return False
        if not bool((self.groups & 1).all()) or not bool((self.counts > 0).all()):
            return False
        expected = (int(self.counts.sum()), self.dimensions)
        return tuple(self.known.shape) == expected and len(self.density) == len(self.known)


class Recallable(NamedTuple):
    """Known latents float32 (m, q), with their relative densities (m,), and half their squared lengths (m,)."""

    points: Points
    half_squares: Tensor


@torch.no_grad()
def recalled(known: Recallable, x_t: Tensor, alpha_bar: Tensor, density: Tensor | None = None) -> Tensor:
    """What is known of x_0: the mean of known latents, each weighed by how likely it turns into x_t (n, k).

    Only the first q numbers of x_t are looked at; those beyond are zero in the result (n, k). alpha_bar: (n,), of the
    times of x_t. density: (n,) where it is asked for, NaN where not; known cells of others then count less.
    """
    latents, k = known.points.latents, x_t.shape[1]
    q, signal = latents.shape[1], alpha_bar.to(x_t)[:, None]
    variance = _WIDENED * (1 - signal) / signal
    chance = None if density is None else log_chance(known.points, {DENSITY: density})
    chance = None if chance is None else chance.nan_to_num(0.0)
    with torch.autocast(x_t.device.type, enabled=False):  # in bfloat16 near latents cannot be told apart
        y = functional.pad(x_t[:, :q].float() / signal.sqrt(), (0, max(0, q - k)))
        mean = mean_of_points(y, latents, known.half_squares, variance, chance)
    return functional.pad(mean, (0, k - q))
