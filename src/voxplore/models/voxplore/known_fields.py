"""Known latents of field autoencoders, by their flips: SRR pushes from them, the denoiser recalls them."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.diffusion.closest_points import closest_points
from voxplore.diffusion.neighbour_list import median_nearest_distance

__all__ = ["KnownFields", "neighbours", "recalled"]

#: Factor on the variance of the noise where known latents are weighed: more of them count than one that is exact.
_WIDENED = 2.0
#: Deviation in relative density within which known cells count where one is asked for.
_DENSITY_WIDTH = 0.02


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

    def of(self, place: int) -> tuple[Tensor, Tensor, float]:
        """Known latents float32 (m_g, dimensions), relative densities (m_g,) and spacing of the flips at `place`."""
        first = int(self.counts[:place].sum())
        rows = slice(first, first + int(self.counts[place]))
        return self.known[rows].float(), self.density[rows], float(self.spacing[place])

    def consistent(self) -> bool:
        """Whether what a file brought belongs together: asked when a model is loaded."""
        if not len(self.groups) == len(self.counts) == len(self.spacing) == len(self.groups.unique()):
            return False
        if not bool((self.groups & 1).all()) or not bool((self.counts > 0).all()):
            return False
        return int(self.counts.sum()) == len(self.known) == len(self.density)


def neighbours(latents: Tensor, count: int) -> np.ndarray:
    """Numbers int64 (m, count or m - 1) of the latents nearest to each of latents (m, k); of one alone, its own."""
    if len(latents) == 1:
        return np.zeros((1, 1), np.int64)
    nearest = closest_points(latents, latents, min(count + 1, len(latents))).cpu()
    own = nearest == torch.arange(len(latents))[:, None]
    own[~own.any(1), -1] = True  # equal latents: any of them may come first
    return nearest[~own].reshape(len(latents), -1).numpy()


@torch.no_grad()
def recalled(known: tuple[Tensor, Tensor], x_t: Tensor, alpha_bar: Tensor, density: Tensor | None = None) -> Tensor:
    """What is known of x_0: the mean of known latents, each weighed by how likely it turns into x_t (n, k).

    Only the first q numbers of x_t are looked at; those beyond are zero in the result (n, k). known: latents
    (m, q) and relative densities (m,). alpha_bar: (n,), of the times of x_t. density: (n,) where it is asked for, NaN
    where not; known cells of others then count less.
    """
    latents, densities = known
    q, signal = min(latents.shape[1], x_t.shape[1]), alpha_bar.to(x_t)[:, None]
    latents, seen = latents[:, :q], x_t[:, :q].float() / signal.sqrt()
    variance = _WIDENED * (1 - signal) / signal
    weights = (seen @ latents.T - 0.5 * latents.square().sum(1)) / variance
    if density is not None:
        off = (density[:, None] - densities) / _DENSITY_WIDTH
        weights = weights - 0.5 * off.square().nan_to_num(0.0)
    return functional.pad(weights.softmax(1) @ latents, (0, x_t.shape[1] - q))
