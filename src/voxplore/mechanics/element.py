"""The 8-node hexahedron on one voxel: stiffness and conductivity matrices by 2 x 2 x 2 Gauss points.

The elastic one has Wilson's nine incompatible modes (u_i += a_ij (1 - xi_j^2), condensed), as the C3D8I of CalculiX:
the trilinear element alone is too stiff in bending and locks as Poisson's ratio nears 1/2. On a box the modes pass the
patch test as they are (Wilson et al. 1973; Taylor, Beresford & Wilson 1976).

A corner (a, b, c) of {0, 1}^3 has index 4 a + 2 b + c. Unknowns are numbered corner by corner. Lengths are in voxel
edges, so a cubic voxel has the edges (1, 1, 1).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from voxplore.kernels.contact import CORNERS

__all__ = ["CORNERS", "Element", "conductive_element", "elastic_element", "isotropic_stiffness"]

RowsOf = Callable[[np.ndarray], np.ndarray]
_GAUSS = (0.5 - 0.5 / np.sqrt(3), 0.5 + 0.5 / np.sqrt(3))


@dataclass(frozen=True, eq=False)
class Element:
    """One element with m load cases and k unknowns a node.

    matrix: float64 (8 k, 8 k). plain: the same without incompatible modes, never softer (see `homogenise`).
    loads: (8 k, m), the nodal forces of each unit mean gradient with the nodes held.
    mean: (m, 8 k), the mean gradient over the element (incompatible modes add none: it is that at the centre).
    material: (m, m), Voigt's stiffness or the conductivity. edges: float64 (3,), of the voxel.
    """

    matrix: np.ndarray
    plain: np.ndarray
    loads: np.ndarray
    mean: np.ndarray
    material: np.ndarray
    edges: np.ndarray

    @property
    def size(self) -> int:
        """Unknowns a node, k."""
        return len(self.matrix) // 8

    def without_modes(self) -> "Element":
        """The plain element."""
        return replace(self, matrix=self.plain)

    @property
    def volume(self) -> float:
        """Of the voxel."""
        return float(self.edges.prod())


def isotropic_stiffness(young: float, poisson: float) -> np.ndarray:
    """(6, 6) in Voigt order xx, yy, zz, yz, xz, xy with engineering shear; same unit as `young`."""
    first = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    shear = young / (2 * (1 + poisson))
    stiffness = np.zeros((6, 6))
    stiffness[:3, :3] = first
    stiffness[range(6), range(6)] += shear * np.array([2, 2, 2, 1, 1, 1])
    return stiffness


def elastic_element(poisson: float, edges: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Element:
    """Linear elasticity with Young's modulus 1: three displacements a node, six load cases (Voigt strains)."""
    material = isotropic_stiffness(1.0, poisson)
    plain = _integrate(material, _strain_rows, edges)
    weight, inner, cross = plain.volume / 8, np.zeros((9, 9)), np.zeros((24, 9))
    for point in itertools.product(_GAUSS, repeat=3):
        rows = _strain_rows(_gradients(np.array(point)) / plain.edges)
        modes = _incompatible_rows(2 * np.array(point) - 1, plain.edges)
        inner += weight * modes.T @ material @ modes
        cross += weight * rows.T @ material @ modes
    matrix = plain.matrix - cross @ np.linalg.solve(inner, cross.T)
    return replace(plain, matrix=(matrix + matrix.T) / 2)


def conductive_element(edges: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Element:
    """Steady conduction with conductivity 1: one temperature a node, three load cases (gradients along x, y, z)."""
    return _integrate(np.eye(3), lambda gradients: gradients.T, edges)


def _integrate(
    material: np.ndarray, rows_of: Callable[[np.ndarray], np.ndarray], edges: tuple[float, float, float]
) -> Element:
    weight = float(np.prod(edges)) / 8
    matrix, loads = np.zeros(()), np.zeros(())
    for point in itertools.product(_GAUSS, repeat=3):
        rows = rows_of(_gradients(np.array(point)) / np.asarray(edges))
        matrix = matrix + weight * rows.T @ material @ rows
        loads = loads + weight * rows.T @ material
    mean = rows_of(_gradients(np.full(3, 0.5)) / np.asarray(edges))
    return Element(matrix, matrix, loads, mean, material, np.array(edges, np.float64))


def _gradients(point: np.ndarray) -> np.ndarray:
    """Gradients of the eight trilinear shape functions at `point` of the unit cube: (8, 3)."""
    factors = np.where(CORNERS == 1, point, 1 - point)
    signs = np.where(CORNERS == 1, 1.0, -1.0)
    others = ((1, 2), (0, 2), (0, 1))
    return np.stack([signs[:, a] * factors[:, b] * factors[:, c] for a, (b, c) in enumerate(others)], axis=1)


def _incompatible_rows(point: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Strains of the nine modes u_i = 1 - xi_j^2, but for a factor, at xi in [-1, 1]^3: (6, 9)."""
    rows = np.zeros((6, 3, 3))
    for i, j in itertools.product(range(3), repeat=2):
        rows[i if i == j else 6 - i - j, i, j] = point[j] / edges[j]
    return rows.reshape(6, 9)


def _strain_rows(gradients: np.ndarray) -> np.ndarray:
    """Strains (Voigt, engineering shear) from the 24 displacements: (6, 24)."""
    rows = np.zeros((6, 8, 3))
    for a in range(3):
        rows[a, :, a] = gradients[:, a]
    for row, (a, b) in enumerate(((1, 2), (0, 2), (0, 1)), start=3):
        rows[row, :, a] = gradients[:, b]
        rows[row, :, b] = gradients[:, a]
    return rows.reshape(6, 24)
