"""Leaving out unit cells that repeat an earlier one: largest IoU over the 48 operations of the cube, found exactly.

Bounds on the intersection discard nearly every pair before any voxel is compared; they never discard a true repeat.
"""

import numpy as np

from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.unitcells import unpack

__all__ = ["Distinct"]


class Distinct:
    """Cells taken in so far; `add` refuses a cell with IoU `limit` or more to one of them in any of 48 orientations."""

    def __init__(self, resolution: int, limit: float):
        self.resolution, self.limit = resolution, limit
        self._side = _blocks_per_side(resolution)
        self._moves = _moved_blocks(self._side)
        self._classes = _classes(self._side)
        self._size = 0
        self._packed: list[np.ndarray] = []
        self._blocks = np.zeros((256, self._side**3), np.int32)
        self._profiles = np.zeros((256, self._classes.max() + 1), np.int64)

    def add(self, packed: np.ndarray) -> bool:
        """Take in a cell, uint8 (d^3 / 8,), unless it repeats an earlier one; says whether it was taken in."""
        voxels = unpack(packed[None], self.resolution)[0]
        blocks = self._block_counts(voxels)
        profile = np.bincount(self._classes, weights=blocks).astype(np.int64)
        if any(self._repeats(voxels, blocks, int(other)) for other in self._candidates(profile)):
            return False
        self._store(packed, blocks, profile)
        return True

    def _block_counts(self, voxels: np.ndarray) -> np.ndarray:
        side, width = self._side, self.resolution // self._side
        return voxels.reshape(side, width, side, width, side, width).sum(axis=(1, 3, 5), dtype=np.int32).reshape(-1)

    def _candidates(self, profile: np.ndarray) -> np.ndarray:
        """Earlier cells that may reach the limit: |A xor B| is at least the difference of any class totals."""
        known = self._profiles[: self._size]
        solid = profile.sum()
        rows = np.flatnonzero(_may_reach(np.minimum(known.sum(axis=1), solid), known.sum(axis=1) + solid, self.limit))
        shared = np.minimum(known[rows], profile).sum(axis=1)
        return rows[_may_reach(shared, known[rows].sum(axis=1) + solid, self.limit)]

    def _repeats(self, voxels: np.ndarray, blocks: np.ndarray, other: int) -> bool:
        total = int(blocks.sum() + self._blocks[other].sum())
        bounds = np.minimum(self._blocks[other][self._moves], blocks).sum(axis=1)
        possible = np.flatnonzero(_may_reach(bounds, total, self.limit))
        if not len(possible):
            return False
        cell = unpack(self._packed[other][None], self.resolution)[0]
        for move in possible:
            shared = int(np.count_nonzero(apply_operation(cell, CUBE_OPERATIONS[move]) & voxels))
            if shared >= self.limit * (total - shared):
                return True
        return False

    def _store(self, packed: np.ndarray, blocks: np.ndarray, profile: np.ndarray) -> None:
        if self._size == len(self._blocks):
            self._blocks = np.concatenate([self._blocks, np.zeros_like(self._blocks)])
            self._profiles = np.concatenate([self._profiles, np.zeros_like(self._profiles)])
        self._blocks[self._size], self._profiles[self._size] = blocks, profile
        self._packed.append(packed)
        self._size += 1


def _may_reach(shared: np.ndarray, total: np.ndarray | int, limit: float) -> np.ndarray:
    """Whether an IoU of `limit` is possible where at most `shared` of `total` = |A| + |B| voxels are common."""
    return shared >= limit * (total - shared)


def _blocks_per_side(resolution: int) -> int:
    return max(side for side in range(1, 13) if resolution % side == 0)


def _moved_blocks(side: int) -> np.ndarray:
    """For each operation of the cube, where each block of the moved cell comes from: int64 (48, side^3)."""
    places = np.arange(side**3).reshape(side, side, side)
    return np.stack([apply_operation(places, operation).reshape(-1) for operation in CUBE_OPERATIONS])


def _classes(side: int) -> np.ndarray:
    """Blocks that the operations of the cube exchange share a number: int64 (side^3,)."""
    least = _moved_blocks(side).min(axis=0)
    return np.unique(least, return_inverse=True)[1].reshape(-1)
