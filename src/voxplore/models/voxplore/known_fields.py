"""Known latents of field autoencoders, by their flips: SRR pushes from them, the denoiser recalls them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.diffusion.neighbour_list import median_nearest_distance

__all__ = ["KnownFields", "recalled"]

#: Factor on the variance of the noise where known latents are weighed: more of them count than one that is exact.
_WIDENED = 2.0


class KnownFields(nn.Module):
    """What drawing needs of the training cells: how many have each set of flips, and where their latents lie.

    Of each latent its first numbers are kept, which are those of largest spread (our choice).
    """

    free_sized = ("groups", "counts", "known", "spacing")

    groups: Tensor
    counts: Tensor
    known: Tensor
    spacing: Tensor

    def __init__(self, dimensions: int):
        super().__init__()
        self.dimensions = dimensions
        self.register_buffer("groups", torch.zeros(0, dtype=torch.uint8))
        self.register_buffer("counts", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("known", torch.zeros(0, dimensions, dtype=torch.float16))
        self.register_buffer("spacing", torch.zeros(0))

    def learn(self, latents: dict[int, Tensor]) -> None:
        """Keep latents (m_g, k_g) of each set of flips g."""
        home = self.known.device
        kept = [functional.pad(part, (0, max(0, self.dimensions - part.shape[1]))) for part in latents.values()]
        kept = [part[:, : self.dimensions] for part in kept]
        self.groups = torch.tensor(list(latents), dtype=torch.uint8, device=home)
        self.counts = torch.tensor([len(part) for part in kept], device=home)
        self.known = torch.cat(kept).half()
        spacing = [median_nearest_distance(part) if len(part) > 1 else 0.0 for part in kept]
        self.spacing = torch.tensor(spacing, device=home)

    def of(self, place: int) -> tuple[Tensor, float]:
        """Known latents float32 (m_g, dimensions) and spacing of the set of flips at `place`."""
        first = int(self.counts[:place].sum())
        return self.known[first : first + int(self.counts[place])].float(), float(self.spacing[place])

    def consistent(self) -> bool:
        """Whether what a file brought belongs together: asked when a model is loaded."""
        if not len(self.groups) == len(self.counts) == len(self.spacing) == len(self.groups.unique()):
            return False
        if not bool((self.groups & 1).all()) or not bool((self.counts > 0).all()):
            return False
        return int(self.counts.sum()) == len(self.known)


@torch.no_grad()
def recalled(known: Tensor, x_t: Tensor, alpha_bar: Tensor, left_out: Tensor | None = None) -> Tensor:
    """What is known of x_0: the mean of known latents (m, q), each weighed by how likely it turns into x_t (n, k).

    Only the first q numbers of x_t are looked at; those beyond are zero in the result (n, k). alpha_bar: (n,), of the
    times of x_t. left_out: int64 (n,), a known latent for each x_t that counts as unknown, or a network in training
    would be told what it is to find.
    """
    q, signal = min(known.shape[1], x_t.shape[1]), alpha_bar.to(x_t)[:, None]
    known, seen = known[:, :q], x_t[:, :q].float() / signal.sqrt()
    variance = _WIDENED * (1 - signal) / signal
    weights = (seen @ known.T - 0.5 * known.square().sum(1)) / variance
    if left_out is not None and len(known) > 1:
        weights.scatter_(1, left_out[:, None], -torch.inf)
    return functional.pad(weights.softmax(1) @ known, (0, x_t.shape[1] - q))
