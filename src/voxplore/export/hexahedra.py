"""Voxels as a mesh of 8-node hexahedra, with what periodic boundary conditions need."""

from dataclasses import dataclass, replace

import numpy as np

from voxplore.kernels import grid_nodes, periodic_components

__all__ = ["HexMesh", "hex_mesh"]

#: Corners of a voxel in the order that Abaqus, gmsh and VTK share: round the bottom, then round the top.
_CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
#: Their places in the order of `kernels.contact.CORNERS`.
_ORDER = _CORNERS @ np.array([4, 2, 1])


@dataclass(frozen=True)
class HexMesh:
    """Solid voxels as elements; voxels that share no face share no node (see `kernels.contact`).

    places: int (n, 3), grid coordinates of the nodes, in C order; elements: int (m, 8), rows of `places`;
    pairs: int (k, 2), a node on a far face, edge or corner and its periodic partner, the lowest of its images;
    cells: int (m, 3), of each element, the cell of the lattice in which it lies when its part is put together;
    component: int (m,), of each element, its part of the periodic cell (elements joined by faces, 0, 1, ...);
    windings: for each part, int (w, 3), how many cells away it meets its own periodic images.
    """

    shape: tuple[int, int, int]
    places: np.ndarray
    elements: np.ndarray
    pairs: np.ndarray
    cells: np.ndarray
    component: np.ndarray
    windings: tuple[np.ndarray, ...]

    def rank(self) -> np.ndarray:
        """In how many independent directions each part connects to itself: int (c,)."""
        return np.array([np.linalg.matrix_rank(steps) if len(steps) else 0 for steps in self.windings], np.int64)


def hex_mesh(voxels: np.ndarray, periodic: bool = True) -> HexMesh:
    """Bool (a, b, c) -> HexMesh with all solid voxels, in C order.

    A node is a part of solid at a point of the periodic grid, once for each of its images in the box: parts that meet
    across a face of the cell are one, as the periodic equations make them. Without `periodic` the part ends at its
    faces.
    """
    if not periodic:
        mesh = hex_mesh(np.pad(voxels, 1))
        return replace(mesh, shape=voxels.shape, places=mesh.places - 1)
    solid = np.argwhere(voxels)
    grid = np.array(voxels.shape) + 1
    node = grid_nodes(voxels).elements(voxels).take(_ORDER, axis=1)
    corners = solid[:, None, :] + _CORNERS
    flat = np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), tuple(grid))
    keys = np.stack([flat.ravel(), node.ravel()], axis=1)
    used, elements = np.unique(keys, axis=0, return_inverse=True)
    places = np.stack(np.unravel_index(used[:, 0], tuple(grid)), axis=1)
    found = periodic_components(voxels)
    return HexMesh(
        shape=voxels.shape,
        places=places,
        elements=elements.reshape(-1, 8),
        pairs=_pairs(used[:, 1]),
        cells=found.cells[found.box[voxels] - 1],
        component=found.labels[voxels] - 1,
        windings=found.windings,
    )


def _pairs(periodic: np.ndarray) -> np.ndarray:
    """Every node but the first among those of the same periodic node, with that first one."""
    order = np.argsort(periodic, kind="stable")
    new = np.ones(len(order), bool)
    new[1:] = periodic[order][1:] != periodic[order][:-1]
    master = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    return np.stack([order, master], axis=1)[~new]
