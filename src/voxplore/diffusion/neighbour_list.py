"""Which known latents can lie within tau of a moving chain: exact, without looking at all of them at every step."""

from collections.abc import Callable

import torch
from torch import Tensor

from voxplore.diffusion.closest_points import nearest_half_distances

__all__ = ["Clusters", "NeighbourList", "median_nearest_distance"]

# Distances by matrix product lose digits; a margin of this share of tau keeps the list exact.
_MARGIN = 1e-3
#: The anchor lies on the ray from the centre of the known latents through the chain, this many times as far. In many
#: dimensions that excludes more of them, for longer, than the chain's own place: a third fewer scans.
_BEYOND = 1.4
#: Chains scanned together.
_ROWS = 128


class NeighbourList:
    """Of each chain an anchor, the `size` known latents nearest to it and their distances d_1 <= ... <= d_size.

    A chain that lies s from its anchor can be within tau of known latents with d_i <= tau + s alone (triangle
    inequality). While tau + s < d_size they are all in the list; then the chain is scanned anew. Most of the time
    tau + s < d_1, and nothing at all needs to be looked at.
    """

    def __init__(self, known: Tensor, tau: float, size: int = 64):
        self.known, self.tau = known, tau
        self.size = min(size, len(known))
        self.scans = 0
        self.overfull: list[int] = []
        """Chains so crowded that more than `size` known latents may lie within tau: sum over all of them instead."""
        self._half_squares = known.square().sum(1) / 2
        self._longest = float(self._half_squares.max()) if len(known) else 0.0
        self._centre = known.mean(0)
        self._anchor = self._ids = self._distance = torch.empty(0)

    def within_reach(self, x_t: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of chains of x_t (n, l) and of known latents, both (pairs,): all pairs within tau, and some more.

        Chains in `overfull` may lack some.
        """
        if len(self._anchor) != len(x_t):
            self._scan(slice(None), torch.lerp(self._centre, x_t, _BEYOND))
        if self.size < len(self.known):
            self._renew(x_t, _BEYOND)
            self._renew(x_t, 1.0)  # where known latents are dense, an anchor further off holds too many of them
            self.overfull = torch.nonzero(self._stale(x_t)).flatten().tolist()
        reach = self._reach(x_t)
        chain, place = torch.nonzero(self._distance <= reach[:, None], as_tuple=True)
        return chain, self._ids[chain, place]

    def _reach(self, x_t: Tensor) -> Tensor:
        """How far from each chain's anchor a known latent within tau of the chain can be: (n,)."""
        return ((x_t - self._anchor).norm(dim=1) + self.tau) * (1 + _MARGIN)

    def _stale(self, x_t: Tensor) -> Tensor:
        return self._distance[:, -1] <= self._reach(x_t)

    def _renew(self, x_t: Tensor, beyond: float) -> None:
        stale = torch.nonzero(self._stale(x_t)).flatten()
        if len(stale):
            self._scan(stale, torch.lerp(self._centre, x_t[stale], beyond))

    def _scan(self, rows: slice | Tensor, anchors: Tensor) -> None:
        self.scans += 1
        ids, distance = zip(*map(self._nearest, anchors.split(_ROWS)), strict=True)
        if isinstance(rows, slice):
            self._anchor, self._ids, self._distance = anchors, torch.cat(ids), torch.cat(distance)
        else:
            self._anchor[rows], self._ids[rows], self._distance[rows] = anchors, torch.cat(ids), torch.cat(distance)

    def _nearest(self, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of the `size` known latents nearest to each anchor (n, l) and their distances, rounded down."""
        values, ids = nearest_half_distances(anchors, self.known, self._half_squares, self.size)
        half = anchors.square().sum(1, keepdim=True) / 2
        lost = 16 * torch.finfo(anchors.dtype).eps * (half + self._longest)
        return ids, (2 * (values + half - lost)).clamp(min=0).sqrt()


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
