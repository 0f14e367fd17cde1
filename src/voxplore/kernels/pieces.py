"""The largest periodic component of each cell alone, from packed rows to packed rows."""

import numpy as np

from . import components_numpy
from .components import buffers, find_runs, glue, join_in_box, sizes_of
from .runtime import HAVE_NUMBA, jit, map_threads

__all__ = ["largest_pieces"]

_CHUNK = 64


def largest_pieces(rows: np.ndarray, threads: int | None = None) -> np.ndarray:
    """Of each cell its largest periodic component alone, or all components of that size (mirror images).

    rows uint8 (n, d, d, ceil(d / 8)), `np.packbits` of each row along z -> the same shape; 6-neighbours.
    """
    rows = np.ascontiguousarray(rows)
    kept = np.zeros_like(rows)

    def one(start: int) -> None:
        part = slice(start, start + _CHUNK)
        work = _largest_pieces if HAVE_NUMBA else components_numpy.largest_pieces
        work(rows[part], kept[part])

    for _ in map_threads(one, range(0, len(rows), _CHUNK), threads):
        pass
    return kept


@jit
def _largest_pieces(rows, kept):
    d = rows.shape[1]
    first, low, high, parent, size, offset = buffers(d)
    for n in range(rows.shape[0]):
        runs = find_runs(rows[n], first, low, high)
        join_in_box(d, first, low, high, parent)
        sizes_of(runs, low, high, parent, size)
        glue(d, first, low, high, parent, size, offset)
        largest = 0
        for a in range(runs):
            if parent[a] == a:
                largest = max(largest, size[a])
        for row in range(d * d):
            for a in range(first[row], first[row + 1]):
                root = a
                while parent[root] != root:
                    root = parent[root]
                if size[root] == largest:
                    _mark(kept[n, row // d, row % d], low[a], high[a])


@jit
def _mark(row, low, high):
    """Set bits low <= k < high of a packed row, the first its byte's highest."""
    for byte in range(low >> 3, ((high - 1) >> 3) + 1):
        begin, end = max(low - 8 * byte, 0), min(high - 8 * byte, 8)
        row[byte] |= (0xFF >> begin) & (0xFF << (8 - end)) & 0xFF
