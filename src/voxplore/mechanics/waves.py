"""Speeds of waves that are long against the cell, by Christoffel's equation.

A plane wave along n with the displacement a has a speed c with (C_ijkl n_j n_l - rho c^2 delta_ik) a_k = 0: three
speeds for each direction. C is the effective stiffness, rho the mean density of the cell: relative density times the
solid's.
"""

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.ranges import Modulus, within

__all__ = ["wave_speeds"]

#: Number of the entry (i, j) of a strain in Voigt order.
_VOIGT = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])


@within
def wave_speeds(
    stiffness: np.ndarray, relative_density: float | np.ndarray, directions: np.ndarray, density: Modulus = 1.0
) -> np.ndarray:
    """Speeds of the three waves, the slowest first: stiffness (6, 6) or (n, 6, 6), directions (m, 3) -> (..., m, 3).

    relative_density: of the cell or (n,). density: of the solid. Unit: square root of that of stiffness / density. A
    motion without resistance has the speed 0; a cell without solid has no waves, only nan.
    """
    c = np.asarray(stiffness, np.float64)
    unit = np.asarray(directions, np.float64)
    if c.shape[-2:] != (6, 6) or unit.shape[-1:] != (3,) or not density > 0:
        got = f"{c.shape}, {unit.shape} and {density}"
        raise VoxploreError("waves", expected="(..., 6, 6), directions (m, 3) and a positive density", got=got)
    unit = unit / np.linalg.norm(unit, axis=-1, keepdims=True)
    full = c[..., _VOIGT[:, :, None, None], _VOIGT]
    acoustic = np.einsum("...ijkl,mj,ml->...mik", full, unit, unit)
    mean = np.broadcast_to(density * np.asarray(relative_density, np.float64), c.shape[:-2])[..., None, None]
    squared = np.maximum(np.linalg.eigvalsh(acoustic), 0)
    return np.sqrt(np.divide(squared, mean, out=np.full(squared.shape, np.nan), where=mean > 0))
