"""Light inside a cell: how much of a lamp, or of the sky, reaches every voxel.

A far lamp's light is carried through the volume slice by slice (each slice takes the light of the slice before it,
shifted by the lamp's slope and dimmed by the solid there), which costs one pass over the volume and gives shadows that
soften with distance. A sky is a dozen such lamps. What arrives at a surface from all of them is kept as four numbers a
voxel, the first two bands of spherical harmonics, so that a corner of the cell darkens as it would on a table by a
window (irradiance by harmonics: Ramamoorthi and Hanrahan 2001; the slices are our choice).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from voxplore.show.raymarch import PAD

__all__ = ["KEY", "Light", "ground_shadow", "light", "transmission"]

#: The lamp, in camera axes (right, up, towards the viewer): from the upper left, before the picture.
KEY = np.array([-0.55, 0.85, 0.62]) / np.linalg.norm([-0.55, 0.85, 0.62])
_SKY_LAMPS = 12


@dataclass(frozen=True)
class Light:
    """Volumes float32 (a + 2 PAD, ...): the lamp's light, the sky's mean light, and its mean direction (three)."""

    lamp: np.ndarray
    mean: np.ndarray
    toward: tuple[np.ndarray, np.ndarray, np.ndarray]


def sky() -> tuple[np.ndarray, np.ndarray]:
    """Directions spread evenly over the sphere (a Fibonacci spiral), float64 (12, 3), and their brightness (12,).

    Full from above, weaker from the bright floor below.
    """
    k = np.arange(_SKY_LAMPS) + 0.5
    z, turn = 1 - 2 * k / _SKY_LAMPS, np.pi * (1 + 5**0.5) * k
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1), 0.6 + 0.4 * z


def transmission(solid: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Share of a far lamp's light at each voxel: float32 (a, b, c) in [0, 1]; nothing stands outside the array.

    solid: float32 (a, b, c), the opacity of a voxel; direction: towards the lamp, in voxels.
    """
    axis = int(np.abs(direction).argmax())
    volume = np.moveaxis(solid, axis, 0)
    slope = np.delete(direction, axis) / abs(direction[axis])
    if direction[axis] < 0:
        volume = volume[::-1]
    base = np.floor(slope).astype(int)
    u, v = (slope - base).astype(np.float32)
    i, j = base + 1  # corner of the shifted slice in one that is padded by 1
    rows, columns = volume.shape[1:]
    lit = np.ones_like(volume)
    plane = np.ones((rows + 3, columns + 3), np.float32)
    for k in range(len(volume) - 2, -1, -1):
        np.multiply(lit[k + 1], 1 - volume[k + 1], out=plane[1 : rows + 1, 1 : columns + 1])
        along = plane[i : i + rows, :] * (1 - u) + plane[i + 1 : i + rows + 1, :] * u
        lit[k] = along[:, j : j + columns] * (1 - v) + along[:, j + 1 : j + columns + 1] * v
    if direction[axis] < 0:
        lit = lit[::-1]
    return np.ascontiguousarray(np.moveaxis(lit, 0, axis))


def light(field: np.ndarray, key: np.ndarray) -> Light:
    """The light in and around a field float32 (a, b, c) whose solid lies above 0.5; `key`: towards the lamp."""
    solid = np.pad(np.clip(4 * (field - 0.5) + 0.5, 0, 1), PAD)
    directions, brightness = sky()
    weights = (brightness / brightness.sum()).astype(np.float32)
    mean = np.zeros_like(solid)
    toward = (np.zeros_like(solid), np.zeros_like(solid), np.zeros_like(solid))
    for direction, weight in zip(directions, weights, strict=True):
        lit = weight * transmission(solid, direction)
        mean += lit
        for total, part in zip(toward, direction.astype(np.float32), strict=True):
            total += part * lit
    return Light(transmission(solid, key), mean, toward)


def ground_shadow(field: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, int]:
    """Darkness in [0, 1] of the plane under the cell, float32 (a + 2 m, b + 2 m), and its margin m in voxels.

    Slabs of the cell are thrown down along the lamp's direction, the higher the more blurred.
    """
    solid = field > 0.5
    margin = max(field.shape[:2]) // 2
    clear = np.ones((solid.shape[0] + 2 * margin, solid.shape[1] + 2 * margin), np.float32)
    for part in np.array_split(np.arange(solid.shape[2]), 8):
        height = part.mean() + 0.5
        slab = np.pad(solid[:, :, part].max(2).astype(np.float32), margin)
        drop = -key[:2] / key[2] * height * 0.35  # a steeper lamp than the one that lights the cell: a calm shadow
        moved = ndimage.shift(slab, drop, order=1)
        clear *= 1 - 0.75 * ndimage.gaussian_filter(moved, 1.2 + 0.22 * height, truncate=2.5)
    return 1 - clear, margin
