"""The inner loops that decide the speed of comparisons.

`overlap` and `overlap_tile` count the solid voxels that packed cells share; `minimum_sum` adds up the smaller of two
byte counts, which bounds that number from above.
"""

import numpy as np

from .runtime import JIT, jit

__all__ = ["TILE_QUERIES", "TILE_REFERENCES", "minimum_sum", "overlap", "overlap_tile"]

#: One call of `overlap_tile` compares this many queries with this many references, held in registers.
TILE_QUERIES, TILE_REFERENCES = 2, 4


def _overlap(queries: np.ndarray, i: int, references: np.ndarray, j: int) -> int:
    """Common solid voxels of uint64 rows queries[i] and references[j]."""
    return int(np.bitwise_count(queries[i] & references[j]).sum(dtype=np.int64))


def _overlap_tile(queries: np.ndarray, i: int, references: np.ndarray, j: int, out: np.ndarray) -> None:
    """Common solid voxels of queries[i : i + 2] and references[j : j + 4]: into int64 out (2, 4)."""
    for a in range(TILE_QUERIES):
        for b in range(TILE_REFERENCES):
            out[a, b] = _overlap(queries, i + a, references, j + b)


def _minimum_sum(left: np.ndarray, i: int, right: np.ndarray, j: int) -> int:
    """Sum over the bytes (a multiple of 32, none above 128) of min(left[i], right[j])."""
    return int(np.minimum(left[i], right[j]).sum(dtype=np.int64))


if JIT:
    from .vector_ir import minimum_sum

    _ONE, _TWO, _FOUR, _TOP = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)
    _PAIRS, _QUADS = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
    _NIBBLES, _BYTES = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)

    @jit
    def _ones(word):
        """Bits set in a uint64; numba has no `np.bitwise_count`. LLVM turns this form into the chip's own count."""
        word = word - ((word >> _ONE) & _PAIRS)
        word = (word & _QUADS) + ((word >> _TWO) & _QUADS)
        word = (word + (word >> _FOUR)) & _NIBBLES
        return np.int64((word * _BYTES) >> _TOP)

    @jit
    def overlap(queries, i, references, j):
        query, reference = queries[i], references[j]
        total = np.int64(0)
        for k in range(query.shape[0]):
            total += _ones(query[k] & reference[k])
        return total

    @jit
    def overlap_tile(queries, i, references, j, out):
        first, second = queries[i], queries[i + 1]
        a, b, c, d = references[j], references[j + 1], references[j + 2], references[j + 3]
        a0 = a1 = b0 = b1 = c0 = c1 = d0 = d1 = np.int64(0)
        for k in range(first.shape[0]):
            one, two = first[k], second[k]
            a0 += _ones(one & a[k])
            a1 += _ones(two & a[k])
            b0 += _ones(one & b[k])
            b1 += _ones(two & b[k])
            c0 += _ones(one & c[k])
            c1 += _ones(two & c[k])
            d0 += _ones(one & d[k])
            d1 += _ones(two & d[k])
        out[0, 0], out[0, 1], out[0, 2], out[0, 3] = a0, b0, c0, d0
        out[1, 0], out[1, 1], out[1, 2], out[1, 3] = a1, b1, c1, d1
else:
    minimum_sum, overlap, overlap_tile = _minimum_sum, _overlap, _overlap_tile
