"""Are two cells the same up to the 48 operations of the cube and the eight half-period shifts? Exact, by overlap.

The 384 maps permute 8^3 patches (4^3 blocks where half a period is no whole number of patches), so sorting the solid
counts within each orbit of patches gives a bound on the common solid that holds for all 384 maps at once. What it
leaves is bounded map by map with permuted counts, and what that leaves is counted voxel by voxel, in scattered order,
until more solid voxels have missed than may.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from voxplore.geometry import CUBE_OPERATIONS, HALF_SHIFTS

from . import equivalence_numpy
from .mapped import load, some_map, workspace
from .packing import COARSE_STEP, PackedBits
from .runtime import HAVE_NUMBA, jit, map_threads
from .vector import minimum_sum

__all__ = ["Orbits", "first_equivalent", "orbits", "reach"]

_QUERY_CHUNK = 8
_PAIR_CHUNK = 256


class Counted(NamedTuple):
    """Arrays of n cells, as kernels take them.

    words: uint64 (n, .), packed bits. solid: int64 (n,). counts, ordered: uint8 (n, P), solid voxels of each block in
    units of `Maps.unit`, rounded up, in grid order and sorted within orbits.
    """

    words: np.ndarray
    solid: np.ndarray
    counts: np.ndarray
    ordered: np.ndarray


class Maps(NamedTuple):
    """m maps of a cell onto itself.

    axes: int64 (m, 3, 3), for each target axis its source axis, whether that is flipped, and the shift in voxels.
    blocks: int64 (m, P), which block each map puts where. unit: voxels a count stands for. resolution: the cells' true
    d (words may be padded with void).
    """

    axes: np.ndarray
    blocks: np.ndarray
    unit: int
    resolution: int


@dataclass(frozen=True, eq=False)
class Orbits:
    """Cells ready for comparison under the maps."""

    bits: PackedBits
    cells: Counted
    maps: Maps

    def __len__(self) -> int:
        return len(self.bits)

    def rows(self, rows: np.ndarray | slice | list[int]) -> "Orbits":
        """Some of the cells."""
        bits, (_, _, counts, ordered) = self.bits.rows(rows), self.cells
        return replace(self, bits=bits, cells=Counted(bits.words, bits.solid, counts[rows], ordered[rows]))


def orbits(bits: PackedBits, resolution: int, shifts: bool = True) -> Orbits:
    """Prepare cells of true resolution d; without `shifts` only the 48 operations of the cube count."""
    counts, unit, side = _grid_counts(bits, resolution, shifts)
    maps, blocks = _maps(resolution, shifts, side)
    orbit = blocks.min(axis=0)
    ordered = np.zeros_like(counts)
    start = 0
    for label in np.unique(orbit):
        members = np.flatnonzero(orbit == label)
        ordered[:, start : start + len(members)] = np.sort(counts[:, members], axis=1)
        start += len(members)
    return Orbits(bits, Counted(bits.words, bits.solid, counts, ordered), Maps(maps, blocks, unit, resolution))


def first_equivalent(
    queries: Orbits,
    references: Orbits,
    threshold: tuple[int, int] = (9, 10),
    earlier: bool = False,
    rows: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """For each query the first reference that some map brings to IoU >= threshold, else -1: int64 (n,).

    threshold: a fraction in integers. earlier: only references of a lower index than the query (a set against itself).
    rows: int64, the references to try, in that order; all by default.
    """
    out = np.full(len(queries), -1, np.int64)
    rows = np.arange(len(references)) if rows is None else np.ascontiguousarray(rows, dtype=np.int64)
    kernel = _first_equivalent if HAVE_NUMBA else equivalence_numpy.first_equivalent

    def one(start: int) -> None:
        stop = min(start + _QUERY_CHUNK, len(queries))
        kernel(queries.cells, references.cells, queries.maps, threshold, rows, start, stop, earlier, out)

    for _ in map_threads(one, range(0, len(queries), _QUERY_CHUNK), threads):
        pass
    return out


def reach(
    queries: Orbits, references: Orbits, pairs: np.ndarray, need: np.ndarray, threads: int | None = None
) -> np.ndarray:
    """Bool (m,): whether some map gives pair (query, reference) of int64 (m, 2) at least `need` common solid voxels."""
    out = np.zeros(len(pairs), np.bool_)
    pairs, need = np.ascontiguousarray(pairs, dtype=np.int64), np.ascontiguousarray(need, dtype=np.int64)
    kernel = _reach if HAVE_NUMBA else equivalence_numpy.reach

    def one(start: int) -> None:
        rows = slice(start, start + _PAIR_CHUNK)
        kernel(queries.cells, references.cells, queries.maps, pairs[rows], need[rows], out[rows])

    for _ in map_threads(one, range(0, len(pairs), _PAIR_CHUNK), threads):
        pass
    return out


@lru_cache(maxsize=8)
def _maps(resolution: int, shifts: bool, side: int) -> tuple[np.ndarray, np.ndarray]:
    """`axes` and `blocks` of Maps for `geometry.shift(apply_operation(cell, operation), fractions)`."""
    rows = []
    for fractions in HALF_SHIFTS if shifts else HALF_SHIFTS[:1]:
        steps = [round(fraction * resolution) % resolution for fraction in fractions]
        rows += [[axes, flips, steps] for axes, flips in CUBE_OPERATIONS]
    maps = np.array(rows, dtype=np.int64)
    return maps, _block_maps(maps, resolution, side)


def _grid_counts(bits: PackedBits, resolution: int, shifts: bool) -> tuple[np.ndarray, int, int]:
    """Counts of blocks that the maps permute, their unit in voxels, and blocks along an edge."""
    if resolution % 16 == 0 or (resolution % 8 == 0 and not shifts):
        return bits.coarse, COARSE_STEP, resolution // 8
    if resolution % 8 == 0:
        return bits.fine, 1, resolution // 4
    unit = -(-(resolution**3) // 128)  # no block is permuted: the cell is one block
    counts = np.zeros((len(bits), 32), np.uint8)
    counts[:, 0] = -(-bits.solid // unit)
    return counts, unit, 1


def _block_maps(maps: np.ndarray, resolution: int, side: int) -> np.ndarray:
    """int64 (m, side^3): for each map and each place in the grid, the block that comes there."""
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij")).reshape(3, -1)
    out = np.empty((len(maps), side**3), np.int64)
    for row, (axes, flips, steps) in zip(out, maps, strict=True):
        target = grid[axes]
        target = np.where(flips[:, None] == 1, side - 1 - target, target)
        target = (target + steps[:, None] * side // resolution) % side
        row[(target[0] * side + target[1]) * side + target[2]] = np.arange(side**3)
    return out


@jit
def _first_equivalent(query, reference, maps, threshold, rows, start, stop, earlier, out):
    mapped = workspace(query, maps)
    parts = threshold[0] + threshold[1]
    for i in range(start, stop):
        n = -1
        for j in rows:
            if earlier and j >= i:
                continue
            # IoU >= p / q means common * (p + q) >= p * (sum of the two): rounded up to whole voxels.
            both = query.solid[i] + reference.solid[j]
            need = (threshold[0] * both + parts - 1) // parts
            if both == 0 or min(query.solid[i], reference.solid[j]) < need:
                continue
            if minimum_sum(query.ordered, i, reference.ordered, j) * maps.unit < need:
                continue
            if n < 0:
                n = load(query, i, maps, mapped)
            if some_map(mapped, n, maps, reference, j, need):
                out[i] = j
                break


@jit
def _reach(query, reference, maps, pairs, need, out):
    mapped = workspace(query, maps)
    loaded = -1
    n = 0
    for p in range(pairs.shape[0]):
        i, j = pairs[p, 0], pairs[p, 1]
        most = min(query.solid[i], reference.solid[j])
        if most < need[p] or minimum_sum(query.ordered, i, reference.ordered, j) * maps.unit < need[p]:
            out[p] = False
            continue
        if i != loaded:
            n = load(query, i, maps, mapped)
            loaded = i
        out[p] = some_map(mapped, n, maps, reference, j, need[p])
