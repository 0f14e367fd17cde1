"""The inner loops that decide the speed, written once for vector units.

`overlap` and `overlap_tile` count the solid voxels that packed cells share; `minimum_sum` and `minimum_sums` add up
the smaller of two byte counts, which bounds that number from above. They are emitted as LLVM vector code because the
automatic vectoriser widens every byte and word on the way. With VPOPCNTDQ (AVX-512) a count is one instruction on 64
bytes; elsewhere the bytes of 32 are counted by nibble look-up and gathered in byte lanes, fifteen rounds at a time,
before they are widened.
"""

import numpy as np

from .runtime import JIT

__all__ = ["TILE_QUERIES", "TILE_REFERENCES", "minimum_sum", "minimum_sums", "overlap", "overlap_tile"]

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


def _minimum_sums(left: np.ndarray, i: int, right: np.ndarray, j: int, out: np.ndarray) -> None:
    """The same for right[j : j + 4], into int32 out (4,)."""
    for b in range(4):
        out[b] = _minimum_sum(left, i, right, j + b)


if JIT:
    from .vector_ir import minimum_sum, minimum_sums, overlap, overlap_tile
else:
    minimum_sum, minimum_sums, overlap, overlap_tile = _minimum_sum, _minimum_sums, _overlap, _overlap_tile
