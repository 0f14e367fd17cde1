"""Struts drawn as capsules: voxels whose centre is within a radius of a segment, or of the infinite line through it.

Both paths do the same float64 arithmetic in the same order, without square roots and without fused operations, so that
they give the same bits on any machine.
"""

import math

import numpy as np

from .runtime import HAVE_NUMBA, jit

__all__ = ["capsules", "capsules_numpy"]


def capsules(
    segments: np.ndarray, resolution: int, shape: tuple[int, int, int], radius: float, infinite: bool = False
) -> np.ndarray:
    """Draw segments float64 (k, 2, 3) on a canvas of `shape` voxels of size 1 / resolution: Bool (shape)."""
    if not HAVE_NUMBA:
        return capsules_numpy(segments, resolution, shape, radius, infinite)
    canvas = np.zeros(shape, dtype=np.uint8)
    _draw(np.ascontiguousarray(segments, np.float64), resolution, float(radius), bool(infinite), canvas)
    return canvas.view(bool)


def capsules_numpy(
    segments: np.ndarray, resolution: int, shape: tuple[int, int, int], radius: float, infinite: bool = False
) -> np.ndarray:
    """As `capsules`, strut by strut in its bounding box."""
    canvas = np.zeros(shape, dtype=bool)
    centres = [(np.arange(side) + 0.5) / resolution for side in shape]
    for start, end in segments:
        low, high = np.minimum(start, end) - radius, np.maximum(start, end) + radius
        if infinite:
            low, high = np.zeros(3), np.array(shape) / resolution
        first = np.clip(np.floor(low * resolution).astype(np.int64), 0, shape)
        last = np.clip(np.ceil(high * resolution).astype(np.int64), 0, shape)
        if (last <= first).any():
            continue
        box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        offsets = [centres[axis][box[axis]] - start[axis] for axis in range(3)]
        canvas[box] |= _squared_distance(offsets, end - start, infinite) <= radius * radius
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
def _draw(segments, resolution, radius, infinite, canvas):
    low = np.zeros(3, np.int64)
    high = np.zeros(3, np.int64)
    for s in range(segments.shape[0]):
        for axis in range(3):
            a, b = segments[s, 0, axis], segments[s, 1, axis]
            first, last = 0, canvas.shape[axis]
            if not infinite:
                first = max(first, math.floor((min(a, b) - radius) * resolution))
                last = min(last, math.ceil((max(a, b) + radius) * resolution))
            low[axis], high[axis] = first, last
        for i in range(low[0], high[0]):
            x = (i + 0.5) / resolution - segments[s, 0, 0]
            for j in range(low[1], high[1]):
                y = (j + 0.5) / resolution - segments[s, 0, 1]
                _draw_column(segments[s], x, y, low[2], high[2], resolution, radius, infinite, canvas[i, j])


@jit
def _draw_column(segment, x, y, low, high, resolution, radius, infinite, column):
    """Mark the voxels low <= k < high of one column; a bound on k, a voxel too wide, saves most of the work."""
    z0 = segment[0, 2]
    u, v, w = segment[1, 0] - segment[0, 0], segment[1, 1] - segment[0, 1], segment[1, 2] - z0
    squared = u * u + v * v + w * w
    if squared > 0.0:
        # Distance to the whole line: a z^2 - 2 b z + c <= 0.
        across = x * u + y * v
        a = 1.0 - w * w / squared
        if a > 1e-6:
            b = across * w / squared
            c = x * x + y * y - across * across / squared - radius * radius
            inside = b * b - a * c
            if inside < -1e-9:
                return
            half = math.sqrt(max(inside, 0.0))
            low = max(low, math.floor((z0 + (b - half) / a) * resolution) - 1)
            high = min(high, math.ceil((z0 + (b + half) / a) * resolution) + 1)
    for k in range(low, high):
        z = (k + 0.5) / resolution - z0
        along = 0.0
        if squared > 0.0:
            along = (x * u + y * v + z * w) / squared
        if not infinite:
            along = min(max(along, 0.0), 1.0)
        dx, dy, dz = x - along * u, y - along * v, z - along * w
        if dx * dx + dy * dy + dz * dz <= radius * radius:
            column[k] = 1
