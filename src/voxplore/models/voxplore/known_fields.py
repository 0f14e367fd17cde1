"""Known latents of field autoencoders, by their flips: SRR pushes from them, the denoiser recalls them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.diffusion.empirical import mean_of_points
from voxplore.diffusion.neighbour_list import median_nearest_distance
from voxplore.models.voxplore.conditioning import DENSITY, Points, log_chance

__all__ = ["KnownFields", "Memory", "Recallable", "recallable", "recalled"]

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
        self.known = torch.cat(kept).half().to(home)
        self.density = torch.from_numpy(np.concatenate([densities[group] for group in latents])).float().to(home)
        spacing = [median_nearest_distance(part) if len(part) > 1 else 0.0 for part in kept]
        self.spacing = torch.tensor(spacing, device=home)

    def memory(self) -> "Memory":
        """All of them, with their relative densities."""
        sizes = self.counts.tolist()
        parts = zip(self.known.float().split(sizes), self.density.split(sizes), strict=True)
        return Memory(self.groups.tolist(), [recallable(latents, {DENSITY: density}) for latents, density in parts])

    def latents_of(self, group: int) -> Tensor:
        """Known latents float32 (m, dimensions) with these flips."""
        return self.known.float().split(self.counts.tolist())[self.groups.tolist().index(group)]

    def spacing_of(self, group: int) -> float:
        """The median distance of known latents with these flips from their nearest; 0 where there are none."""
        return float(self.spacing[self.groups == group].sum())

    def consistent(self) -> bool:
        """Whether what a file brought belongs together: asked when a model is loaded."""
        if not len(self.groups) == len(self.counts) == len(self.spacing) == len(self.groups.unique()):
            return False
        if not bool((self.groups & 1).all()) or not bool((self.counts > 0).all()):
            return False
        expected = (int(self.counts.sum()), self.dimensions)
        return tuple(self.known.shape) == expected and len(self.density) == len(self.known)


class Recallable(NamedTuple):
    """Known latents float32 (m, q), with what is known of their cells, and half their squared lengths (m,)."""

    points: Points
    half_squares: Tensor


def recallable(latents: Tensor, values: dict[str, Tensor]) -> Recallable:
    """Latents (m, q) and property -> (m,) of their cells."""
    return Recallable(Points(latents, values), latents.square().sum(1) / 2)


class Memory(NamedTuple):
    """What may be recalled: for each set of flips `groups` the known latents with it."""

    groups: list[int]
    parts: list[Recallable]

    def values(self) -> dict[str, Tensor]:
        """Property -> (m,) of all known cells."""
        names = self.parts[0].points.values
        return {name: torch.cat([part.points.values[name] for part in self.parts]) for name in names}

    def places(self, chances: np.ndarray, wanted: Mapping[str, Tensor]) -> np.ndarray:
        """A set of flips for each of n cells, as its place int64 (n,), from numbers in [0, 1) (n,): each as often as
        known cells of what is wanted, property -> (n,), have it."""
        sizes = torch.tensor([len(part.half_squares) for part in self.parts])
        chance = log_chance(Points(sizes, self.values()), wanted)
        shares = sizes.double().log()[None]
        if chance is not None:
            shares = torch.stack([part.double().logsumexp(1) for part in chance.split(sizes.tolist(), 1)], 1)
        edges = shares.softmax(1).cumsum(1).cpu().numpy()
        return np.minimum((chances[:, None] >= edges).sum(1), len(self.groups) - 1)


@torch.no_grad()
def recalled(known: Recallable, x_t: Tensor, alpha_bar: Tensor, wanted: Mapping[str, Tensor]) -> Tensor:
    """What is known of x_0: the mean of known latents, each weighed by how likely it turns into x_t (n, k).

    Only the first q numbers of x_t are looked at; those beyond are zero in the result (n, k). alpha_bar: (n,), of the
    times of x_t. wanted: property -> (n,), NaN where none is; known cells of others then count less.
    """
    latents, k = known.points.latents, x_t.shape[1]
    q, signal = latents.shape[1], alpha_bar.to(x_t)[:, None]
    variance = _WIDENED * (1 - signal) / signal
    chance = log_chance(known.points, wanted)
    chance = None if chance is None else chance.nan_to_num(0.0)
    with torch.autocast(x_t.device.type, enabled=False):  # in bfloat16 near latents cannot be told apart
        y = functional.pad(x_t[:, :q].float() / signal.sqrt(), (0, max(0, q - k)))
        mean = mean_of_points(y, latents, known.half_squares, variance, chance)
    return functional.pad(mean, (0, k - q))
