"""The nearest of many points by matrix products that stay in the cache: exact to the rounding of floats."""

import torch
from torch import Tensor

__all__ = ["closest_points", "nearest_half_distances"]

#: Points in a product (its answers stay in the cache), and those of which only the smallest distance is seen first.
_BLOCK, _GROUP = 2048, 32
#: Rows sought together.
_ROWS = 128


def closest_points(sought: Tensor, points: Tensor, k: int) -> Tensor:
    """Numbers of the k points (m, l) nearest to each of sought (n, l), the nearest first: int64 (n, k)."""
    half_squares = points.square().sum(1) / 2
    return torch.cat([nearest_half_distances(part, points, half_squares, k)[1] for part in sought.split(_ROWS)])


def nearest_half_distances(sought: Tensor, points: Tensor, half_squares: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k smallest of |p|^2 / 2 - x p over points p (m, l) for each x of sought (n, l), ascending, and their numbers.

    That is half of |x - p|^2 - |x|^2. half_squares: |p|^2 / 2, (m,).
    """
    values, least = _by_groups(sought, points, half_squares)
    if least.shape[1] <= 2 * k:
        return values.topk(k, largest=False)
    # The k smallest numbers lie in the k groups with the smallest minima.
    groups = least.topk(k, largest=False, sorted=False).indices
    inside = groups[:, :, None].expand(-1, -1, _GROUP)
    near = values.unflatten(1, (-1, _GROUP)).gather(1, inside).flatten(1).topk(k, largest=False)
    return near.values, groups.gather(1, near.indices // _GROUP) * _GROUP + near.indices % _GROUP


def _by_groups(sought: Tensor, points: Tensor, half_squares: Tensor) -> tuple[Tensor, Tensor]:
    """All values (n, m and what fills up the last group), and their minimum over each group."""
    m = len(points)
    groups = -(-m // _GROUP)
    values = sought.new_empty(len(sought), groups * _GROUP)
    values[:, m:] = torch.inf
    least = sought.new_empty(len(sought), groups)
    for start in range(0, m, _BLOCK):
        rows = slice(start, min(start + _BLOCK, m))
        torch.addmm(half_squares[rows], sought, points[rows].T, alpha=-1, out=values[:, rows])
        fresh = values[:, start : start + _BLOCK].unflatten(1, (-1, _GROUP))
        torch.amin(fresh, 2, out=least[:, start // _GROUP : start // _GROUP + fresh.shape[1]])
    return values, least
