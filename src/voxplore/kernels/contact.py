"""The one rule of contact: solid voxels that share a face are one body; a shared edge or corner carries nothing.

Stiffness, conductivity, checks, meshes and decks take it from here. Two things follow from it. The periodic components
of a cell are glued across faces alone (the score S_con counts the same way on packed bits, see `components`). And a
grid point where parts meet by an edge or a corner only bears one node for each part, so that a finite element mesh
falls apart there as the body does.

Grid point (i, j, k) is the low corner of voxel (i, j, k). It touches the voxels (i - 1 + a, j - 1 + b, k - 1 + c) with
a, b, c in {0, 1}; bit 4 a + 2 b + c of its pattern says whether that one is solid.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from .periodic import periodic_components

__all__ = ["CORNERS", "SLOTS", "SUBSET", "Bodies", "GridNodes", "bodies", "carrying", "grid_nodes"]

#: The corners of a voxel, and the places of the eight voxels around a grid point: int (8, 3).
CORNERS = np.array(list(itertools.product((0, 1), repeat=3)))
#: Couplings of a node of a finite element grid: the 27 points around (13 is the point itself, x slowest), and second
#: nodes along +x, +y, +z, -x, -y, -z. Slots 14 to 29 mirror the others.
SLOTS = 33


def _parts_of(pattern: int) -> list[int]:
    """Part of each of the eight places, joined by faces: 0, 1, ... in the order of the places, 0 where void."""
    part = [-1] * 8
    count = 0
    for seed in range(8):
        if not pattern >> seed & 1 or part[seed] >= 0:
            continue
        reached, part[seed] = [seed], count
        while reached:
            place = reached.pop()
            for other in (place ^ 1, place ^ 2, place ^ 4):
                if pattern >> other & 1 and part[other] < 0:
                    part[other] = count
                    reached.append(other)
        count += 1
    return [max(one, 0) for one in part]


#: Part of each of the eight places around a grid point of each pattern: uint8 (256, 8).
_PART = np.array([_parts_of(pattern) for pattern in range(256)], np.uint8)
_SOLID = (np.arange(256)[:, None] >> np.arange(8)) & 1 == 1
#: Number of parts, 0 to 4, of each pattern: uint8 (256,).
_PARTS = np.where(_SOLID.any(1), np.where(_SOLID, _PART, 0).max(1) + 1, 0).astype(np.uint8)
#: The pattern of each part alone: uint8 (256, 4).
SUBSET = np.stack([((_SOLID & (part == _PART)) << np.arange(8)).sum(1) for part in range(4)], axis=1).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class GridNodes:
    """Nodes of the periodic grid of a cell: one for each part of solid at each grid point, in C order of the points.

    pattern: uint8 (dx, dy, dz), solid voxels around each point. first: int64 (dx, dy, dz), number of its first node.
    places: int64 (n,), flat index of the point of each node. part: int64 (n,), which part of the point it belongs to.
    """

    pattern: np.ndarray
    first: np.ndarray
    places: np.ndarray
    part: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def numbers(self, points: np.ndarray, bits: np.ndarray | int) -> np.ndarray:
        """Node at flat points int (...) that belongs to the voxel at place `bits` around each of them."""
        return self.first.ravel()[points] + _PART[self.pattern.ravel()[points], bits]

    def elements(self, voxels: np.ndarray) -> np.ndarray:
        """The eight nodes of each True voxel, in the order of CORNERS: int64 (m, 8)."""
        corners = (np.argwhere(voxels)[:, None, :] + CORNERS) % voxels.shape
        points = np.asarray(np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), voxels.shape))
        # A voxel lies around its own corner at the opposite place.
        return self.numbers(points, 7 - np.arange(8))  # pyright: ignore


def grid_nodes(voxels: np.ndarray) -> GridNodes:
    """Nodes of the True voxels of Bool (dx, dy, dz), periodic."""
    pattern = np.zeros(voxels.shape, np.uint8)
    for bit, corner in enumerate(CORNERS):
        pattern |= np.roll(voxels, tuple(1 - corner), axis=(0, 1, 2)).astype(np.uint8) << bit
    count = _PARTS[pattern].ravel()
    first = np.cumsum(count, dtype=np.int64) - count
    places = np.repeat(np.arange(voxels.size), count)
    return GridNodes(pattern, first.reshape(voxels.shape), places, np.arange(len(places)) - first[places])


@dataclass(frozen=True, eq=False)
class Bodies:
    """A part as it is cut from the lattice. largest: its largest body, Bool (a, b, c). count: its bodies.
    loose: share of its solid outside the largest.
    """

    largest: np.ndarray
    count: int
    loose: float


def bodies(voxels: np.ndarray) -> Bodies:
    """Bodies of the True voxels of Bool (a, b, c), which ends at its faces."""
    labels = np.empty(voxels.shape, np.int32)
    count = int(scipy.ndimage.label(voxels, output=labels))  # pyright: ignore[reportArgumentType]
    sizes = np.bincount(labels.ravel(), minlength=2)[1:]
    return Bodies(labels == 1 + sizes.argmax(), count, 1 - float(sizes.max() / max(sizes.sum(), 1)) if count else 0.0)


def carrying(voxels: np.ndarray) -> np.ndarray:
    """The solid of Bool (dx, dy, dz) that can carry: components that connect to an image of their own."""
    found = periodic_components(voxels)
    return np.concatenate([[False], found.ranks > 0])[found.labels]
