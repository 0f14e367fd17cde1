"""Exact nearest neighbours by intersection over union (IoU), most pairs discarded by bounds.

For two cells with a and b solid voxels, I of them common, IoU = I / (a + b - I) grows with I / (a + b): pairs are
compared by that fraction, in integers. I is bounded from above by the counts of 8^3 patches, then of 4^3 blocks; only
pairs whose bound reaches the best IoU found so far are counted exactly. A query for which the bounds discard little is
compared with every reference cell by the register tile instead. Order: larger IoU first, then lower index.
"""

import threading
from dataclasses import dataclass

import numpy as np

from . import neighbours_numpy
from .packing import COARSE_STEP, PackedBits
from .runtime import HAVE_NUMBA, available_threads, jit, map_threads
from .vector import TILE_QUERIES, TILE_REFERENCES, minimum_sum, minimum_sums, overlap, overlap_tile

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


def _search(
    queries: PackedBits, references: PackedBits, k: int, groups: np.ndarray, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One block of queries: bound all, seed, scan, merge."""
    n, size = len(queries), len(references)
    chunk = min(4096, max(256, -(-size // (8 * (threads or available_threads())))))
    chunks = [(start, min(start + chunk, size)) for start in range(0, size, chunk)]
    bounds = np.empty((n, size), np.int32)
    candidates = np.empty((len(chunks), n), np.int64)
    q, r = queries, references

    def bound(item: tuple[int, tuple[int, int]]) -> None:
        number, (start, stop) = item
        _bound(q.coarse, q.solid, r.coarse, r.solid, start, stop, bounds, candidates[number])

    for _ in map_threads(bound, enumerate(chunks), threads):
        pass
    state = _State(n, k)
    _seed(q.words, q.solid, r.words, r.solid, bounds, np.ascontiguousarray(candidates.T), groups, *state.arrays)
    brute = np.zeros(n, np.bool_)
    _choose_brute(q.fine, q.solid, r.fine, r.solid, bounds, state.common, state.total, brute)

    lock = threading.Lock()

    def scan(item: tuple[int, int]) -> None:
        with lock:  # what other threads have found so far raises the bar for this chunk
            own = state.copy()
        _scan(q.words, q.fine, q.solid, r.words, r.fine, r.solid, *item, bounds, brute, groups, *own.arrays)
        with lock:
            _merge(groups, *own.arrays, *state.arrays)

    for _ in map_threads(scan, chunks, threads):
        pass
    return state.index, state.common, state.total


class _State:
    """The k best references found so far for each query."""

    def __init__(self, n: int, k: int):
        self.index = np.full((n, k), -1, np.int64)
        self.common = np.zeros((n, k), np.int64)
        self.total = np.ones((n, k), np.int64)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.index, self.common, self.total

    def copy(self) -> "_State":
        other = _State(0, 1)
        other.index, other.common, other.total = (array.copy() for array in self.arrays)
        return other


@jit
def _bound(query_coarse, query_solid, coarse, solid, start, stop, bounds, candidates):
    """Upper bounds of the common solid for references [start, stop); a promising reference for each query.

    Promising: the least bound of the number of voxels that differ. It is close to the best IoU, and cheap to find.
    """
    best = np.full(query_coarse.shape[0], -1, np.int32)
    for first in range(start, stop, _BOUND_TILE):
        last = min(first + _BOUND_TILE, stop)
        for i in range(query_coarse.shape[0]):
            row = bounds[i, first:last]
            whole = (last - first) // 4 * 4
            for j in range(0, whole, 4):
                minimum_sums(query_coarse, i, coarse, first + j, row[j : j + 4])
            for j in range(whole, last - first):
                row[j] = minimum_sum(query_coarse, i, coarse, first + j)
            most = np.int32(-1)
            for j in range(last - first):  # 2 x bound - solid, kept above -1
                row[j] = min(row[j] * COARSE_STEP, np.int32(query_solid[i]))
                most = max(most, np.int32(2 * row[j] - solid[first + j] + _OFFSET))
            if most > best[i]:
                best[i] = most
                for j in range(last - first):
                    if np.int32(2 * row[j] - solid[first + j] + _OFFSET) == most:
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
def _insert(groups, j, common, total, index_row, common_row, total_row):
    """Put reference j in its place among the k best, each of another group."""
    k = index_row.shape[0]
    slot = k - 1
    for s in range(k):
        if index_row[s] >= 0 and groups[index_row[s]] == groups[j]:
            slot = s
            break
    if not _before(common, total, j, common_row[slot], total_row[slot], index_row[slot]):
        return
    while slot > 0 and _before(common, total, j, common_row[slot - 1], total_row[slot - 1], index_row[slot - 1]):
        index_row[slot] = index_row[slot - 1]
        common_row[slot] = common_row[slot - 1]
        total_row[slot] = total_row[slot - 1]
        slot -= 1
    index_row[slot] = j
    common_row[slot] = common
    total_row[slot] = total


@jit
def _seed(query_words, query_solid, words, solid, bounds, candidates, groups, index, common, total):
    """Count exactly, for each query, a few references with the best bounds."""
    tries = max(_SEEDS, 2 * index.shape[1])
    for i in range(query_words.shape[0]):
        ratios = np.empty(candidates.shape[1], np.float64)
        for c in range(candidates.shape[1]):
            j = candidates[i, c]
            ratios[c] = -bounds[i, j] / max(query_solid[i] + solid[j], 1)
        order = np.argsort(ratios, kind="mergesort")
        for c in order[:tries]:
            j = candidates[i, c]
            exact = overlap(query_words, i, words, j)
            _insert(groups, j, exact, query_solid[i] + solid[j], index[i], common[i], total[i])


@jit
def _choose_brute(query_fine, query_solid, fine, solid, bounds, common, total, brute):
    """Mark the queries for which the bounds leave too much, judged on evenly spaced references."""
    size = fine.shape[0]
    last = common.shape[1] - 1
    probes = min(_PROBES, size)
    for i in range(query_fine.shape[0]):
        left = 0
        for probe in range(probes):
            j = probe * size // probes
            both = query_solid[i] + solid[j]
            if bounds[i, j] * total[i, last] >= common[i, last] * both:
                finer = minimum_sum(query_fine, i, fine, j)
                if finer * total[i, last] >= common[i, last] * both:
                    left += 1
        brute[i] = left > _BRUTE_SHARE * probes


@jit
def _any_left(bounds, solid, query_solid, common, total):
    """Whether any bound may reach the worst IoU kept: in single precision, with a margin wider than its rounding."""
    last = common.shape[0] - 1
    least = np.float32(common[last] / max(total[last], 1) * (1 - 1e-6))
    left = np.int32(0)
    for j in range(bounds.shape[0]):
        left += np.float32(bounds[j]) >= least * np.float32(query_solid + solid[j])
    return left > 0


@jit
def _scan(
    query_words, query_fine, query_solid, words, fine, solid, start, stop, bounds, brute, groups, index, common, total
):
    """References [start, stop) against all queries; a reference is fetched once for all of them."""
    last = index.shape[1] - 1
    flagged = np.flatnonzero(brute)
    for first in range(start, stop, _REFERENCE_TILE):
        end = min(first + _REFERENCE_TILE, stop)
        for i in range(query_words.shape[0]):
            if brute[i] or not _any_left(bounds[i, first:end], solid[first:end], query_solid[i], common[i], total[i]):
                continue
            for j in range(first, end):
                both = query_solid[i] + solid[j]
                # Ties must survive: an equal IoU at a lower index comes first.
                if bounds[i, j] * total[i, last] < common[i, last] * both:
                    continue
                if minimum_sum(query_fine, i, fine, j) * total[i, last] < common[i, last] * both:
                    continue
                exact = overlap(query_words, i, words, j)
                _insert(groups, j, exact, both, index[i], common[i], total[i])
        if flagged.shape[0] > 0:
            _scan_tiles(flagged, query_words, query_solid, words, solid, first, end, groups, index, common, total)


@jit
def _scan_tiles(flagged, query_words, query_solid, words, solid, first, end, groups, index, common, total):
    """Every pair of the flagged queries and references [first, end), by the register tile."""
    counts = np.empty((TILE_QUERIES, TILE_REFERENCES), np.int64)
    gathered = np.empty((_BRUTE_TILE, words.shape[1]), np.uint64)
    for low in range(0, flagged.shape[0], _BRUTE_TILE):
        n = min(_BRUTE_TILE, flagged.shape[0] - low)
        for a in range(n):
            gathered[a] = query_words[flagged[low + a]]
        for a in range(n, _BRUTE_TILE):
            gathered[a] = 0
        for j in range(first, end, TILE_REFERENCES):
            if j + TILE_REFERENCES > end:
                for b in range(j, end):
                    for a in range(n):
                        i = flagged[low + a]
                        exact = overlap(gathered, a, words, b)
                        _insert(groups, b, exact, query_solid[i] + solid[b], index[i], common[i], total[i])
                continue
            for a in range(0, n, TILE_QUERIES):
                overlap_tile(gathered, a, words, j, counts)
                for s in range(min(TILE_QUERIES, n - a)):
                    i = flagged[low + a + s]
                    for b in range(TILE_REFERENCES):
                        both = query_solid[i] + solid[j + b]
                        _insert(groups, j + b, counts[s, b], both, index[i], common[i], total[i])


@jit
def _merge(groups, index, common, total, into_index, into_common, into_total):
    for i in range(index.shape[0]):
        for s in range(index.shape[1]):
            if index[i, s] >= 0:
                j = index[i, s]
                _insert(groups, j, common[i, s], total[i, s], into_index[i], into_common[i], into_total[i])
