"""Known latents of token autoencoders: one list for each set of flips, in the leading principal components (SRR)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.diffusion.neighbour_list import median_nearest_distance

__all__ = ["KnownTokens"]


class KnownTokens(nn.Module):
    """What drawing needs of the training cells: how many have each set of flips, and where their latents lie.

    Latents of one set of flips have one length, m squeeze for m tokens. Distances between them are measured in their
    leading principal components, which hold nearly all of their spread and a small part of their numbers (our choice).
    """

    free_sized = ("groups", "counts", "known", "axes", "spacing")

    groups: Tensor
    counts: Tensor
    known: Tensor
    axes: Tensor
    mean: Tensor
    deviation: Tensor
    spacing: Tensor

    def __init__(self, tokens: int, squeeze: int, dimensions: int):
        super().__init__()
        self.tokens, self.squeeze, self.dimensions = tokens, squeeze, dimensions
        self.register_buffer("groups", torch.zeros(0, dtype=torch.uint8))
        self.register_buffer("counts", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("known", torch.zeros(0, dimensions, dtype=torch.float16))
        self.register_buffer("axes", torch.zeros(0, dimensions, dtype=torch.float16))
        self.register_buffer("spacing", torch.zeros(0))
        self.register_buffer("mean", torch.zeros(squeeze))
        self.register_buffer("deviation", torch.ones(squeeze))

    def learn(self, latents: dict[int, Tensor]) -> None:
        """Take statistics and principal components of latents (m_g, k_g) of each set of flips g."""
        tokens = torch.cat([part.reshape(-1, self.squeeze) for part in latents.values()])
        self.mean, self.deviation = tokens.mean(0), tokens.std(0).clamp(min=1e-6)
        axes, known, spacing = [], [], []
        for part in latents.values():
            standard = self.standardise(part)
            axes.append(_principal_axes(standard, self.dimensions))
            known.append(standard @ axes[-1])
            spacing.append(median_nearest_distance(known[-1]) if len(part) > 1 else 0.0)
        home = self.mean.device
        self.groups = torch.tensor(list(latents), dtype=torch.uint8, device=home)
        self.counts = torch.tensor([len(part) for part in latents.values()], device=home)
        self.axes, self.known = torch.cat(axes).half(), torch.cat(known).half()
        self.spacing = torch.tensor(spacing, device=home)

    def standardise(self, latents: Tensor) -> Tensor:
        """Latents (n, m squeeze) -> zero mean and unit deviation of each of a token's numbers."""
        return ((latents.reshape(-1, self.squeeze) - self.mean) / self.deviation).reshape(latents.shape)

    def restore(self, standardised: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return (standardised.reshape(-1, self.squeeze) * self.deviation + self.mean).reshape(standardised.shape)

    def length(self, place: int) -> int:
        """Numbers of a latent with the set of flips at `place`: one token in as many as there are flips."""
        return self.tokens // int(self.groups[place]).bit_count() * self.squeeze

    def of(self, place: int) -> tuple[Tensor, Tensor, float]:
        """Known latents (m_g, dimensions), axes (k_g, dimensions) and spacing of the set of flips at `place`."""
        first, before = int(self.counts[:place].sum()), sum(self.length(other) for other in range(place))
        known = self.known[first : first + int(self.counts[place])].float()
        return known, self.axes[before : before + self.length(place)].float(), float(self.spacing[place])

    def consistent(self) -> bool:
        """Whether what a file brought belongs together: asked when a model is loaded."""
        if not len(self.groups) == len(self.counts) == len(self.spacing) == len(self.groups.unique()):
            return False
        if not bool((self.groups & 1).all()) or not bool((self.counts > 0).all()):
            return False
        lengths = sum(self.length(place) for place in range(len(self.groups)))
        return int(self.counts.sum()) == len(self.known) and len(self.axes) == lengths


def _principal_axes(points: Tensor, count: int) -> Tensor:
    """Orthonormal leading principal axes of points (n, k): (k, count), zeros where there are fewer."""
    centred = points - points.mean(0)
    torch.manual_seed(0)  # the search is a random one, and a resumed training is to end in the same axes
    _, _, axes = torch.svd_lowrank(centred, q=min(count, *centred.shape), niter=4)
    return functional.pad(axes, (0, count - axes.shape[1]))
