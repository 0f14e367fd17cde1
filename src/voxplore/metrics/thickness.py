"""Is one aligned cell the other one, but for surfaces a fraction of a voxel apart and the thickness of its struts?"""

from collections.abc import Iterator

import numpy as np

from voxplore.kernels.distance import signed_distance

from .alignment import around
from .discovery import at_level
from .surfaces import distance_field, surface_distance

__all__ = ["FURTHEST", "LEAST", "LEAST_THICKENED", "alike", "thickened"]

#: Surfaces nearer than this, in voxels, are the same surface on another grid, or a rough one. Copies at half a voxel's
#: offset lie up to 0.2 apart, copies with surfaces rough by a voxel up to 0.35 (our choice, on training cells).
FURTHEST = 0.35
#: IoU below which surfaces are not compared: of cells as they are, and after thickening.
LEAST, LEAST_THICKENED = 0.62, 0.8
#: Sizes closer than this are not thickened to each other.
_CLOSE = 1.05
#: Voxels added to both sides along one axis, at 48^3, at most; and how often the shift is mended.
_MOST_LAYERS, _ROUNDS = 3, 3


def alike(cell: np.ndarray, other: np.ndarray) -> bool:
    """Whether two cells Bool (d, d, d), aligned to a voxel, are equivalent (see `newness`)."""
    thin, thick = sorted((cell, other), key=np.count_nonzero)
    least, solid, common = (int(np.count_nonzero(each)) for each in (thin, thick, thin & thick))
    if least == 0:
        return False
    if common >= LEAST * (least + solid - common):
        field = distance_field(thick)
        if surface_distance(field, distance_field(thin), solid) <= FURTHEST:
            return True
    # A thickened cell holds the thin one, and at this IoU has at most 1 / IoU - 1 of the thick one's solid outside it.
    if solid < _CLOSE * least or common < least - solid * (1 / LEAST_THICKENED - 1):
        return False
    return any(_same(grown, thick) for grown in thickened(thin, solid))


def thickened(cell: np.ndarray, solid: int) -> Iterator[np.ndarray]:
    """The cell thickened to about `solid` voxels: in all directions, then along x, y and z alone."""
    yield at_level(signed_distance(cell), solid)
    layers = max(round(_MOST_LAYERS * len(cell) / 48), 1)
    for axis in range(3):
        grown, best = cell, cell
        for step in range(1, layers + 1):
            grown = grown | np.roll(cell, step, axis) | np.roll(cell, -step, axis)
            if abs(np.count_nonzero(grown) - solid) < abs(np.count_nonzero(best) - solid):
                best = grown
        if best is not cell:
            yield best


def _same(grown: np.ndarray, thick: np.ndarray) -> bool:
    """Whether the thickened cell, at its best shift by a few voxels, has the surface of the thick one."""
    total, common = np.zeros(3, np.int64), 0
    for _ in range(_ROUNDS):  # a thin cell lies inside the thick one at several shifts
        shift, common = around(grown, thick, total)
        if np.array_equal(shift, total):
            break
        total = np.array(shift)
    solid = int(np.count_nonzero(thick))
    if common < LEAST_THICKENED * (int(np.count_nonzero(grown)) + solid - common):
        return False
    fitted = np.roll(grown, total, axis=(0, 1, 2))
    return surface_distance(distance_field(thick), distance_field(fitted), solid) <= FURTHEST
