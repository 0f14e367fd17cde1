"""Effective 6 x 6 stiffness of a periodic cell of solid and void, by finite elements on its voxels."""

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.ranges import Edge, Modulus, Poisson, Soft, Tolerance, within
from voxplore.unitcells import UnitCells, as_voxels

from .element import elastic_element
from .homogenise import homogenise

__all__ = ["effective_stiffness"]


@within
def effective_stiffness(
    voxels: UnitCells | np.ndarray,
    young: Modulus = 1.0,
    poisson: Poisson = 0.3,
    tolerance: Tolerance = 1e-5,
    void_young: Soft = 0.0,
    edges: tuple[Edge, Edge, Edge] = (1.0, 1.0, 1.0),
) -> np.ndarray:
    """Stiffness (6, 6) of Bool (d, d, d), or (n, 6, 6) of UnitCells or Bool (n, d, d, d); unit of `young`.

    Voigt order xx, yy, zz, yz, xz, xy, engineering shear: stress = C strain. young, poisson: of the solid.
    tolerance: relative residual of the solver; the stiffness errs by far less (see `homogenise`).
    void_young: Young's modulus of the void, for a second phase (same Poisson's ratio).
    edges: lengths of the cell along x, y, z in any unit; only their ratios count.

    Each voxel is one 8-node hexahedron with incompatible modes (C3D8I); voxels that share no face are not joined. Steps
    of one voxel are coarse for a mesh: slender cells at 48^3 come out some per cent stiffer than with the same voxels
    cut in eight (`properties_of` estimates it for each cell).
    """
    cells = as_voxels(voxels)
    _check(young, poisson, void_young)
    check_edges(edges)
    scale = max(edges)
    element = elastic_element(poisson, (edges[0] / scale, edges[1] / scale, edges[2] / scale))
    results = [homogenise(cell, element, tolerance, void_young / young).tensor for cell in cells]
    stiffness = young * np.array(results).reshape(-1, 6, 6)
    return stiffness[0] if isinstance(voxels, np.ndarray) and voxels.ndim == 3 else stiffness


def check_edges(edges: tuple[float, float, float]) -> None:
    """Raise VoxploreError unless `edges` are three positive lengths."""
    if len(edges) != 3 or not all(edge > 0 and np.isfinite(edge) for edge in edges):
        raise VoxploreError("edges", expected="three positive lengths", got=str(edges))


def _check(young: float, poisson: float, void_young: float) -> None:
    if not young > 0:
        raise VoxploreError("young", expected="a positive modulus", got=str(young))
    if not -1 < poisson < 0.5:
        raise VoxploreError("poisson", expected="a ratio above -1 and below 0.5", got=str(poisson))
    if not 0 <= void_young <= young:
        raise VoxploreError("void_young", expected="a modulus from 0 to young", got=str(void_young))
