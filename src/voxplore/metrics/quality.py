"""Quality of unit cells: symmetry, periodicity, connectivity (Eq. 12 to 14, paper App. C.2).

Pure equations, never gated. Cells come as UnitCells, Bool (n, d, d, d) or one cell Bool (d, d, d); scores go out as
float64 (n,). A cell with no solid scores 0 in all.
"""

from collections.abc import Callable

import numpy as np

from voxplore import kernels
from voxplore.geometry import face_iou
from voxplore.unitcells import UnitCells, as_voxels

__all__ = ["components", "connectivity", "periodicity", "symmetry"]

_CHUNK = 256


def symmetry(voxels: UnitCells | np.ndarray) -> np.ndarray:
    """Central symmetry, Eq. 12: S_sym = 1 - sum |u_ijk - u_(N+1-i)(N+1-j)(N+1-k)| / (2 |U|), float64 (n,)."""
    return _in_chunks(_symmetry, voxels)


def periodicity(voxels: UnitCells | np.ndarray) -> np.ndarray:
    """Agreement of opposite faces, Eq. 13: S_per, the mean over x, y, z of the faces' intersection over union.

    A pair of faces with no solid on either scores 0 on its axis (benchmark v1). float64 (n,).
    """
    return _in_chunks(_periodicity, voxels)


def connectivity(voxels: UnitCells | np.ndarray, periodic: bool = True) -> np.ndarray:
    """Share of the solid in the largest 6-connected component, Eq. 14: S_con, float64 (n,).

    periodic: opposite faces touch, since a unit cell is periodic (as in the published code); else in the box.
    """
    found = components(voxels)
    largest = found.largest if periodic else found.largest_in_box
    return largest / np.maximum(found.solid, 1)


def components(voxels: UnitCells | np.ndarray) -> kernels.Components:
    """Solid, largest component and spanned axes of each cell (see `kernels.components`)."""
    if isinstance(voxels, UnitCells) and voxels.resolution % 8 == 0:
        d = voxels.resolution
        return kernels.components(voxels.packed.reshape(len(voxels), d, d, d // 8))
    return kernels.components(np.packbits(as_voxels(voxels), axis=-1))


def _in_chunks(score: Callable[[np.ndarray], np.ndarray], voxels: UnitCells | np.ndarray) -> np.ndarray:
    if isinstance(voxels, UnitCells):
        parts = [score(part) for part in voxels.batches(_CHUNK)]
    else:
        cells = as_voxels(voxels)
        parts = [score(cells[start : start + _CHUNK]) for start in range(0, len(cells), _CHUNK)]
    return np.concatenate([np.zeros(0), *parts])


def _symmetry(voxels: np.ndarray) -> np.ndarray:
    # The central inversion reverses the flattened cell. Packed bits reverse by a byte look-up only for d^3 / 8 whole
    # bytes, so the comparison stays on Bool.
    flat = voxels.reshape(len(voxels), -1)
    solid = np.count_nonzero(flat, axis=1)
    unequal = np.count_nonzero(flat != flat[:, ::-1], axis=1)
    return np.where(solid > 0, 1 - unequal / (2 * np.maximum(solid, 1)), 0.0)


def _periodicity(voxels: np.ndarray) -> np.ndarray:
    return face_iou(voxels).sum(axis=1) / 3
