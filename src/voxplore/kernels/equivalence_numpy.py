"""The NumPy path of `equivalence.py`: the same bounds, then whole transformed cells."""

from typing import TYPE_CHECKING

import numpy as np

from .packing import voxels_of

if TYPE_CHECKING:
    from .equivalence import Counted, Maps

__all__ = ["first_equivalent", "reach"]


def first_equivalent(
    query: "Counted",
    reference: "Counted",
    maps: "Maps",
    threshold: tuple[int, int],
    rows: np.ndarray,
    start: int,
    stop: int,
    earlier: bool,
    out: np.ndarray,
) -> None:
    """For queries [start, stop) the first equivalent reference of `rows`, into out."""
    for i in range(start, stop):
        candidates = rows[rows < i] if earlier else rows
        both = query.solid[i] + reference.solid[candidates]
        need = -(-threshold[0] * both // sum(threshold))
        left = (both > 0) & (np.minimum(query.solid[i], reference.solid[candidates]) >= need)
        candidates, need = candidates[left], need[left]
        smaller = np.minimum(reference.ordered[candidates], query.ordered[i])
        left = smaller.sum(axis=1, dtype=np.int64) * maps.unit >= need
        if left.any():
            moved, pairs = _Moved(query, i, maps), zip(candidates[left], need[left], strict=True)
            out[i] = next((j for j, least in pairs if moved.reaches(reference, j, least)), -1)


def reach(
    query: "Counted", reference: "Counted", maps: "Maps", pairs: np.ndarray, need: np.ndarray, out: np.ndarray
) -> None:
    """Whether each pair reaches its number of common voxels, into out."""
    for p, (i, j) in enumerate(pairs):
        out[p] = _Moved(query, i, maps).reaches(reference, j, need[p])


class _Moved:
    """One cell under all maps."""

    def __init__(self, query: "Counted", i: int, maps: "Maps"):
        self.voxels, self.maps = voxels_of(query.words[i], maps.resolution), maps
        self.table = np.zeros((len(maps.axes), query.counts.shape[1]), np.uint8)
        self.table[:, : maps.blocks.shape[1]] = query.counts[i][maps.blocks]

    def reaches(self, reference: "Counted", j: int, need: int) -> bool:
        bounds = np.minimum(self.table, reference.counts[j]).sum(axis=1, dtype=np.int64) * self.maps.unit
        left = np.flatnonzero(bounds >= need)
        if len(left) == 0:
            return False
        other = voxels_of(reference.words[j], self.maps.resolution)
        return any(np.count_nonzero(self.under(m) & other) >= need for m in left.tolist())

    def under(self, m: int) -> np.ndarray:
        axes, flips, steps = self.maps.axes[m]
        moved = self.voxels.transpose(*axes)[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
        return np.roll(moved, steps, axis=(0, 1, 2))
