"""Which known latents can lie within tau of a moving chain: exact, without looking at all of them at every step."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Clusters", "NeighbourList", "median_nearest_distance"]

# Distances by matrix product lose digits; a margin of this share of tau keeps the list exact.
_MARGIN = 1e-3


class NeighbourList:
    """Each chain's `size` nearest known latents and the distance d_size to the last of them, from its last full scan.

    While the chain has moved less than d_size - tau since, no known latent outside its list can be within tau of it
    (triangle inequality), so the list gives the exact sum. Else the chain is scanned anew.
    """

    def __init__(self, known: Tensor, tau: float, size: int = 64):
        self.known, self.tau = known, tau
        self.size = min(size, len(known))
        self.scans = 0
        self._origin = self._ids = self._reach = torch.empty(0)

    def within_reach(self, x_t: Tensor) -> Tensor:
        """(n, size) numbers of known latents that hold all those within tau of each chain (n, l), see `overfull`."""
        if len(self._origin) != len(x_t):
            self._origin = x_t.clone()
            self._ids, self._reach = self._scan(x_t)
            return self._ids
        stale = (x_t - self._origin).norm(dim=1) >= self._reach - self.tau * (1 + _MARGIN)
        if self.size < len(self.known) and stale.any():
            self._ids[stale], self._reach[stale] = self._scan(x_t[stale])
            self._origin[stale] = x_t[stale]
        return self._ids

    def overfull(self, x_t: Tensor) -> list[int]:
        """Chains so crowded that more than `size` known latents may lie within tau: sum over all of them instead."""
        if self.size == len(self.known):
            return []
        moved = (x_t - self._origin).norm(dim=1)
        return torch.nonzero(moved >= self._reach - self.tau * (1 + _MARGIN)).flatten().tolist()

    def _scan(self, x_t: Tensor) -> tuple[Tensor, Tensor]:
        self.scans += 1
        parts = [torch.cdist(part, self.known).topk(self.size, largest=False) for part in x_t.split(256)]
        return torch.cat([p.indices for p in parts]), torch.cat([p.values[:, -1] for p in parts])


class Clusters:
    """The paper's restriction to nearby clusters (Sec. 4.3): k-means once, then skip where distance > radius + tau.

    The skip test is exact, so the sum equals the full one (the published code instead takes only the first cluster
    whose ball holds the chain, and drops neighbours in the others).
    """

    def __init__(self, known: Tensor, clusters: int, iterations: int = 20):
        self.known = known
        self.centres, label = _k_means(known, min(clusters, len(known)), iterations)
        self.members = [torch.nonzero(label == k).flatten() for k in range(len(self.centres))]
        self.radii = torch.stack(
            [
                (known[m] - c).norm(dim=1).amax() if len(m) else c.new_zeros(())
                for m, c in zip(self.members, self.centres, strict=True)
            ]
        )

    def repulsion(self, x_t: Tensor, tau: float, cap: float, force_of: Callable[..., Tensor]) -> Tensor:
        """The full sum of `force_of` (srr.repulsion) over the clusters within reach of each chain (n, l)."""
        force = torch.zeros_like(x_t)
        near = torch.cdist(x_t, self.centres) <= (self.radii + tau) * (1 + _MARGIN)
        for k, members in enumerate(self.members):
            chains = torch.nonzero(near[:, k]).flatten()
            if len(chains) and len(members):
                ids = members.expand(len(chains), -1)
                force[chains] += force_of(x_t[chains], self.known[members], tau, cap, ids)
        return force


def _k_means(points: Tensor, clusters: int, iterations: int) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from evenly spaced points: centres (k, l), labels (n,)."""
    centres = points[torch.linspace(0, len(points) - 1, clusters).long()].clone()
    for _ in range(iterations):
        label = torch.cdist(points, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, label, points)
        counts = torch.bincount(label, minlength=clusters)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
    return centres, torch.cdist(points, centres).argmin(1)


def median_nearest_distance(known: Tensor, among: int = 2048) -> float:
    """Median distance from a known latent to its nearest other one, over `among` of them: the unit of tau."""
    rows = torch.linspace(0, len(known) - 1, min(among, len(known))).long()
    nearest = [torch.cdist(known[part], known).topk(2, largest=False).values[:, 1] for part in rows.split(256)]
    return float(torch.cat(nearest).median())
