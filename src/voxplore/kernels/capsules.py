"""Struts drawn as capsules: voxels whose centre is within a radius of a segment, or of the infinite line through it.

Both paths do the same float64 arithmetic in the same order, without square roots and without fused operations, so that
they give the same bits on any machine.
"""

import math
from collections.abc import Sequence

import numpy as np

from .runtime import HAVE_NUMBA, jit

__all__ = ["capsules", "capsules_numpy"]

#: A squared distance that is smaller than the squared radius by more than this is so whatever the rounding.
_MARGIN = 1e-9
#: A root of less than this loses too many digits; an end this close (in voxels) to a voxel's centre is looked at.
_STEEP, _CLOSE = 1e-8, 1e-4
#: Squared, in cell edges: beyond it rounding is no longer small beside these.
_FAR = 1e4
_NONE, _UNSURE, _BOTH = 0, 1, 2


def capsules(
    segments: np.ndarray, resolution: int, shape: tuple[int, int, int], radius: float, infinite: bool = False
) -> np.ndarray:
    """Draw segments float64 (k, 2, 3) on a canvas of `shape` voxels of size 1 / resolution: Bool (shape)."""
    if not HAVE_NUMBA:
        return capsules_numpy(segments, resolution, shape, radius, infinite)
    # 64 voxels of a column are one word, the first its highest bit: a run is one mask, and 48^3 voxels stay in cache.
    words = np.zeros((shape[0], shape[1], -(-shape[2] // 64)), dtype=np.uint64)
    _draw(np.ascontiguousarray(segments, np.float64), resolution, float(radius), bool(infinite), words, shape[2])
    return np.unpackbits(words.astype(">u8").view(np.uint8), axis=-1, count=shape[2]).view(bool)


def capsules_numpy(
    segments: np.ndarray,
    resolution: int,
    shape: tuple[int, int, int],
    radius: float,
    infinite: bool = False,
    edges: Sequence[float] = (1.0, 1.0, 1.0),
) -> np.ndarray:
    """As `capsules`, strut by strut in its bounding box.

    edges: of the cell along x, y, z, in the unit of the radius; segments stay in units of these edges.
    """
    canvas = np.zeros(shape, dtype=bool)
    stretch = np.asarray(edges, np.float64)
    centres = [(np.arange(side) + 0.5) / resolution for side in shape]
    for start, end in segments:
        low, high = np.minimum(start, end) - radius / stretch, np.maximum(start, end) + radius / stretch
        if infinite:
            low, high = np.zeros(3), np.array(shape) / resolution
        first = np.clip(np.floor(low * resolution).astype(np.int64), 0, shape)
        last = np.clip(np.ceil(high * resolution).astype(np.int64), 0, shape)
        if (last <= first).any():
            continue
        box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        offsets = [(centres[axis][box[axis]] - start[axis]) * stretch[axis] for axis in range(3)]
        canvas[box] |= _squared_distance(offsets, (end - start) * stretch, infinite) <= radius * radius
    return canvas


def _squared_distance(offsets: list[np.ndarray], direction: np.ndarray, infinite: bool) -> np.ndarray:
    """Squared distance of a block of points to a strut; `offsets` are the points' coordinates less its start."""
    x, y, z = offsets[0][:, None, None], offsets[1][None, :, None], offsets[2][None, None, :]
    u, v, w = direction
    squared = u * u + v * v + w * w
    along = x * u + y * v + z * w
    along = along / squared if squared > 0 else np.zeros_like(along)
    if not infinite:
        along = np.minimum(np.maximum(along, 0.0), 1.0)
    dx, dy, dz = x - along * u, y - along * v, z - along * w
    return dx * dx + dy * dy + dz * dz


@jit
def _draw(segments, resolution, radius, infinite, words, depth):
    low = np.zeros(3, np.int64)
    high = np.zeros(3, np.int64)
    for s in range(segments.shape[0]):
        for axis in range(3):
            a, b = segments[s, 0, axis], segments[s, 1, axis]
            first, last = 0, words.shape[axis] if axis < 2 else depth
            if not infinite:
                first = max(first, math.floor((min(a, b) - radius) * resolution))
                last = min(last, math.ceil((max(a, b) + radius) * resolution))
            low[axis], high[axis] = first, last
        x0, y0, z0 = segments[s, 0, 0], segments[s, 0, 1], segments[s, 0, 2]
        u, v, w = segments[s, 1, 0] - x0, segments[s, 1, 1] - y0, segments[s, 1, 2] - z0
        squared = u * u + v * v + w * w
        scale = 1.0 / squared if 0.0 < squared <= _FAR else 0.0  # 0: neither end can be trusted
        a = 1.0 - w * w * scale
        scale_a = 1.0 / a if a >= 1e-3 else 0.0
        for i in range(low[0], high[0]):
            x = (i + 0.5) / resolution - x0
            first, last = _rows_near(x, y0, u, v, low[1], high[1], resolution, radius)
            for j in range(first, last):
                y = (j + 0.5) / resolution - y0
                known, bottom, top = _ends(x, y, u, v, w, scale, a, scale_a, radius, infinite)
                if known == _NONE:
                    continue
                run = (low[2], high[2])
                if known == _BOTH:
                    bottom, top = (z0 + bottom) * resolution - 0.5, (z0 + top) * resolution - 0.5
                    run = max(low[2], math.ceil(bottom - _CLOSE)), min(high[2], math.floor(top + _CLOSE) + 1)
                    if run[0] - bottom > _CLOSE and top - (run[1] - 1) > _CLOSE:
                        _mark(words, i, j, run[0], run[1])
                        continue
                _search(words, i, j, x, y, z0, u, v, w, run[0], run[1], resolution, radius, infinite)


@jit
def _rows_near(x, y0, u, v, low, high, resolution, radius):
    """The j in [low, high) whose columns can meet the strut, near its line seen along z, and up to one more a side."""
    if abs(u) < 1e-6:
        return low, high
    half = radius * math.sqrt(u * u + v * v) / abs(u)
    middle = y0 + x * v / u
    first = math.floor(min(max((middle - half) * resolution - 0.5, -4.0), high + 4.0))
    last = math.ceil(min(max((middle + half) * resolution - 0.5, -4.0), high + 4.0)) + 1
    return max(low, first), min(high, last)


@jit
def _search(words, i, j, x, y, z0, u, v, w, low, high, resolution, radius, infinite):
    """Mark the voxels low <= k < high of one column that are within `radius`, searched from both ends.

    A capsule is convex, so they are one run. Where its ends come out with digits to spare, `_draw` needs no search;
    this is for a strut along the column, a column that grazes it, and voxels that an end all but hits.
    """
    squared = u * u + v * v + w * w
    sure = radius * radius - _MARGIN
    while low < high:
        distance = _squared_distance_at(x, y, (low + 0.5) / resolution - z0, u, v, w, squared, infinite)
        if distance <= radius * radius:
            _mark(words, i, j, low, low + 1)
        low += 1
        if distance <= sure:
            break
    while low < high:
        high -= 1
        distance = _squared_distance_at(x, y, (high + 0.5) / resolution - z0, u, v, w, squared, infinite)
        if distance <= radius * radius:
            _mark(words, i, j, high, high + 1)
        if distance <= sure:
            break
    _mark(words, i, j, low, high)


@jit
def _mark(words, i, j, low, high):
    """Set voxels low <= k < high of a column."""
    every = ~np.uint64(0)
    while low < high:
        word = low >> 6
        end = min(high, (word + 1) << 6)
        words[i, j, word] |= (every >> np.uint64(low & 63)) & (every << np.uint64((word + 1) * 64 - end))
        low = end


@jit
def _ends(x, y, u, v, w, scale, a, scale_a, radius, infinite):
    """Where a column enters and leaves the strut, z from its start: (_NONE, _BOTH or _UNSURE, bottom, top).

    scale: 1 / |u, v, w|^2, a: 1 - w^2 scale, scale_a: 1 / a; the scales are 0 where they have lost their digits.
    """
    if scale == 0.0 or x * x + y * y > _FAR:
        return _UNSURE, 0.0, 0.0
    # Of the whole line: a z^2 - 2 b z + c <= 0.
    across = x * u + y * v
    b = across * w * scale
    inside = b * b - a * (x * x + y * y - across * across * scale - radius * radius)
    if a > 1e-6 and inside < -_MARGIN:
        return _NONE, 0.0, 0.0
    if scale_a == 0.0 or inside < _STEEP:
        return _UNSURE, 0.0, 0.0
    half = math.sqrt(inside)
    bottom, top = (b - half) * scale_a, (b + half) * scale_a
    if infinite:
        return _BOTH, bottom, top
    # An end of the line's run that lies beyond an end of the strut is that of a ball instead.
    known, other = _BOTH, _BOTH
    along = (across + bottom * w) * scale
    if along < 0.0 or along > 1.0:
        known, bottom = _end_of_ball(x, y, u, v, w, radius, along > 1.0, -1.0)
    along = (across + top * w) * scale
    if along < 0.0 or along > 1.0:
        other, top = _end_of_ball(x, y, u, v, w, radius, along > 1.0, 1.0)
    return min(known, other), bottom, top


@jit
def _end_of_ball(x, y, u, v, w, radius, at_end, way):
    z = 0.0
    if at_end:
        x, y, z = x - u, y - v, w
    inside = radius * radius - x * x - y * y
    if inside < -_MARGIN:
        return _NONE, 0.0
    if inside < _STEEP:
        return _UNSURE, 0.0
    return _BOTH, z + way * math.sqrt(inside)


@jit
def _squared_distance_at(x, y, z, u, v, w, squared, infinite):
    """As `_squared_distance`, for one point."""
    along = 0.0
    if squared > 0.0:
        along = (x * u + y * v + z * w) / squared
    if not infinite:
        along = min(max(along, 0.0), 1.0)
    dx, dy, dz = x - along * u, y - along * v, z - along * w
    return dx * dx + dy * dy + dz * dz
