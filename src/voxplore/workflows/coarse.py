"""Properties of many cells for little: each solved at half its resolution, an eighth of the unknowns."""

import numpy as np

from voxplore.mechanics import properties_of
from voxplore.storage import usable_cache
from voxplore.unitcells import UnitCells, pack

__all__ = ["coarse_properties", "halved"]

#: Cells below this resolution are solved as they are (our choice).
_LEAST = 32
#: Relative residual; the stiffness errs by its square.
_TOLERANCE = 1e-2


def coarse_properties(cells: UnitCells, workers: int | None = None) -> dict[str, np.ndarray]:
    """Columns of `properties_of` for n cells of half the resolution; `relative_density` is that of the cells given.

    Struts are three or four voxels thick here, so that moduli are off by tens of per cent; their order is nearly that
    of the fine ones (the report of `discover` prints the rank correlation).
    """
    coarse = halved(cells) if cells.resolution >= _LEAST and cells.resolution % 2 == 0 else cells
    columns = properties_of(coarse, usable_cache("properties"), tolerance=_TOLERANCE, workers=workers)
    return columns | {"relative_density": cells.relative_density()}


def halved(cells: UnitCells) -> UnitCells:
    """Cells of half the (even) resolution: a voxel is solid where enough of its eight are, so many that the density
    of each cell changes least.
    """
    parts = [np.zeros((0, -(-((cells.resolution // 2) ** 3) // 8)), np.uint8)]
    for voxels in cells.batches(64):
        n, half = len(voxels), cells.resolution // 2
        counts = voxels.reshape(n, half, 2, half, 2, half, 2).sum((2, 4, 6))
        parts.append(pack(np.stack([_cut(count) for count in counts])))
    return UnitCells(np.concatenate(parts), cells.resolution // 2, dict(cells.index), dict(cells.about))


def _cut(counts: np.ndarray) -> np.ndarray:
    """Counts 1 to 8 (half, half, half) -> Bool, cut where the number of solid voxels is nearest to an eighth of all."""
    above = np.bincount(counts.ravel(), minlength=9)[::-1].cumsum()[::-1]
    return counts >= 1 + int(np.argmin(abs(above[1:] - counts.sum() / 8)))
