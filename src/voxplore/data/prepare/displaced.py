"""Copies of cells whose struts and sheets lie elsewhere and are as thick as before: more to train on (our choice).

A copy is drawn through a smooth, odd, periodic displacement of each axis, as the floor "warped" of benchmark v2 is.
That alone would make a strut thinner where space is pressed together, and thicker where it is drawn out. So the surface
is put anew: with the half thickness r of the cell, and the distance s to its surface as it was (positive in the solid),
r - s is about the distance from the middle of a strut or sheet, and over the length of its gradient, to first order,
what that distance is in the displaced cell. Solid is what is nearer to the middle than r.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from voxplore.kernels.distance import distance_to_surface
from voxplore.parallel import map_items
from voxplore.ranges import Count, Seed, Workers, within
from voxplore.unitcells import UnitCells, pack, unpack

__all__ = ["displaced", "displaced_cells"]

#: Largest distance in the void, in voxels; further away it is this.
_FAR = 5.0
#: Amplitudes of the waves of one and two periods, as shares of the first.
_WAVES = (1.0, 0.4)
#: Largest strain of an axis.
_STRAIN = 0.6
#: Cells that one call of a worker makes.
_BLOCK = 64


@within
def displaced_cells(
    cells: UnitCells, copies: Count, *, voxels: float = 1.0, seed: Seed = 0, workers: Workers | None = None
) -> UnitCells:
    """`copies` displaced copies of each cell, the first of all cells first, without an index.

    voxels: standard deviation of the amplitude of the longest wave, at 48^3; it grows with the resolution. Copy k of a
    cell depends on (seed, k) and its row alone.
    """
    blocks = [(k, start) for k in range(copies) for start in range(0, len(cells), _BLOCK)]
    packed, d = np.asarray(cells.packed), cells.resolution
    jobs = [(packed[start : start + _BLOCK], d, voxels * d / 48, (seed, k, start)) for k, start in blocks]
    made = [np.zeros((0, packed.shape[1]), np.uint8), *map_items(_displaced_block, jobs, workers=workers)]
    return UnitCells(np.concatenate(made), d, {}, {"name": "displaced cells"})


def displaced(cell: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """The cell Bool (d, d, d) displaced along x, y and z by sums of sines of 1, 2, ... periods.

    amplitudes: float (3, waves), in voxels. Solid moves by the opposite of the sum. Flips that the cell has are kept.
    Amplitudes that would press space together by more than three fifths are reduced.
    """
    d = len(cell)
    if cell.all() or not cell.any():
        return cell.copy()
    moves = [_move(waves, d) for waves in amplitudes]
    distance = np.maximum(-distance_to_surface(cell), -_FAR).astype(np.float32)
    ridge = distance[(distance > 0) & (distance == ndimage.maximum_filter(distance, 3, mode="wrap"))]
    half = float(np.median(ridge)) if len(ridge) else 1.0
    for axis, (matrix, _) in enumerate(moves):
        distance = np.moveaxis(np.tensordot(matrix, distance, (1, axis)), 0, axis)
    stretched = _gradient_length(distance, [stretch for _, stretch in moves])
    # A hair off zero, so that equal sums in another order do not differ.
    return half - distance < half * stretched - 1e-4


def _displaced_block(job: tuple[np.ndarray, int, float, Sequence[int]]) -> np.ndarray:
    """Packed copies of packed cells, all random numbers from the seed of the block."""
    packed, d, voxels, seed = job
    amplitudes = np.random.default_rng(seed).normal(size=(len(packed), 3, len(_WAVES))) * voxels * np.array(_WAVES)
    return np.concatenate(
        [pack(displaced(cell, waves)[None]) for cell, waves in zip(unpack(packed, d), amplitudes, strict=True)]
    )


def _move(waves: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Linear interpolation at the places that the voxels of an axis are drawn from (d, d), and how much longer the way
    between these places is than between voxels (d,)."""
    x, k = (np.arange(d) + 0.5) / d, np.arange(1, len(waves) + 1)[:, None]
    strain = (waves[:, None] * 2 * np.pi * k / d * np.cos(2 * np.pi * k * x)).sum(0)
    less = min(1.0, _STRAIN / max(float(np.abs(strain).max()), 1e-9))
    way = less * (waves[:, None] * np.sin(2 * np.pi * k * x)).sum(0)
    way = (way - way[::-1]) / 2  # odd to the last digit
    places = np.arange(d) + way
    below = np.floor(places).astype(int)
    share, matrix, rows = places - below, np.zeros((d, d), np.float32), np.arange(d)
    np.add.at(matrix, (rows, below % d), 1 - share)
    np.add.at(matrix, (rows, (below + 1) % d), share)
    return matrix, (1 + less * strain).astype(np.float32)


def _gradient_length(distance: np.ndarray, stretches: list[np.ndarray]) -> np.ndarray:
    """The length of the gradient of a displaced distance, for a gradient of length one before (d, d, d)."""
    smooth = ndimage.gaussian_filter(distance, 1.0, mode="wrap", truncate=2.5)
    now, before = np.zeros_like(smooth), np.zeros_like(smooth)
    for axis, stretch in enumerate(stretches):
        square = (np.roll(smooth, -1, axis) - np.roll(smooth, 1, axis)) ** 2
        now += square
        before += square / np.expand_dims(stretch**2, [k for k in range(3) if k != axis])
    return np.sqrt((now + 1e-8) / (before + 1e-8))
