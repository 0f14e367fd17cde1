"""Voxels as a mesh of 8-node hexahedra, with what periodic boundary conditions need."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

__all__ = ["HexMesh", "hex_mesh"]

#: Corners of a voxel in the order that Abaqus, gmsh and VTK share: round the bottom, then round the top.
_CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])


@dataclass(frozen=True)
class HexMesh:
    """Solid voxels as elements.

    places: int (n, 3), grid coordinates of the nodes, in C order; elements: int (m, 8), rows of `places`;
    pairs: int (k, 2), a node on a far face, edge or corner and its periodic partner, the lowest of its images;
    component: int (m,), of each element, its part of the periodic cell (elements joined by faces, 0, 1, ...);
    windings: for each part, int (w, 3), how many cells away it meets its own periodic images.
    """

    shape: tuple[int, int, int]
    places: np.ndarray
    elements: np.ndarray
    pairs: np.ndarray
    component: np.ndarray
    windings: tuple[np.ndarray, ...]

    def rank(self) -> np.ndarray:
        """In how many independent directions each part connects to itself: int (c,)."""
        return np.array([np.linalg.matrix_rank(steps) if len(steps) else 0 for steps in self.windings], np.int64)


def hex_mesh(voxels: np.ndarray) -> HexMesh:
    """Bool (a, b, c) -> HexMesh with all solid voxels, in C order."""
    solid = np.argwhere(voxels)
    grid = np.array(voxels.shape) + 1
    corners = solid[:, None, :] + _CORNERS
    flat = np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), tuple(grid))
    used, elements = np.unique(flat, return_inverse=True)
    places = np.stack(np.unravel_index(used, tuple(grid)), axis=1)
    component, windings = _periodic_parts(voxels)
    return HexMesh(
        shape=voxels.shape,
        places=places,
        elements=elements.reshape(-1, 8),
        pairs=_pairs(places, np.array(voxels.shape)),
        component=component,
        windings=windings,
    )


def _pairs(places: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Every node but the first among the periodic images that the mesh has, with that first one."""
    wrapped = places % shape
    order = np.lexsort((*places.T[::-1], *wrapped.T[::-1]))
    new = np.ones(len(places), bool)
    new[1:] = (wrapped[order][1:] != wrapped[order][:-1]).any(1)
    master = order[np.maximum.accumulate(np.where(new, np.arange(len(places)), 0))]
    return np.stack([order, master], axis=1)[~new]


def _periodic_parts(voxels: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Periodic component of each solid voxel (C order) and the windings of each component."""
    labels = np.empty(voxels.shape, np.int32)
    count = int(ndimage.label(voxels, output=labels))  # pyright: ignore[reportArgumentType]
    root = np.arange(count + 1)
    offset = np.zeros((count + 1, 3), np.int64)  # how many cells away a part in the box lies from its root
    windings: dict[int, list[np.ndarray]] = {}

    def find(part: int) -> tuple[int, np.ndarray]:
        total = np.zeros(3, np.int64)
        while root[part] != part:
            total += offset[part]
            part = root[part]
        return part, total

    for axis in range(3):
        touching = np.stack([labels.take(-1, axis).ravel(), labels.take(0, axis).ravel()], 1)
        for high, low in np.unique(touching[(touching > 0).all(1)], axis=0):
            (a, from_a), (b, from_b) = find(high), find(low)
            step = from_a - from_b  # going over the seam from `high` enters `low` one cell further on
            step[axis] += 1
            if a != b:
                root[b], offset[b] = a, step
            else:
                windings.setdefault(a, []).append(step)
    roots = np.array([find(part)[0] for part in range(count + 1)])
    kept, which = np.unique(roots[1:], return_inverse=True)
    collected: dict[int, list[np.ndarray]] = {int(part): [] for part in kept}
    for part, steps in windings.items():
        collected[int(roots[part])] += steps
    every = tuple(np.array(steps, np.int64).reshape(-1, 3) for steps in collected.values())
    return which[labels[voxels] - 1], every
