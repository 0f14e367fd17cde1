"""One cell under the 384 maps, against others: how many of its solid voxels a map puts on their solid voxels.

A map is first tried voxel by voxel, in scattered order, until more have missed than may: most pairs need few. A cell
that meets many others which the bounds cannot tell from it (noise, say) has the first words of its mapped copies
packed, each at its second use; then these are compared first.
"""

from typing import NamedTuple

import numpy as np

from .runtime import jit
from .vector import minimum_sum, overlap

__all__ = ["Mapped", "load", "some_map", "workspace"]

#: Uses of a map before the first words of its copy are packed.
_PATIENCE = 1
#: Words in a head.
_HEAD = 256


class Mapped(NamedTuple):
    """What is kept of the query at hand, for m maps of cells with P blocks.

    space, points: int32 (d^3, 3), its solid voxels in grid order and scattered. planes: int64 (3, d + 1), where the
    planes across each axis start in by_plane, int32 (3, d^3, 3); planes[0, 0] is -1 until they are sorted.
    counts: uint8 (m, P), its blocks as each map puts them. uses: int64 (m,). heads: uint64 (m, h), the first words of
    its copies, and solid: int64 (m,), the solid voxels in those.
    """

    space: np.ndarray
    points: np.ndarray
    planes: np.ndarray
    by_plane: np.ndarray
    counts: np.ndarray
    uses: np.ndarray
    heads: np.ndarray
    solid: np.ndarray


@jit
def workspace(query, maps):
    """An empty Mapped for queries like these."""
    m, volume = maps.axes.shape[0], maps.resolution**3
    return Mapped(
        np.empty((volume, 3), np.int32),
        np.empty((volume, 3), np.int32),
        np.empty((3, maps.resolution + 1), np.int64),
        np.empty((3, volume, 3), np.int32),
        np.zeros((m, query.counts.shape[1]), np.uint8),
        np.zeros(m, np.int64),
        np.empty((m, min(query.words.shape[1], _HEAD)), np.uint64),
        np.zeros(m, np.int64),
    )


@jit
def load(query, i, maps, mapped):
    """Prepare query i; the number of its solid voxels."""
    for m in range(maps.blocks.shape[0]):
        for p in range(maps.blocks.shape[1]):
            mapped.counts[m, p] = query.counts[i, maps.blocks[m, p]]
    mapped.uses[:] = 0
    mapped.planes[0, 0] = -1
    n = _solid_points(query.words[i], maps.resolution, mapped.space)
    _scatter(mapped.space, n, mapped.points)
    return n


@jit
def some_map(mapped, n, maps, reference, j, need):
    """Whether some map gives the query, of n solid voxels, at least `need` in common with reference j."""
    for m in range(maps.axes.shape[0]):
        if minimum_sum(mapped.counts, m, reference.counts, j) * maps.unit < need:
            continue
        mapped.uses[m] += 1
        if mapped.uses[m] > _PATIENCE and not _head_allows(mapped, n, m, maps, reference, j, need):
            continue
        if _maps_onto(mapped.points, n, maps.axes[m], maps.resolution, reference.words[j], need):
            return True
    return False


@jit
def _head_allows(mapped, n, m, maps, reference, j, need):
    """Whether the first words of the mapped copy leave `need` possible."""
    if mapped.uses[m] == _PATIENCE + 1:
        _pack_head(mapped, n, m, maps)
    return mapped.solid[m] - overlap(mapped.heads, m, reference.words, j) <= n - need


