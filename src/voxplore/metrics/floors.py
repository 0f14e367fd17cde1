"""Floors of benchmark v2: copies of training cells that learn nothing (our choice). A generator has to beat them.

Each takes one cell Bool (d, d, d) and gives one. All of them are periodic. Lengths are in voxels at 48^3 and grow with
the resolution.
"""

import numpy as np
from scipy import ndimage

from voxplore.kernels.distance import distance_to_surface

__all__ = ["between", "dilated", "interpolated", "roughened", "shifted", "warped"]


def warped(cell: np.ndarray, voxels: float, rng: np.random.Generator, waves: int = 2) -> np.ndarray:
    """The cell drawn through x -> x + u(x), y -> y + v(y), z -> z + w(z), by at most `voxels`.

    u, v and w are odd and periodic: sums of sines of 1 ... `waves` periods with random amplitudes. A cell that is
    centrally symmetric stays so, and faces that met still meet.
    """
    d = len(cell)
    places = []
    for _ in range(3):
        x = (np.arange(d) + 0.5) / d
        amplitude = rng.normal(size=waves)
        way = sum(a * np.sin(2 * np.pi * (k + 1) * x) for k, a in enumerate(amplitude))
        places.append(x * d - 0.5 + way * (voxels * d / 48) / np.abs(way).max())
    grid = np.meshgrid(*places, indexing="ij")
    return ndimage.map_coordinates(cell.astype(np.float32), grid, order=1, mode="grid-wrap") >= 0.5


def shifted(cell: np.ndarray, steps: tuple[int, int, int] = (7, 0, 0)) -> np.ndarray:
    """The cell shifted periodically."""
    d = len(cell)
    return np.roll(cell, [round(step * d / 48) for step in steps], axis=(0, 1, 2))


def roughened(cell: np.ndarray, rng: np.random.Generator, voxels: float = 1.0, grain: float = 1.0) -> np.ndarray:
    """The surface moved in and out at random, by at most `voxels`.

    The displacement is smooth noise (Gaussian of `grain` voxels, deviation half of `voxels`, clipped).
    """
    noise = ndimage.gaussian_filter(rng.normal(size=cell.shape), grain, mode="wrap")
    noise = np.clip(noise / noise.std() * voxels / 2, -voxels, voxels)
    distance = distance_to_surface(cell)
    return distance <= noise


def dilated(cell: np.ndarray, axis: int = 0, voxels: int = 1) -> np.ndarray:
    """Thickened by `voxels` to both sides along one axis alone."""
    out = cell.copy()
    for step in range(1, voxels + 1):
        out |= np.roll(cell, step, axis) | np.roll(cell, -step, axis)
    return out


def interpolated(cell: np.ndarray, offset: tuple[float, float, float] = (0.5, 0.5, 0.5)) -> np.ndarray:
    """The same body on a grid that lies `offset` voxels aside: for cells without struts to voxelise anew.

    The solid is smoothed by half a voxel, interpolated linearly and cut at the level that keeps the density.
    """
    smooth = ndimage.gaussian_filter(cell.astype(np.float32), 0.5, mode="wrap")
    moved = ndimage.shift(smooth, offset, order=1, mode="grid-wrap")
    return _densest(moved, int(np.count_nonzero(cell)))


def between(cell: np.ndarray, neighbour: np.ndarray, blur: float = 2.0) -> np.ndarray:
    """The mean of two cells: both smoothed by `blur` voxels at 48^3, the solid as dense as they are on average."""
    width = blur * len(cell) / 48
    mean = sum(ndimage.gaussian_filter(each.astype(np.float32), width, mode="wrap") for each in (cell, neighbour))
    return _densest(np.asarray(mean), (int(cell.sum()) + int(neighbour.sum())) // 2)


def _densest(field: np.ndarray, solid: int) -> np.ndarray:
    """The `solid` voxels of the largest values, Bool; more where the last ones are equal."""
    return field >= np.partition(field, -solid, axis=None)[-solid] if solid else np.zeros(field.shape, bool)
