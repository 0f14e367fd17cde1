"""Effective conductivity (heat, electricity, diffusion) of a periodic cell, by the same elements as the stiffness."""

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.ranges import Edge, Modulus, Soft, Tolerance, within
from voxplore.unitcells import UnitCells, as_voxels

from .elasticity import check_edges
from .element import conductive_element
from .homogenise import homogenise

__all__ = ["effective_conductivity"]


@within
def effective_conductivity(
    voxels: UnitCells | np.ndarray,
    conductivity: Modulus = 1.0,
    tolerance: Tolerance = 1e-5,
    void_conductivity: Soft = 0.0,
    edges: tuple[Edge, Edge, Edge] = (1.0, 1.0, 1.0),
) -> np.ndarray:
    """Conductivity (3, 3) of Bool (d, d, d), or (n, 3, 3) of UnitCells or Bool (n, d, d, d); unit of `conductivity`.

    flux = -k gradient. conductivity: of the solid; void_conductivity: of what fills the void.
    edges: lengths of the cell along x, y, z in any unit; only their ratios count.
    """
    cells = as_voxels(voxels)
    if not conductivity > 0 or not 0 <= void_conductivity < np.inf:
        got = f"{conductivity} and {void_conductivity}"
        raise VoxploreError("conductivity", expected="a positive one of the solid, none below 0 in the void", got=got)
    check_edges(edges)
    scale = max(edges)
    element = conductive_element((edges[0] / scale, edges[1] / scale, edges[2] / scale))
    results = [homogenise(cell, element, tolerance, void_conductivity / conductivity).tensor for cell in cells]
    tensors = conductivity * np.array(results).reshape(-1, 3, 3)
    return tensors[0] if isinstance(voxels, np.ndarray) and voxels.ndim == 3 else tensors