@jit
def _pack_head(mapped, n, m, maps):
    """Pack the first words of the query's copy under map m."""
    d, head = maps.resolution, mapped.heads[m]
    head[:] = 0
    bytes_a_row = (d + 7) // 8
    width = 8 * bytes_a_row
    axes, signs, starts = _placing(maps.axes[m], d)
    if mapped.planes[0, 0] < 0:
        _sort_by_plane(mapped, n, d)
    axis = axes[0]
    solid = 0
    for x in range(min(d, 8 * head.shape[0] // (width * bytes_a_row) + 1)):
        # Voxels that come to plane x lie in one plane of the query, whose points are together.
        source = (signs[0] * (x - starts[0])) % d
        for p in range(mapped.planes[axis, source], mapped.planes[axis, source + 1]):
            _, y, z = _placed(mapped.by_plane[axis], p, axes, signs, starts, d)
            byte = (x * width + y) * bytes_a_row + (z >> 3)
            if byte >> 3 < head.shape[0]:
                head[byte >> 3] |= np.uint64(1) << np.uint64(8 * (byte & 7) + 7 - (z & 7))
                solid += 1
    mapped.solid[m] = solid


@jit
def _sort_by_plane(mapped, n, d):
    """Sort the n points by their plane across each axis, by counting."""
    for axis in range(3):
        starts = mapped.planes[axis]
        starts[:] = 0
        for p in range(n):
            starts[mapped.space[p, axis] + 1] += 1
        for plane in range(d):
            starts[plane + 1] += starts[plane]
        place = starts.copy()
        for p in range(n):
            plane = mapped.space[p, axis]
            for k in range(3):
                mapped.by_plane[axis, place[plane], k] = mapped.space[p, k]
            place[plane] += 1


@jit
def _placing(entry, d):
    """Of a map: target axis k is signs[k] * source axes[k] + starts[k], and d less where that leaves the cell."""
    axes = (entry[0, 0], entry[0, 1], entry[0, 2])
    signs = (1 - 2 * entry[1, 0], 1 - 2 * entry[1, 1], 1 - 2 * entry[1, 2])
    last = d - 1
    starts = (
        entry[1, 0] * last + entry[2, 0],
        entry[1, 1] * last + entry[2, 1],
        entry[1, 2] * last + entry[2, 2],
    )
    return axes, signs, starts


@jit
def _placed(points, p, axes, signs, starts, d):
    """Where a map puts point p."""
    x = signs[0] * points[p, axes[0]] + starts[0]
    y = signs[1] * points[p, axes[1]] + starts[1]
    z = signs[2] * points[p, axes[2]] + starts[2]
    x -= d if x >= d else 0
    y -= d if y >= d else 0
    z -= d if z >= d else 0
    return x, y, z


@jit
def _solid_points(words, d, points):
    """Coordinates of the solid voxels of one cell: into int32 points (., 3); their number."""
    bytes_a_row = (d + 7) // 8
    width = 8 * bytes_a_row
    n = 0
    for at in range(words.shape[0]):
        word = words[at]
        if word == 0:
            continue
        for byte in range(8):
            bits = np.int64((word >> np.uint64(8 * byte)) & np.uint64(255))
            if bits == 0:
                continue
            row, z = (at * 8 + byte) // bytes_a_row, (at * 8 + byte) % bytes_a_row * 8
            for bit in range(8):
                if (bits >> (7 - bit)) & 1:
                    points[n, 0], points[n, 1], points[n, 2] = row // width, row % width, z + bit
                    n += 1
    return n


@jit
def _scatter(points, n, scattered):
    """The n points in an order in which neighbours in space lie far apart, so that misses come early.

    A stride near 0.618 n that has no common divisor with n visits every point once.
    """
    stride = max(1, int(0.618 * n))
    while True:
        a, b = n, stride
        while b:
            a, b = b, a % b
        if a <= 1:
            break
        stride += 1
    at = 0
    for p in range(n):
        scattered[p, 0], scattered[p, 1], scattered[p, 2] = points[at, 0], points[at, 1], points[at, 2]
        at += stride
        if at >= n:
            at -= n


@jit
def _maps_onto(points, n, entry, d, words, need):
    """Whether the map puts at least `need` of the n points on solid voxels of `words`."""
    misses = n - need
    if misses < 0:
        return False
    bytes_a_row = (d + 7) // 8
    width = 8 * bytes_a_row
    axes, signs, starts = _placing(entry, d)
    for p in range(n):
        x, y, z = _placed(points, p, axes, signs, starts, d)
        byte = (x * width + y) * bytes_a_row + (z >> 3)
        if not (words[byte >> 3] >> np.uint64(8 * (byte & 7) + 7 - (z & 7))) & np.uint64(1):
            misses -= 1
            if misses < 0:
                return False
    return True
