"""The NumPy path of `neighbours.py`: the coarse bound for every reference, then exact counts of those it leaves."""

import numpy as np

from .packing import COARSE_STEP, PackedBits

__all__ = ["search"]

_EVEN_BYTES = np.uint64(0x00FF00FF00FF00FF)
_EVEN_PAIRS = np.uint64(0x0000FFFF0000FFFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_CHUNK = 1024
_SEEDS = 16


def search(
    queries: PackedBits, references: PackedBits, k: int, groups: np.ndarray, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index, common and total (n, k), as the compiled search gives them."""
    found = [_one(queries, i, references, k, groups) for i in range(len(queries))]
    return tuple(np.stack(column) for column in zip(*found, strict=True))  # pyright: ignore[reportReturnType]


def _one(
    queries: PackedBits, i: int, references: PackedBits, k: int, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    totals = queries.solid[i] + references.solid
    bounds = _minimum_sums(queries.coarse[i], references.coarse) * COARSE_STEP
    bounds = np.minimum(bounds, np.minimum(references.solid, queries.solid[i]))
    ratios = bounds / np.maximum(totals, 1)

    def counted(rows: np.ndarray, best: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
        common = np.bitwise_count(references.words[rows] & queries.words[i]).sum(axis=1, dtype=np.int64)
        return _merge(best, rows, common, totals[rows], k, groups)

    seeds = np.argpartition(-ratios, _SEEDS)[:_SEEDS] if len(ratios) > _SEEDS else np.arange(len(ratios))
    best = counted(seeds, [])
    left = np.ones(len(ratios), bool) if len(best) < k else _may_enter(bounds, totals, best[-1])
    left[seeds] = False
    order = np.flatnonzero(left)
    order = order[np.argsort(-ratios[order], kind="stable")]
    step = _SEEDS
    while len(order):
        rows, order = order[:step], order[step:]
        step = min(2 * step, _CHUNK)
        if len(best) == k:
            rows = rows[_may_enter(bounds[rows], totals[rows], best[-1])]
            if len(rows) == 0:
                break  # from here on the bounds only fall; float64 orders fractions of integers below 2^26 exactly
            finer = _minimum_sums(queries.fine[i], references.fine[rows])
            rows = rows[_may_enter(finer, totals[rows], best[-1])]
        best = counted(rows, best)
    return _columns(best, k)


def _minimum_sums(query: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sum of min(query, row) for every row of counts: uint8 (P,), (N, P) -> int64 (N,).

    NumPy widens bytes one by one when it adds them, so they are added eight at a time in lanes of 16, then 32 bits.
    """
    out = np.empty(len(counts), np.int64)
    for start in range(0, len(counts), _CHUNK):
        words = np.minimum(counts[start : start + _CHUNK], query).view(np.uint64)
        odd = words >> np.uint64(8)
        odd &= _EVEN_BYTES
        words &= _EVEN_BYTES
        words += odd
        if words.shape[1] * 256 > 65535:
            words = (words & _EVEN_PAIRS) + ((words >> np.uint64(16)) & _EVEN_PAIRS)
            sums = words.sum(axis=1)
            out[start : start + len(words)] = (sums & _LOW_HALF) + (sums >> np.uint64(32))
            continue
        sums = words.sum(axis=1).view(np.uint16).reshape(-1, 4)
        out[start : start + len(words)] = sums.sum(axis=1, dtype=np.int64)
    return out


def _may_enter(bounds: np.ndarray, totals: np.ndarray, worst: tuple[int, int, int]) -> np.ndarray:
    _, common, total = worst
    return bounds * total >= common * totals


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
