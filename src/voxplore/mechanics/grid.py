"""The sparse matrix of a voxel cell: periodic nodes, split where voxels share no face, and the rows that repeat.

A node's couplings to its neighbours depend on the solid around it alone: 256 patterns. One thing more may happen: the
two voxels at opposite sides of a grid edge, which are one part here (joined round the near end), may be two parts at
the far end. The neighbour along that axis is then two nodes, and the second of them has a slot of its own.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from voxplore.kernels.contact import SLOTS, SUBSET, GridNodes, grid_nodes
from voxplore.kernels.stencil import Stencil

from .element import CORNERS, Element

__all__ = ["Grid"]

_OFFSETS = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
#: The slots of the neighbours along +x, +y, +z, -x, -y, -z, and the slots of their second nodes.
_ALONG = (22, 16, 14, 4, 10, 12)
_SECOND = tuple(range(27, SLOTS))
#: What a step by each offset does to the index of a place around the point.
_STEPS = _OFFSETS @ (4, 2, 1)


def _shared(pattern: int, offset: np.ndarray) -> list[int]:
    """Places of the solid voxels around a point of `pattern` that touch its neighbour at `offset` too."""
    fits = [all(o == 0 or place == (o > 0) for place, o in zip(CORNERS[bit], offset, strict=True)) for bit in range(8)]
    return [bit for bit in range(8) if fits[bit] and pattern >> bit & 1]


def _shared_places() -> tuple[np.ndarray, np.ndarray]:
    """For each pattern and offset the first shared place int8 (256, 27), -1 where there is none; and int8 (256, 6):
    for each of _ALONG the place opposite to the first, where these two alone are shared, else -1.
    """
    first, second = np.full((256, 27), -1, np.int8), np.full((256, 6), -1, np.int8)
    for pattern in range(256):
        for slot, offset in enumerate(_OFFSETS):
            places = _shared(pattern, offset)
            if places:
                first[pattern, slot] = places[0]
            if slot in _ALONG and len(places) == 2 and bin(places[0] ^ places[1]).count("1") == 2:
                second[pattern, _ALONG.index(slot)] = places[1]
    return first, second


_FIRST_PLACE, _OTHER_PLACE = _shared_places()


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes of a cell with their neighbours, and the kinds of node that occur.

    places: int64 (n,), flat index of each node's point. neighbours: int32 (n, SLOTS). kind: int32 (n,), row of `kinds`.
    kinds: int64 (m,), the solid around (8 bits) and which second slots are in use (6 bits). void: modulus of the void.
    """

    places: np.ndarray
    neighbours: np.ndarray
    kind: np.ndarray
    kinds: np.ndarray
    void: float

    @classmethod
    def of(cls, voxels: np.ndarray, void: float = 0.0) -> "Grid":
        """Of Bool (dx, dy, dz). A void with a modulus carries, too: contact then splits nothing."""
        nodes = grid_nodes(np.ones_like(voxels) if void > 0 else voxels)
        around = SUBSET[nodes.pattern.ravel()[nodes.places], nodes.part]
        neighbours, split = _neighbours(nodes, around)
        solid = grid_nodes(voxels).pattern.ravel() if void > 0 else around
        kinds, kind = np.unique(solid.astype(np.int64) | split << 8, return_inverse=True)
        return cls(nodes.places, neighbours, kind.astype(np.int32), kinds, void)

    def stencil(self, element: Element) -> Stencil:
        """The matrix."""
        return Stencil(self.kind, self.neighbours, _block_table(element, self.kinds, self.void))

    def loads(self, element: Element) -> np.ndarray:
        """Nodal forces of the load cases: float64 (n, k, load cases)."""
        return _load_table(element, self.kinds, self.void)[self.kind]


def _neighbours(nodes: GridNodes, around: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int32 (n, SLOTS), the node itself where there is no neighbour, and which second slots are in use, a bit each."""
    shape = nodes.pattern.shape
    steps = (shape[1] * shape[2], shape[2], 1)
    places = np.unravel_index(nodes.places, shape)
    # moved[axis][offset + 1]: what an offset along an axis adds to the flat index, periodically.
    moved = [[(places[a] + o) % shape[a] * steps[a] for o in (-1, 0, 1)] for a in range(3)]
    neighbours = np.repeat(np.arange(len(nodes), dtype=np.int32)[:, None], SLOTS, axis=1)
    split = np.zeros(len(nodes), np.int64)

    def fill(slot: int, offset: int, bits: np.ndarray) -> np.ndarray:
        there = np.flatnonzero(bits >= 0)
        x, y, z = _OFFSETS[offset] + 1
        points = (moved[0][x] + moved[1][y] + moved[2][z])[there]
        neighbours[there, slot] = nodes.numbers(points, bits[there] - _STEPS[offset])
        return there

    for offset in range(27):
        fill(offset, offset, _FIRST_PLACE[around, offset])
    for number, (slot, offset) in enumerate(zip(_SECOND, _ALONG, strict=True)):
        there = fill(slot, offset, _OTHER_PLACE[around, number])
        apart = there[neighbours[there, slot] != neighbours[there, offset]]
        split[apart] |= 1 << number
    return neighbours, split


def _block_table(element: Element, kinds: np.ndarray, void: float) -> np.ndarray:
    """Coupling of a node of each kind to its neighbours: float64 (m, SLOTS, k, k)."""
    k = element.size
    matrix = element.matrix.reshape(8, k, 8, k)
    table = np.zeros((len(kinds), SLOTS, k, k))
    for voxel, moduli in enumerate(_moduli(kinds, void)):
        own = 7 - voxel  # the node is the corner of that voxel opposite to the voxel's place around the node
        for corner in range(8):
            slot = int((CORNERS[corner] - CORNERS[own] + 1) @ (9, 3, 1))
            block = moduli[:, None, None] * matrix[own, :, corner, :]
            if slot in _ALONG:
                number = _ALONG.index(slot)
                moves = (kinds >> 8 + number & 1 == 1) & (_OTHER_PLACE[kinds & 255, number] == voxel)
                table[moves, _SECOND[number]] += block[moves]
                block[moves] = 0
            table[:, slot] += block
    return table


def _load_table(element: Element, kinds: np.ndarray, void: float) -> np.ndarray:
    """Nodal forces of unit mean gradients on a node of each kind: float64 (m, k, load cases)."""
    loads = element.loads.reshape(8, element.size, -1)
    table = np.zeros((len(kinds), *loads.shape[1:]))
    for voxel, moduli in enumerate(_moduli(kinds, void)):
        table += moduli[:, None, None] * loads[7 - voxel]
    return table


def _moduli(kinds: np.ndarray, void: float) -> np.ndarray:
    """Modulus of each of the eight voxels around a node, for each kind: (8, m)."""
    return np.where((kinds >> np.arange(8)[:, None]) & 1 == 1, 1.0, void)
