"""Exact squared distances between voxel centres in a periodic cell."""

import numpy as np

__all__ = ["distance_to_surface", "signed_distance", "squared_distance"]


def squared_distance(targets: np.ndarray) -> np.ndarray:
    """Squared periodic distance of each voxel to the nearest of `targets`, axis by axis; exact, in whole numbers.

    targets: Bool (d, d, d) with at least one True. Returns int16 or int32 (d, d, d), in voxels squared.
    """
    d = targets.shape[0]
    kind, far = (np.int16, 28_000) if d <= 128 else (np.int32, 1 << 30)  # 3 (d/2)^2 stays below far
    distance = np.where(targets, 0, far).astype(kind)
    shifted = np.empty_like(distance)
    for axis in range(3):
        # The nearest image lies at most half a period away along each axis.
        widths = [(d // 2, d // 2) if a == axis else (0, 0) for a in range(3)]
        start = np.moveaxis(np.pad(distance, widths, mode="wrap"), axis, 0)
        nearest, sum_ = np.moveaxis(distance, axis, 0), np.moveaxis(shifted, axis, 0)
        for step in range(1, d // 2 + 1):
            if axis > 0 and step * step >= distance.max():
                break
            for first in (d // 2 - step, d // 2 + step):
                np.add(start[first : first + d], kind(step * step), out=sum_)
                np.minimum(nearest, sum_, out=nearest)
    return distance


def signed_distance(voxels: np.ndarray) -> np.ndarray:
    """int64 (d, d, d): squared periodic distance to the solid outside, minus that to the void inside.

    An empty cell has 1 everywhere, a full cell -1.
    """
    if not voxels.any() or voxels.all():
        return np.where(voxels, -1, 1)
    return squared_distance(voxels).astype(np.int64) - squared_distance(~voxels)


def distance_to_surface(voxels: np.ndarray) -> np.ndarray:
    """float64 (d, d, d): periodic distance of voxel centres from the surface in voxels, negative inside.

    `signed_distance` counts from centre to centre; the surface lies half a voxel from the nearest of either kind.
    """
    squared = signed_distance(voxels)
    return np.sign(squared) * (np.sqrt(np.abs(squared)) - 0.5)
