"""First yield of a cell that is pulled along an axis, from the strains of the load cases already solved.

A mean stress along one axis alone strains the cell by S e; the strain of a voxel is its mean strain in each load case,
weighted by these. Its von Mises stress, over that of the mean stress, says how far the cell may be loaded: the solid is
linear elastic up to its yield stress, and compression counts as tension does.

Stresses are means over a voxel. At the inner edges of a body of voxels the stress is singular, so the largest one grows
as voxels shrink; that which 1 % of the solid exceeds hardly does, and is given beside it.
"""

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.ranges import Edge, Poisson, Tolerance, within
from voxplore.unitcells import UnitCells, as_voxels

from .constants import Constant
from .elasticity import check_edges
from .element import elastic_element
from .homogenise import Homogenised, homogenise

__all__ = ["STRENGTHS", "first_yield", "peak_stresses", "strength_columns", "von_mises"]

#: Share of the solid beyond the stress that is given beside the largest (our choice).
_BEYOND = 0.01
#: A stiffness below this part of the solid's counts as none (as in `constants`).
_NOTHING = 1e-7
STRENGTHS: tuple[Constant, ...] = (
    *(Constant(f"yield_{a}", f"mean stress along {a} at which the first voxel yields", "the solid's yield stress")
      for a in "xyz"),
    *(Constant(f"yield_1_{a}", f"mean stress along {a} at which 1 % of the solid yields", "the solid's yield stress")
      for a in "xyz"),
    *(Constant(f"concentration_{a}", f"largest von Mises stress over the mean stress of the solid, pull along {a}", "1")
      for a in "xyz"),
)  # fmt: skip


@within
def first_yield(
    voxels: UnitCells | np.ndarray,
    poisson: Poisson = 0.3,
    tolerance: Tolerance = 1e-4,
    edges: tuple[Edge, Edge, Edge] = (1.0, 1.0, 1.0),
) -> np.ndarray:
    """Mean stress at first yield, in the solid's yield stress: (3, 2) of Bool (d, d, d), (n, 3, 2) of more cells.

    Along x, y, z; first where the first voxel yields, second where 1 % of the solid has. 0 where the cell carries
    nothing along the axis.
    """
    cells = as_voxels(voxels)
    check_edges(edges)
    scale = max(edges)
    element = elastic_element(poisson, (edges[0] / scale, edges[1] / scale, edges[2] / scale))
    peaks = np.array(
        [peak_stresses(homogenise(one, element, tolerance, fields=True), element.material) for one in cells]
    )
    found = np.divide(1.0, peaks, out=np.zeros_like(peaks), where=peaks > 0).reshape(-1, 3, 2)
    return found[0] if isinstance(voxels, np.ndarray) and voxels.ndim == 3 else found


def peak_stresses(elastic: Homogenised, material: np.ndarray) -> np.ndarray:
    """Von Mises stress in the solid under a mean stress of 1 along x, y, z: (3, 2), the largest and 99th percentile.

    material: (6, 6) of the solid. 0 where the cell carries nothing along the axis.
    """
    if elastic.gradients is None:
        raise VoxploreError("stresses", expected="a cell solved with its fields", got="none")
    values, vectors = np.linalg.eigh(elastic.tensor)
    firm = values > _NOTHING
    compliance = (vectors[:, firm] / values[firm]) @ vectors[:, firm].T
    peaks = np.zeros((3, 2))
    for axis in range(3):
        mean = elastic.tensor @ compliance[:, axis]
        if len(elastic.gradients) == 0 or abs(mean - np.eye(6)[axis]).max() > 1e-3:
            continue  # some of that stress would meet no resistance
        stress = elastic.gradients @ compliance[:, axis] @ material
        over = np.sort(von_mises(stress))
        peaks[axis] = over[-1], np.quantile(over, 1 - _BEYOND)
    return peaks


def strength_columns(peaks: np.ndarray, relative_density: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of STRENGTHS from the stresses (n, 3, 2) of `peak_stresses` and densities (n,).

    The mean stress of the solid is the cell's over its relative density, so an even stress has a concentration of 1.
    Along an axis on which the cell carries nothing, yields are 0 and the concentration nan.
    """
    carries = peaks > 0
    yields = np.divide(1.0, peaks, out=np.zeros_like(peaks), where=carries)
    concentration = np.where(carries[..., 0], peaks[..., 0] * np.asarray(relative_density)[:, None], np.nan)
    columns = (*yields[..., 0].T, *yields[..., 1].T, *concentration.T)
    return dict(zip((constant.key for constant in STRENGTHS), columns, strict=True))


def von_mises(stress: np.ndarray) -> np.ndarray:
    """Of stresses (..., 6) in Voigt order xx, yy, zz, yz, xz, xy: (...)."""
    x, y, z = np.moveaxis(stress[..., :3], -1, 0)
    shear = (stress[..., 3:] ** 2).sum(-1)
    return np.sqrt(((x - y) ** 2 + (y - z) ** 2 + (z - x) ** 2) / 2 + 3 * shear)
