"""The NumPy path of `neighbours.py`: the coarse bound for every reference, then exact counts of those it leaves."""

import numpy as np

from .packing import COARSE_STEP, PackedBits
from .runtime import HAVE_NUMBA

__all__ = ["run_kernels", "search"]

#: With numba here but its compiler switched off, the kernel bodies run as plain Python, for coverage.
run_kernels: bool = HAVE_NUMBA

_EVEN_BYTES = np.uint64(0x00FF00FF00FF00FF)
_CHUNK = 4096


def search(
    queries: PackedBits, references: PackedBits, k: int, groups: np.ndarray, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index, common and total (n, k), as the compiled search gives them."""
    found = [_one(queries, i, references, k, groups) for i in range(len(queries))]
    return tuple(np.stack(column) for column in zip(*found, strict=True))  # pyright: ignore[reportReturnType]


def _one(
    queries: PackedBits, i: int, references: PackedBits, k: int, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bounds = _bounds(queries.coarse[i], references.coarse)
    totals = queries.solid[i] + references.solid
    bounds = np.minimum(bounds, np.minimum(references.solid, queries.solid[i]))
    order = np.argsort(-bounds / np.maximum(totals, 1), kind="stable")
    best: list[tuple[int, int, int]] = []
    step = 16
    position = 0
    while position < len(order):
        rows = order[position : position + step]
        # From here on the bounds only fall; float64 orders fractions of integers below 2^26 without error.
        if len(best) == k and not _may_enter(bounds[rows], totals[rows], best[-1]):
            break
        common = np.bitwise_count(references.words[rows] & queries.words[i]).sum(axis=1, dtype=np.int64)
        best = _merge(best, rows, common, totals[rows], k, groups)
        position += step
        step = min(2 * step, _CHUNK)
    return _columns(best, k)


def _bounds(query: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Upper bounds int64 (N,). Bytes are added in pairs of 16-bit lanes, 8 bytes at a time."""
    out = np.empty(len(coarse), np.int64)
    for start in range(0, len(coarse), _CHUNK):
        words = np.minimum(coarse[start : start + _CHUNK], query).view(np.uint64)
        lanes = (words & _EVEN_BYTES) + ((words >> np.uint64(8)) & _EVEN_BYTES)
        halves = lanes.view(np.uint16).reshape(len(words), -1)
        out[start : start + len(words)] = halves.sum(axis=1, dtype=np.uint32)
    return out * COARSE_STEP


def _may_enter(bounds: np.ndarray, totals: np.ndarray, worst: tuple[int, int, int]) -> bool:
    _, common, total = worst
    return bool((bounds * total >= common * totals).any())


def _merge(
    best: list[tuple[int, int, int]],
    rows: np.ndarray,
    common: np.ndarray,
    totals: np.ndarray,
    k: int,
    groups: np.ndarray,
) -> list[tuple[int, int, int]]:
    """The k best of the old and the new, one of each group; exact in integers."""
    if len(best) == k:
        _, worst_common, worst_total = best[-1]
        keep = common * worst_total >= worst_common * totals
        rows, common, totals = rows[keep], common[keep], totals[keep]
    pairs = [*best, *zip(rows.tolist(), common.tolist(), totals.tolist(), strict=True)]
    pairs.sort(key=lambda pair: (-pair[1] / max(pair[2], 1), pair[0]))
    chosen: list[tuple[int, int, int]] = []
    seen: set[int] = set()
    for pair in pairs:
        if int(groups[pair[0]]) not in seen:
            seen.add(int(groups[pair[0]]))
            chosen.append(pair)
        if len(chosen) == k:
            break
    return chosen


def _columns(best: list[tuple[int, int, int]], k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    padded = best + [(-1, 0, 1)] * (k - len(best))
    index, common, total = (np.array(column, np.int64) for column in zip(*padded, strict=True))
    return index, common, total
