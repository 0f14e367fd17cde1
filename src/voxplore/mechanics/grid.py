"""Periodic numbering of the nodes of a voxel grid, and the 256 rows that its matrix can have.

Node (i, j, k) is the low corner of voxel (i, j, k). It touches the voxels (i - 1 + a, j - 1 + b, k - 1 + c) with a, b,
c in {0, 1}; bit 4 a + 2 b + c of its pattern says whether that one is solid. Nodes that touch no solid are dropped.
"""

import itertools

import numpy as np

from .element import CORNERS, Element

__all__ = ["block_table", "load_table", "number_nodes"]

_OFFSETS = np.array(list(itertools.product((-1, 0, 1), repeat=3)))


def number_nodes(voxels: np.ndarray, keep_void: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bool (d, d, d) -> places int64 (n,), pattern uint8 (n,), neighbours int32 (n, 27), nodes in C order.

    A place is the flat index of the voxel whose low corner the node is.

    A dropped neighbour is replaced by the node itself; no matrix couples to it. keep_void: drop no node.
    """
    patterns = np.zeros(voxels.shape, np.uint8)
    for bit, corner in enumerate(CORNERS):
        patterns |= np.roll(voxels, tuple(1 - corner), axis=(0, 1, 2)).astype(np.uint8) << bit
    kept = patterns.ravel() > 0
    if keep_void:
        kept[:] = True
    nodes = np.flatnonzero(kept)
    numbers = np.full(voxels.size, -1, np.int32)
    numbers[nodes] = np.arange(len(nodes))
    return nodes, patterns.ravel()[nodes], _neighbours(voxels.shape, nodes, numbers)


def _neighbours(shape: tuple[int, ...], nodes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    steps = (shape[1] * shape[2], shape[2], 1)
    places = np.unravel_index(nodes, shape)
    # moved[axis][offset + 1]: what an offset along an axis adds to the flat index, periodically.
    moved = [[(places[a] + o) % shape[a] * steps[a] for o in (-1, 0, 1)] for a in range(3)]
    neighbours = np.empty((len(nodes), 27), np.int32)
    for slot, (x, y, z) in enumerate(_OFFSETS + 1):
        neighbours[:, slot] = numbers[moved[0][x] + moved[1][y] + moved[2][z]]
    return np.where(neighbours < 0, np.arange(len(nodes), dtype=np.int32)[:, None], neighbours)


def block_table(element: Element, void: float = 0.0) -> np.ndarray:
    """Coupling of a node of each pattern to its 27 neighbours: float64 (256, 27, k, k). void: modulus of void."""
    k = element.size
    matrix = element.matrix.reshape(8, k, 8, k)
    table = np.zeros((256, 27, k, k))
    for voxel, moduli in enumerate(_moduli(void)):
        own = 7 - voxel  # the node is the corner of that voxel opposite to the voxel's place around the node
        for corner in range(8):
            slot = (CORNERS[corner] - CORNERS[own] + 1) @ (9, 3, 1)
            table[:, slot] += moduli[:, None, None] * matrix[own, :, corner, :]
    return table


def load_table(element: Element, void: float = 0.0) -> np.ndarray:
    """Nodal forces of unit mean gradients on a node of each pattern: float64 (256, k, m)."""
    loads = element.loads.reshape(8, element.size, -1)
    table = np.zeros((256, *loads.shape[1:]))
    for voxel, moduli in enumerate(_moduli(void)):
        table += moduli[:, None, None] * loads[7 - voxel]
    return table


def _moduli(void: float) -> np.ndarray:
    """Modulus of each of the eight voxels around a node, for each pattern: (8, 256)."""
    solid = (np.arange(256) >> np.arange(8)[:, None]) & 1
    return np.where(solid == 1, 1.0, void)
