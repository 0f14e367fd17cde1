"""Least squares of nets and cells: where the axes of struts lie, and their radius (our choice)."""

import itertools
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array

from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.data.synthetic.truss import voxelise_segments

__all__ = ["StrutFit", "moved", "polished", "with_radius"]

#: Pull of a node towards where it was, in numbers of voxels: holds nodes that no voxel decides about.
_INERTIA = 1.0
_IMAGES = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)))
#: Points of a cell that least squares look at.
_POINTS = 6000
#: How far outside of the cell an image of a strut can still be the nearest to a voxel, in cell edges.
_BEYOND = 0.15


class StrutFit(NamedTuple):
    """A net, the radius of its struts in cell edges, and its intersection over union with the cell it stands for."""

    net: PeriodicNet
    radius: float
    iou: float

    def voxels(self, resolution: int) -> np.ndarray:
        """The net drawn with its periodic images: Bool (d, d, d)."""
        return voxelise_segments(self.net.segments(), resolution, self.radius, periodic=True)


def with_radius(net: PeriodicNet, cell: np.ndarray, about: float | None = None) -> StrutFit:
    """The net with the radius at which it meets the cell best, sought near `about` or everywhere."""

    def missed(radius: float) -> float:
        drawn = voxelise_segments(net.segments(), len(cell), radius, periodic=True)
        return -np.count_nonzero(drawn & cell) / max(np.count_nonzero(drawn | cell), 1)

    # Along the radius the IoU rises, then falls, in small steps: first a coarse grid.
    grid = np.linspace(0.02, 0.16, 15)
    best = about or grid[int(np.argmin([missed(radius) for radius in grid]))]
    reach = 0.004 if about else 0.01
    found: Any = minimize_scalar(missed, bounds=(best - reach, best + reach), method="bounded", options={"xatol": 2e-4})
    return StrutFit(net, float(found.x), -float(found.fun))


def moved(net: PeriodicNet, cell: np.ndarray, rounds: int) -> PeriodicNet:
    """The net with nodes at the least squares of distances from solid voxels to the axis of the nearest strut."""
    d = len(cell)
    voxels = _thinned_out((np.argwhere(cell) + 0.5) / d)
    for _ in range(rounds):
        strut, share, image = _nearest_axis(net, voxels)
        m = len(net.nodes)
        # Point on the axis: (1 - share) a + share (b + period) + image; linear in the nodes.
        a, b = net.start[strut], net.end[strut]
        wanted = voxels - image - share[:, None] * net.period[strut]
        normal = np.zeros((m, m))
        np.add.at(normal, (a, a), (1 - share) ** 2)
        np.add.at(normal, (b, b), share**2)
        np.add.at(normal, (a, b), share * (1 - share))
        np.add.at(normal, (b, a), share * (1 - share))
        right = np.zeros((m, 3))
        np.add.at(right, a, (1 - share)[:, None] * wanted)
        np.add.at(right, b, share[:, None] * wanted)
        normal[np.diag_indices(m)] += _INERTIA
        nodes = np.linalg.solve(normal, right + _INERTIA * net.nodes)
        net = PeriodicNet(nodes, net.start, net.end, net.period)
    return net


def polished(fit: StrutFit, cell: np.ndarray, rounds: int = 8) -> StrutFit:
    """Nodes and radius by Gauss and Newton, so that points of the surface are one radius from the nearest axis."""
    points, net, radius = _thinned_out(_surface(cell)), fit.net, fit.radius
    m = len(net.nodes)
    for _ in range(rounds):
        strut, share, image = _nearest_axis(net, points)
        a, b = net.start[strut], net.end[strut]
        axis = (1 - share[:, None]) * net.nodes[a] + share[:, None] * (net.nodes[b] + net.period[strut]) + image
        away = points - axis
        far = np.maximum(np.linalg.norm(away, axis=1), 1e-9)
        normal = away / far[:, None]
        # far - radius falls by normal . ((1 - share) da + share db) + dr.
        rows = np.repeat(np.arange(len(points)), 7)
        columns = np.concatenate(
            [3 * a[:, None] + np.arange(3), 3 * b[:, None] + np.arange(3), np.full((len(points), 1), 3 * m)], axis=1
        )
        values = np.concatenate(
            [(1 - share[:, None]) * normal, share[:, None] * normal, np.ones((len(points), 1))], axis=1
        )
        slope = csr_array((values.ravel(), (rows, columns.ravel())), shape=(len(points), 3 * m + 1))
        missed = far - radius
        # Points far off belong to what no strut stands for: they do not pull.
        weight = 1 / (1 + (missed / (0.25 * radius)) ** 2)
        weighted = slope.multiply(weight[:, None]).tocsr()
        square = (slope.T @ weighted).toarray() + _INERTIA * np.eye(3 * m + 1)
        step = np.linalg.solve(square, slope.T @ (weight * missed))
        net = PeriodicNet(net.nodes + step[: 3 * m].reshape(m, 3), net.start, net.end, net.period)
        radius = float(np.clip(radius + step[-1], 0.01, 0.3))
    return with_radius(net, cell, radius)


def _thinned_out(points: np.ndarray) -> np.ndarray:
    """Some of the points, the same each time: enough for the least squares of a few hundred unknowns."""
    return points if len(points) <= _POINTS else np.random.default_rng(0).choice(points, _POINTS, replace=False)


def _surface(cell: np.ndarray) -> np.ndarray:
    """Centres of the faces between solid and void voxels of a periodic cell: float64 (n, 3) in cell edges."""
    found = []
    for axis in range(3):
        places = np.argwhere(cell != np.roll(cell, -1, axis)) + 0.5
        places[:, axis] += 0.5
        found.append(places)
    return np.concatenate(found) / len(cell)


def _nearest_axis(net: PeriodicNet, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For points (n, 3): the nearest strut, where along it (0 to 1), and the shift of its image, in cells."""
    ends = net.segments()
    ends = ends[:, None] + _IMAGES[None, :, None]  # (k, 27, 2, 3)
    shift = np.broadcast_to(_IMAGES, (len(ends), 27, 3)).reshape(-1, 3)
    strut = np.repeat(np.arange(len(ends)), 27)
    ends = ends.reshape(-1, 2, 3)
    near = ((ends.min(1) < 1 + _BEYOND) & (ends.max(1) > -_BEYOND)).all(1)
    ends, shift, strut = ends[near], shift[near], strut[near]
    along = ends[:, 1] - ends[:, 0]
    squared = np.maximum((along**2).sum(1), 1e-12)
    offset = (ends[:, 0] * along).sum(1)
    own = (ends[:, 0] ** 2).sum(1)
    chosen, shares = np.empty(len(voxels), np.int64), np.empty(len(voxels))
    for start in range(0, len(voxels), 4096):
        part = voxels[start : start + 4096]
        run = (part @ along.T - offset) / squared
        share = np.clip(run, 0, 1)
        # |p - s - t u|^2 = |p|^2 - 2 p.s + |s|^2 - 2 t run |u|^2 + t^2 |u|^2; |p|^2 does not matter.
        far = own - 2 * (part @ ends[:, 0].T) + squared * share * (share - 2 * run)
        best = far.argmin(1)
        rows = np.arange(len(part))
        chosen[start : start + 4096], shares[start : start + 4096] = best, share[rows, best]
    return strut[chosen], shares, shift[chosen]
