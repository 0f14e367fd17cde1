"""Which points still count in a mean under ever less noise: exact to the rounding of floats, most steps without a look.

At y = x_t / sqrt(alpha_bar) with noise of variance v, point p_i has the weight exp(-|y - p_i|^2 / (2 v)). Once few
points are left with any, the others are gone for good while the noise only shrinks: with y' = p_j + r (y - p_j) + e,
f_i = |y - p_i|^2 - |y - p_j|^2 becomes at least r f_i - |e|^2 / (1 - r), for any p_j, 0 <= r < 1 and e. So a chain's
place and noise now say how little weight the points outside its list have, from what they had when it was made.
"""

import math

import torch
from torch import Tensor

__all__ = ["LocalMeans"]

#: The logarithm of the share of the weight that may be left out: half a unit in the last place of a float32.
_LEFT_OUT = -24 * math.log(2)
#: Chains looked at together: their weights of all points then stay in the cache.
_TOGETHER = 32


class LocalMeans:
    """Means of points (m, l) under weights, for chains whose weight lies on at most `size` of them."""

    def __init__(self, points: Tensor, size: int = 64):
        self.points, self.size = points, min(size, len(points))
        self.half_squares = points.square().sum(1) / 2
        #: Noise below which looking for lists pays: in a variance that is a 49th of all the spread of the points.
        spread = 2 * self.half_squares.mean() - points.mean(0).square().sum()
        self.worth_a_look = float(spread) / 49 if len(points) > 1 else math.inf
        self._held = torch.zeros(0, dtype=torch.bool)

    def means(self, y: Tensor, variance: float) -> tuple[Tensor, Tensor]:
        """(n,) which chains' lists still hold all that counts at y (n, l), and their means (n, l)."""
        if not (len(self._held) == len(y) and self._held.any()):
            return y.new_zeros(len(y), dtype=torch.bool), torch.empty_like(y)
        away = y[:, None] - self._near
        squares = away.square().sum(2)
        weights = torch.softmax(squares / (-2 * variance), dim=1)
        settled = self._held & (self._left_out(y, squares, variance) <= _LEFT_OUT)
        return settled, (weights[:, None] @ self._near)[:, 0]

    def _left_out(self, y: Tensor, squares: Tensor, variance: float) -> Tensor:
        """A bound on the logarithm of all weight outside of the lists over that of the nearest point, (n,)."""
        nearest = squares.argmin(1, keepdim=True)
        point = self._near.gather(1, nearest[:, :, None].expand(-1, -1, y.shape[1]))[:, 0]
        before = self._squares.gather(1, nearest)[:, 0]
        old, new = self._place - point, y - point
        r = ((old * new).sum(1) / old.square().sum(1).clamp(min=1e-30)).clamp(0, 1 - 1e-6)
        off = (new - r[:, None] * old).square().sum(1) / ((1 - r) * 2 * variance)
        # f_i of the points outside is at least `gap`, and its weight in the exponent only grew, by `growth`.
        gap, growth = self._squares.amax(1) - before, r * self._variance / variance
        reference = before - self._squares.amin(1)
        bound = self._log_left + (reference - (growth - 1) * gap) / (2 * self._variance) + off
        return bound.masked_fill(growth < 1, torch.inf)

    def look(self, y: Tensor, variance: float, rows: Tensor) -> Tensor:
        """Means (k, l) of the numbered chains (k,) over all points; lists are made where few points count."""
        if len(self._held) != len(y):
            self._forget(y)
        return torch.cat([self._look(y[part], variance, part) for part in rows.split(_TOGETHER)])

    def _look(self, chains: Tensor, variance: float, rows: Tensor) -> Tensor:
        fit = torch.addmm(self.half_squares / -variance, chains, self.points.T, alpha=1 / variance)
        best = fit.amax(1, keepdim=True)
        few = torch.nonzero((fit > best + _LEFT_OUT).sum(1) <= self.size).flatten()
        weights = torch.softmax(fit, dim=1)
        means = weights @ self.points
        if len(few):
            self._hold(rows[few], chains[few], variance, weights[few], fit[few])
        return means

    def _forget(self, y: Tensor) -> None:
        n, like = len(y), {"device": y.device, "dtype": y.dtype}
        self._held = torch.zeros(n, dtype=torch.bool, device=y.device)
        self._near = torch.zeros(n, self.size, y.shape[1], **like)
        self._squares = torch.zeros(n, self.size, **like)
        self._place = torch.zeros_like(y)
        self._log_left, self._variance = torch.zeros(n, **like), torch.ones(n, **like)

    def _hold(self, rows: Tensor, chains: Tensor, variance: float, weights: Tensor, fit: Tensor) -> None:
        found = fit.topk(self.size, dim=1)
        left = weights.scatter(1, found.indices, 0.0).sum(1) / weights.amax(1)
        self._held[rows] = True
        self._near[rows] = self.points[found.indices]
        self._squares[rows] = chains.square().sum(1, keepdim=True) - 2 * variance * found.values
        self._place[rows], self._variance[rows], self._log_left[rows] = chains, variance, left.log()
