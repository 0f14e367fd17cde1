"""Nearest reference cells by intersection over union; novelty and diversity (Eq. 15 to 17, paper App. C.2).

The nearest neighbour is the reference cell of largest IoU, the lowest index among equals, decided in integers. Two
empty cells have IoU 0. Nothing here is gated; `scores.evaluate` applies the gate of benchmark v1.
"""

from functools import cached_property

import numpy as np

from voxplore import kernels
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells, as_voxels

__all__ = ["Reference", "as_cells", "as_reference", "diversity", "nearest", "novelty"]

Cells = UnitCells | np.ndarray


class Reference:
    """Reference cells, packed once for comparison with any number of queries.

    The packed cells stay where they are, memory maps too; counts take d^3 / 57 bytes a cell more (1.95 kB at 48^3). Any
    resolution: one that is no multiple of 8 is padded with void, which changes no IoU.
    `index`, `about`, `name` and `sha256` are those of the cells.
    """

    def __init__(self, cells: Cells, threads: int | None = None):
        self.threads = threads
        cells = as_cells(cells)
        if len(cells) == 0:
            raise VoxploreError("reference", expected="at least one cell", got="none")
        self.index, self.about, self.sha256 = cells.index, cells.about, cells.sha256()
        self.name = str(cells.about.get("name", "cells"))
        self.resolution = cells.resolution
        self.bits = kernels.packed_bits(cells.packed, self.resolution, threads)

    def __len__(self) -> int:
        return len(self.bits)

    def nearest(self, queries: Cells, threads: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Index int64 (n,) and IoU float64 (n,) of each query's nearest reference cell."""
        found = kernels.nearest(self.prepare(queries, threads), self.bits, 1, None, threads or self.threads)
        return found.index[:, 0], found.iou[:, 0]

    def search(self, queries: Cells, k: int, groups: np.ndarray | None = None) -> kernels.Neighbours:
        """The k nearest, nearest first; with `groups` int64 (N,) one of each group."""
        return kernels.nearest(self.prepare(queries), self.bits, k, groups, self.threads)

    @cached_property
    def orbits(self) -> kernels.Orbits:
        """The cells ready for comparison up to the cube's operations and half-period shifts."""
        return kernels.orbits(self.bits, self.resolution)

    @cached_property
    def groups(self) -> np.ndarray:
        """A number for each source cell: int64 (N,); without `source_id` every row is its own source."""
        sources = self.index.get("source_id")
        if sources is None:
            return np.arange(len(self))
        return np.unique(sources, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def distinct_rows(self) -> np.ndarray:
        """Rows that stand for all up to the 384 maps: int64, ascending.

        A row is left out only where it equals, voxel by voxel, the first row of its source under one of the maps: then
        whatever is equivalent to the one is equivalent to the other.
        """
        _, first = np.unique(self.groups, return_index=True)
        leaders = first[self.groups]
        others = np.flatnonzero(leaders != np.arange(len(self)))
        others = others[np.argsort(leaders[others], kind="stable")]  # a leader is unpacked once for all its rows
        leaders, solid = leaders[others], self.bits.solid
        equal = solid[others] == solid[leaders]
        # Equal numbers of solid voxels, all of them common: the same cell.
        pairs = np.stack([leaders[equal], others[equal]], axis=1)
        same = kernels.reach(self.orbits, self.orbits, pairs, solid[others[equal]], self.threads)
        keep = np.ones(len(self), bool)
        keep[others[equal][same]] = False
        return np.flatnonzero(keep)

    def prepare(self, queries: Cells, threads: int | None = None) -> kernels.PackedBits:
        """Queries packed as the reference is; VoxploreError where their resolution is another."""
        queries = as_cells(queries)
        if queries.resolution != self.resolution:
            expected = f"resolution {self.resolution} as the reference has (`voxplore build own --resample` changes it)"
            raise VoxploreError("cells", expected=expected, got=str(queries.resolution))
        return kernels.packed_bits(queries.packed, self.resolution, threads or self.threads)


def nearest(queries: Cells, reference: Cells | Reference) -> tuple[np.ndarray, np.ndarray]:
    """Index int64 (n,) and IoU float64 (n,) of each query's nearest reference cell."""
    return as_reference(reference).nearest(queries)


def novelty(voxels: Cells, reference: Cells | Reference) -> np.ndarray:
    """IoU distance to the nearest reference cell, Eq. 15: S_nov = 1 - IoU, float64 (n,). An empty cell scores 0."""
    return np.where(as_cells(voxels).packed.any(axis=1), 1 - nearest(voxels, reference)[1], 0.0)


def diversity(voxels: Cells, reference: Cells | Reference) -> float:
    """Distinct nearest neighbours over number of cells, Eq. 16 and 17: S_div. Empty cells add no neighbour."""
    index, _ = nearest(voxels, reference)
    return len(np.unique(index[as_cells(voxels).packed.any(axis=1)])) / max(len(index), 1)


def as_reference(reference: Cells | Reference) -> Reference:
    """The Reference itself, or cells packed as one."""
    return reference if isinstance(reference, Reference) else Reference(reference)


def as_cells(cells: Cells) -> UnitCells:
    """UnitCells as they are; Bool (n, d, d, d) or one cell (d, d, d) packed as such."""
    return cells if isinstance(cells, UnitCells) else UnitCells.from_voxels(as_voxels(cells))
