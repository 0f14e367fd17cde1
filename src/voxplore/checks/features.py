"""The thinnest strut and the narrowest pore of a cell, by periodic distance transform and opening.

A ball of growing size is rolled through the solid. Where it no longer fits, material is left over. Left-overs along
edges and corners lie close to the surface compared with the ball; in a strut that is thinner than the ball they reach
its core. Steps of voxels on an inclined strut leave crumbs too, but always beside a place where the ball fits. So the
thinnest strut is the largest ball that leaves no core behind away from the balls. Balls may sit at voxel centres,
faces, edges and corners: a layer of n voxels measures n, odd or even. Distances are in units of half a voxel.
"""

import numpy as np

__all__ = ["CORE_SHARE", "thinnest"]

#: A left-over voxel belongs to a core where its depth is this share of the ball's radius (our choice). A right-angled
#: edge leaves 0.29 of it, a cube's corner 0.42.
CORE_SHARE = 0.6
#: Left-overs within so many voxels of a ball are roughness (our choice).
_ROUGHNESS = 1.5
_FAR = np.int16(8000)


def thinnest(mask: np.ndarray, largest: float = 8.0) -> float:
    """Thickness in voxels of the thinnest part of the True voxels of Bool (d, d, d), in steps of 0.5.

    Returns `largest` where nothing is thinner, and nan where nothing is True. Parts shorter than an eighth of the cell
    are taken for roughness. Struts at an angle measure up to a voxel more or less than they were drawn.
    """
    if not mask.any():
        return float("nan")
    if mask.all():
        return largest
    d = mask.shape[0]
    squared = _distance_to_cubes(mask, int(np.ceil(largest / 2)) + 1)
    radii = np.sqrt(squared)
    enough = max(d / 8, 1)
    depth = _deepest(radii)
    reach = int(np.ceil(largest + 2 + 2 * _ROUGHNESS))
    power = -np.minimum((radii + 2 * _ROUGHNESS) ** 2, reach**2).astype(np.int16)
    for diameter in np.arange(1.5, largest + 0.25, 0.5):  # in voxels: the ball's radius in halves of one
        # A voxel that holds the centre of a ball is covered by it, so only shallower ones can be left over.
        core = mask & (depth >= CORE_SHARE * diameter) & (depth < diameter)
        if core.sum() >= enough:
            balls = np.where(radii >= diameter, power, _FAR)
            if (core & ~_covered(balls, reach)).sum() >= enough:
                return float(diameter - 0.5)
    return largest


def _deepest(radii: np.ndarray) -> np.ndarray:
    """Largest value at the 27 half-voxel points of each voxel, from (2d, 2d, 2d): (d, d, d)."""
    for axis in range(3):
        even, odd = _every_second(radii, axis, 0), _every_second(radii, axis, 1)
        radii = np.maximum(np.maximum(even, np.roll(even, -1, axis)), odd)
    return radii


def _distance_to_cubes(mask: np.ndarray, reach: int) -> np.ndarray:
    """Squared distance to the nearest False voxel's cube, at all half-voxel points: int16 (2d, 2d, 2d).

    Point q of an axis lies q halves from the cell's face, so odd ones are voxel centres. Exact up to `reach` voxels.
    """
    field = np.where(mask, _FAR, np.int16(0)).astype(np.int16)
    for axis in range(3):
        centres, edges = field.copy(), np.minimum(field, np.roll(field, 1, axis))
        for step in range(1, reach + 1):
            up, down = np.roll(field, -step, axis), np.roll(field, step, axis)
            centres = np.minimum(centres, np.minimum(up, down) + np.int16((2 * step - 1) ** 2))
            edges = np.minimum(edges, np.minimum(up, np.roll(down, 1, axis)) + np.int16((2 * step) ** 2))
        field = np.stack([edges, centres], axis=axis + 1).reshape(
            *field.shape[:axis], 2 * field.shape[axis], *field.shape[axis + 1 :]
        )
    return field


def _covered(power: np.ndarray, reach: int) -> np.ndarray:
    """Whether each voxel's centre lies inside a ball about one of the half-voxel points: Bool (d, d, d).

    power: int16 (2d, 2d, 2d), minus the ball's squared radius, at most `reach` squared, or _FAR where there is no ball.
    """
    field = power
    for axis in range(3):
        odd = _every_second(field, axis, 1)
        even = _every_second(field, axis, 0)
        best = odd
        for step in range(1, reach + 1):
            # From point 2i + 1, an odd step lands on even points 2 (i + (1 + step) / 2) and 2 (i + (1 - step) / 2).
            source, shifts = (even, ((1 + step) // 2, (1 - step) // 2)) if step % 2 else (odd, (step // 2, -step // 2))
            nearer = np.minimum(np.roll(source, -shifts[0], axis), np.roll(source, -shifts[1], axis))
            best = np.minimum(best, nearer + np.int16(step**2))
        field = best
    return field < 0


def _every_second(field: np.ndarray, axis: int, first: int) -> np.ndarray:
    return field[(slice(None),) * axis + (slice(first, None, 2),)]
