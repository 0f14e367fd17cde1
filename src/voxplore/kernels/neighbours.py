"""Exact nearest neighbours by intersection over union (IoU), most pairs discarded by bounds.

For two cells with a and b solid voxels, I of them common, IoU = I / (a + b - I) grows with I / (a + b): pairs are
compared by that fraction, in integers. I is bounded from above by the counts of 8^3 patches, then of 4^3 blocks; only
pairs whose bound reaches the best IoU found so far are counted exactly. A query for which the bounds discard little is
compared with every reference cell by the register tile instead. Order: larger IoU first, then lower index.
"""

import threading
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import neighbours_numpy
from .packing import COARSE_STEP, PackedBits
from .runtime import HAVE_NUMBA, available_threads, jit, map_threads
from .vector import TILE_QUERIES, TILE_REFERENCES, minimum_sum, overlap, overlap_tile

__all__ = ["Neighbours", "nearest"]

_BOUND_TILE = 128
_REFERENCE_TILE = 32
_BRUTE_TILE = 16
#: The matrix of coarse bounds (queries x references) takes at most this many bytes.
_BOUND_BYTES = 64 << 20
#: References looked at to guess how many the bounds leave, and the share of them from which on the tile is faster.
_PROBES, _BRUTE_SHARE = 64, 0.4
_SEEDS = 8
_OFFSET = 1 << 30


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest reference cells of n queries, nearest first; arrays (n, k), index -1 where there are fewer.

    common: solid voxels in both. total: solid voxels of the one plus those of the other.
    """

    index: np.ndarray
    common: np.ndarray
    total: np.ndarray

    @property
    def iou(self) -> np.ndarray:
        """float64 (n, k); two empty cells have IoU 0."""
        return self.common / np.maximum(self.total - self.common, 1)


def nearest(
    queries: PackedBits,
    references: PackedBits,
    k: int = 1,
    groups: np.ndarray | None = None,
    threads: int | None = None,
) -> Neighbours:
    """The k nearest references of each query; with `groups` int64 (N,) only the nearest of each group counts."""
    n, size = len(queries), len(references)
    groups = np.arange(size) if groups is None else np.ascontiguousarray(groups, dtype=np.int64)
    out = Neighbours(np.full((n, k), -1), np.zeros((n, k), np.int64), np.ones((n, k), np.int64))
    if size == 0 or n == 0:
        return out
    block = max(16, min(1024, _BOUND_BYTES // (4 * size)))
    for start in range(0, n, block):
        rows = slice(start, min(start + block, n))
        search = _search if HAVE_NUMBA else neighbours_numpy.search
        found = search(queries.rows(rows), references, k, groups, threads)
        out.index[rows], out.common[rows], out.total[rows] = found
    return out


class _Cells(NamedTuple):
    """The arrays of PackedBits, as kernels take them."""

    words: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    solid: np.ndarray


class _Best(NamedTuple):
    """The k best references found so far for each query: int64 (n, k) each, best first."""

    index: np.ndarray
    common: np.ndarray
    total: np.ndarray


def _search(
    queries: PackedBits, references: PackedBits, k: int, groups: np.ndarray, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One block of queries: bound all, seed, scan, merge."""
    n, size = len(queries), len(references)
    query, reference = (_Cells(cells.words, cells.coarse, cells.fine, cells.solid) for cells in (queries, references))
    chunk = min(4096, max(256, -(-size // (8 * (threads or available_threads())))))
    chunks = [(start, min(start + chunk, size)) for start in range(0, size, chunk)]
    bounds = np.empty((n, size), np.int32)
    candidates = np.empty((len(chunks), n), np.int64)

    def bound(item: tuple[int, tuple[int, int]]) -> None:
        number, (start, stop) = item
        _bound(query, reference, start, stop, bounds, candidates[number])

    for _ in map_threads(bound, enumerate(chunks), threads):
        pass
    best = _Best(np.full((n, k), -1, np.int64), np.zeros((n, k), np.int64), np.ones((n, k), np.int64))
    _seed(query, reference, _best_candidates(query, reference, bounds, candidates, max(_SEEDS, 2 * k)), groups, best)
    brute = np.zeros(n, np.bool_)
    _choose_brute(query, reference, bounds, best, brute)
    flagged = np.flatnonzero(brute)
    lock = threading.Lock()

    def scan(item: tuple[int, int]) -> None:
        with lock:  # what other threads have found so far raises the bar for this chunk
            own = _Best(*(array.copy() for array in best))
        _scan(query, reference, *item, bounds, brute, flagged, groups, own)
        with lock:
            _merge(groups, own, best)

    for _ in map_threads(scan, chunks, threads):
        pass
    return best.index, best.common, best.total


@jit
def _bound(query, reference, start, stop, bounds, candidates):
    """Upper bounds of the common solid for references [start, stop); a promising reference for each query.

    Promising: the least bound of the number of voxels that differ. It is close to the best IoU, and cheap to find.
    """
    best = np.full(query.solid.shape[0], -1, np.int32)
    for first in range(start, stop, _BOUND_TILE):
        last = min(first + _BOUND_TILE, stop)
        for i in range(query.solid.shape[0]):
            row = bounds[i, first:last]
            for j in range(last - first):
                row[j] = minimum_sum(query.coarse, i, reference.coarse, first + j)
            most = np.int32(-1)
            for j in range(last - first):  # 2 x bound - solid, kept above -1
                row[j] = min(row[j] * COARSE_STEP, np.int32(query.solid[i]))
                most = max(most, np.int32(2 * row[j] - reference.solid[first + j] + _OFFSET))
            if most > best[i]:
                best[i] = most
                for j in range(last - first):
                    if np.int32(2 * row[j] - reference.solid[first + j] + _OFFSET) == most:
                        candidates[i] = first + j
                        break


@jit
def _before(common, total, index, other_common, other_total, other_index):
    """True if the first pair comes before the second: larger IoU, or the same and a lower index."""
    if other_index < 0:
        return True
    left = common * other_total
    right = other_common * total
    return left > right or (left == right and index < other_index)


@jit
def _insert(groups, i, j, common, total, best):
    """Put reference j in its place among the k best of query i, each of another group."""
    index, commons, totals = best.index[i], best.common[i], best.total[i]
    slot = index.shape[0] - 1
    for s in range(index.shape[0]):
        if index[s] >= 0 and groups[index[s]] == groups[j]:
            slot = s
            break
    if not _before(common, total, j, commons[slot], totals[slot], index[slot]):
        return
    while slot > 0 and _before(common, total, j, commons[slot - 1], totals[slot - 1], index[slot - 1]):
        index[slot] = index[slot - 1]
        commons[slot] = commons[slot - 1]
        totals[slot] = totals[slot - 1]
        slot -= 1
    index[slot] = j
    commons[slot] = common
    totals[slot] = total


def _best_candidates(
    query: _Cells, reference: _Cells, bounds: np.ndarray, candidates: np.ndarray, n: int
) -> np.ndarray:
    """Of the candidates (chunks, queries) the n with the best bounds: int64 (queries, n)."""
    columns = candidates.T
    totals = query.solid[:, None] + reference.solid[columns]
    ratios = np.take_along_axis(bounds, columns, axis=1) / np.maximum(totals, 1)
    return np.take_along_axis(columns, np.argsort(-ratios, axis=1, kind="stable")[:, :n], axis=1)


@jit
def _count_pair(query, reference, i, j, groups, best):
    common = overlap(query.words, i, reference.words, j)
    _insert(groups, i, j, common, query.solid[i] + reference.solid[j], best)


@jit
def _seed(query, reference, candidates, groups, best):
    """Count the candidates (queries, n) exactly."""
    for i in range(candidates.shape[0]):
        for c in range(candidates.shape[1]):
            _count_pair(query, reference, i, candidates[i, c], groups, best)


@jit
def _may_enter(bound, i, both, best):
    """Whether a bound of the common solid reaches the worst IoU kept. A tie may: its index can be lower."""
    last = best.index.shape[1] - 1
    return bound * best.total[i, last] >= best.common[i, last] * both


@jit
def _choose_brute(query, reference, bounds, best, brute):
    """Mark the queries for which the bounds leave too much, judged on evenly spaced references."""
    size = reference.solid.shape[0]
    probes = min(_PROBES, size)
    for i in range(brute.shape[0]):
        left = 0
        for probe in range(probes):
            j = probe * size // probes
            both = query.solid[i] + reference.solid[j]
            if _may_enter(bounds[i, j], i, both, best):
                left += _may_enter(minimum_sum(query.fine, i, reference.fine, j), i, both, best)
        brute[i] = left > _BRUTE_SHARE * probes


@jit
def _any_left(bounds, solid, query_solid, common, total):
    """Whether any bound may reach the worst IoU kept: in single precision, with a margin wider than its rounding."""
    least = np.float32(common / max(total, 1) * (1 - 1e-6))
    left = np.int32(0)
    for j in range(bounds.shape[0]):
        left += np.float32(bounds[j]) >= least * np.float32(query_solid + solid[j])
    return left > 0


@jit
def _scan(query, reference, start, stop, bounds, brute, flagged, groups, best):
    """References [start, stop) against all queries; a reference is fetched once for all of them."""
    last = best.index.shape[1] - 1
    gathered = np.zeros((flagged.shape[0] + TILE_QUERIES - 1, query.words.shape[1]), np.uint64)
    for a in range(flagged.shape[0]):
        gathered[a] = query.words[flagged[a]]
    for first in range(start, stop, _REFERENCE_TILE):
        end = min(first + _REFERENCE_TILE, stop)
        solid = reference.solid[first:end]
        for i in range(brute.shape[0]):
            if brute[i]:
                continue
            if not _any_left(bounds[i, first:end], solid, query.solid[i], best.common[i, last], best.total[i, last]):
                continue
            for j in range(first, end):
                both = query.solid[i] + reference.solid[j]
                if not _may_enter(bounds[i, j], i, both, best):
                    continue
                if _may_enter(minimum_sum(query.fine, i, reference.fine, j), i, both, best):
                    _count_pair(query, reference, i, j, groups, best)
        if flagged.shape[0] > 0:
            _scan_tiles(flagged, gathered, query, reference, first, end, groups, best)


@jit
def _scan_tiles(flagged, gathered, query, reference, first, end, groups, best):
    """Every pair of the flagged queries, words gathered, and references [first, end), by the register tile."""
    counts = np.empty((TILE_QUERIES, TILE_REFERENCES), np.int64)
    whole = first + (end - first) // TILE_REFERENCES * TILE_REFERENCES
    for low in range(0, flagged.shape[0], _BRUTE_TILE):
        n = min(_BRUTE_TILE, flagged.shape[0] - low)
        for a in range(n):
            for j in range(whole, end):
                _count_pair(query, reference, flagged[low + a], j, groups, best)
        for j in range(first, whole, TILE_REFERENCES):
            for a in range(0, n, TILE_QUERIES):
                overlap_tile(gathered, low + a, reference.words, j, counts)
                for s in range(min(TILE_QUERIES, n - a)):
                    i = flagged[low + a + s]
                    for b in range(TILE_REFERENCES):
                        _insert(groups, i, j + b, counts[s, b], query.solid[i] + reference.solid[j + b], best)


@jit
def _merge(groups, best, into):
    for i in range(best.index.shape[0]):
        for s in range(best.index.shape[1]):
            if best.index[i, s] >= 0:
                _insert(groups, i, best.index[i, s], best.common[i, s], best.total[i, s], into)
