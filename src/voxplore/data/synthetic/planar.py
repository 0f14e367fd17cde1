"""Two-dimensional patterns that fill the cell along z: extruded walls, and kirigami of rotating plates.

A pattern is drawn on the unit square, periodic, with its centre a point of two-fold symmetry, so the cell built on it
has central symmetry. Lengths are fractions of the cell edge.
"""

import itertools

import numpy as np

__all__ = ["centres", "discs", "offsets", "walls"]

_SHIFTS_2D = np.array(list(itertools.product((-1, 0, 1), repeat=2)), dtype=np.float64)


def centres(resolution: int) -> np.ndarray:
    """Voxel centres along one axis: float64 (d,)."""
    return (np.arange(resolution) + 0.5) / resolution


def discs(places: np.ndarray, radius: float, resolution: int) -> np.ndarray:
    """Periodic discs: Bool (d, d)."""
    solid = np.zeros((resolution, resolution), dtype=bool)
    for place in places:
        x, y = offsets(resolution, place)
        solid |= x**2 + y**2 <= radius**2
    return solid


def offsets(resolution: int, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Periodic offsets of the pixel centres from a place, in [-1/2, 1/2): float64 (d, 1) and (1, d)."""
    u = centres(resolution)
    x, y = ((u - coordinate + 0.5) % 1.0 - 0.5 for coordinate in place)
    return x[:, None], y[None, :]


def walls(segments: np.ndarray, thickness: float, resolution: int) -> np.ndarray:
    """Pixels whose centres lie within half the thickness of segments (k, 2, 2) or their images: Bool (d, d)."""
    return _distance_to_segments(segments, resolution) < thickness / 2


def _distance_to_segments(segments: np.ndarray, resolution: int) -> np.ndarray:
    """Distance of the pixel centres to the nearest periodic image of segments (k, 2, 2): float64 (d, d)."""
    u = centres(resolution)
    points = np.stack(np.meshgrid(u, u, indexing="ij"), axis=-1)
    squared = np.full((resolution, resolution), np.inf)
    for start, end in segments:
        for moved in start + _SHIFTS_2D:
            offset, direction = points - moved, end - start
            along = np.clip(offset @ direction / max(direction @ direction, 1e-12), 0.0, 1.0)
            squared = np.minimum(squared, ((offset - along[..., None] * direction) ** 2).sum(axis=-1))
    return np.sqrt(squared)
