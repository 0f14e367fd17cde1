"""Repel and sink in two dimensions (Figure 4): points of two classes that follow the negative gradients of Eq. 4, 6, 7.

Without an autoencoder nothing else holds the points, so the picture shows what each force does: repulsion between the
classes parts them, repulsion within a class keeps it from collapsing, the sink keeps everything near the origin.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from voxplore.latent.ras import inter_potential, intra_potential, sink_potential

__all__ = ["PANELS", "Forces", "relax", "two_clusters"]


@dataclass(frozen=True)
class Forces:
    """Weights lambda of Eq. 8, each on a sum over the pairs that one point is in (our choice for the picture)."""

    inter: float = 0.0
    intra: float = 0.0
    sink: float = 0.0


#: The panels of the figure: no force, each alone, and all together.
PANELS: dict[str, Forces] = {
    "start": Forces(),
    "inter": Forces(inter=1.0),
    "intra": Forces(intra=1.0),
    "sink": Forces(sink=0.5),
    "inter, intra, sink": Forces(inter=1.0, intra=0.1, sink=0.5),
}


def two_clusters(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Valid and degraded points, float64 (n, 2) each: two normal clusters that overlap."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(2, n, 2, generator=generator, dtype=torch.float64)
    return 0.5 * points[0] + torch.tensor([0.3, 0.0]), 0.5 * points[1] - torch.tensor([0.3, 0.0])


def relax(
    positives: Tensor, negatives: Tensor, forces: Forces, steps: int = 400, rate: float = 0.02, softening: float = 0.1
) -> tuple[Tensor, Tensor]:
    """Where points (n, 2) and (m, 2) come after `steps` of gradient descent of step size `rate`."""
    points = torch.cat([positives, negatives]).clone().requires_grad_(True)
    n = len(positives)
    for _ in range(steps):
        (force,) = torch.autograd.grad(-potential(points[:n], points[n:], forces, softening), points)
        with torch.no_grad():
            points += rate * force
    return points[:n].detach(), points[n:].detach()


def potential(positives: Tensor, negatives: Tensor, forces: Forces, softening: float) -> Tensor:
    """Eq. 8 with means turned back into sums a point: scalar."""
    n, m = len(positives), len(negatives)
    inter = inter_potential(positives, negatives, softening) * min(n, m)
    intra = intra_potential(positives, softening) * n / 2 + intra_potential(negatives, softening) * m / 2
    sink = sink_potential(positives) * positives.numel() + sink_potential(negatives) * negatives.numel()
    return forces.inter * inter + forces.intra * intra + forces.sink * sink
