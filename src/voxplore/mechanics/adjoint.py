"""How the effective stiffness changes with the density of each voxel: exact, from the displacements already solved.

With K u = -F, C = <E> material + (F^T u + u^T F + u^T K u) / V is stationary in u, so that its derivative by the
modulus of a voxel is that voxel's own energy at fixed u (the problem is self-adjoint; Bendsoe & Sigmund 2003,
Sec. 2.9). Voxels may be grey: a modulus is void + (1 - void) density^PENALTY of the solid's, and nothing is left out of
the mesh, so that void voxels have a derivative too: what solid put there would carry.

Conjugate gradients on the whole grid; the preconditioner is the same grid of uniform modulus, inverted by FFT.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from .element import CORNERS, Element, elastic_element

__all__ = ["PENALTY", "VOID", "Sensitivity", "grey_stiffness", "stiffness_and_gradient"]

#: Modulus of void in that of the solid, and the exponent of the density (our choices; see docs/metrics.md).
VOID = 1e-3
PENALTY = 1.75
_MOST = 400


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """stiffness: float64 (6, 6), for a solid of modulus 1. gradient: float64 (6, 6, d, d, d), of each voxel's density.

    iterations, residual: of the solver; residual is the largest relative one.
    """

    stiffness: np.ndarray
    gradient: np.ndarray
    iterations: int
    residual: float


def stiffness_and_gradient(density: np.ndarray, poisson: float = 0.3, tolerance: float = 1e-3) -> Sensitivity:
    """Stiffness of the periodic cell of densities float (d, d, d), 0 to 1, and its derivative by each of them.

    Voigt order xx, yy, zz, yz, xz, xy, engineering shear. The stiffness errs by the square of the tolerance, the
    gradient by the tolerance. Memory: about 1.3 kB a voxel.
    """
    density = np.asarray(density, np.float64)
    modulus = VOID + (1 - VOID) * density**PENALTY
    element = elastic_element(poisson)
    u, iterations, residual = _solve(modulus, element, tolerance)
    energy = _energies(u, element)  # of each voxel, were its modulus 1
    stiffness = np.einsum("xyz,ijxyz->ij", modulus, energy)
    slope = (1 - VOID) * PENALTY * density ** (PENALTY - 1)
    return Sensitivity(stiffness, slope * energy, iterations, residual)


def grey_stiffness(density: np.ndarray, poisson: float = 0.3, tolerance: float = 1e-3) -> np.ndarray:
    """The stiffness of `stiffness_and_gradient` alone: float64 (6, 6)."""
    density = np.asarray(density, np.float64)
    modulus = VOID + (1 - VOID) * density**PENALTY
    element = elastic_element(poisson)
    u, _, _ = _solve(modulus, element, tolerance)
    cross = np.einsum("mkxyz,nkxyz->mn", _forces(modulus, element), u)
    own = np.einsum("mkxyz,nkxyz->mn", u, _product(u, modulus, element))
    return modulus.mean() * element.material + (cross + cross.T + own) / modulus.size


def _energies(u: np.ndarray, element: Element) -> np.ndarray:
    """Energy of each voxel of modulus 1 over the cell's volume, for each pair of load cases: (6, 6, d, d, d)."""
    own = _gathered(u)  # (6, 24, d^3)
    shape, volume = u.shape[2:], own.shape[-1]
    cross = np.einsum("ai,jav->ijv", element.loads, own)
    stretched = np.matmul(element.matrix, own)
    both = np.einsum("iav,jav->ijv", own, stretched, optimize=True)
    total = element.material[:, :, None] + cross + cross.transpose(1, 0, 2) + both
    return (total / volume).reshape(6, 6, *shape)


def _gathered(u: np.ndarray) -> np.ndarray:
    """Displacements (m, 3, d, d, d) of nodes -> those of the eight corners of each voxel: (m, 24, d^3)."""
    parts = [np.roll(u, tuple(-corner), (2, 3, 4)) for corner in CORNERS]
    return np.stack(parts, axis=1).reshape(len(u), 24, -1)


def _scattered(forces: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Forces (m, 24, d^3) on the corners of voxels -> on nodes: (m, 3, d, d, d)."""
    parts = forces.reshape(len(forces), 8, 3, *shape)
    total = np.zeros((len(forces), 3, *shape))
    for index, corner in enumerate(CORNERS):
        total += np.roll(parts[:, index], tuple(corner), (2, 3, 4))
    return total


def _forces(modulus: np.ndarray, element: Element) -> np.ndarray:
    """Nodal forces of the six load cases: (6, 3, d, d, d)."""
    return _scattered(element.loads.T[:, :, None] * modulus.ravel(), modulus.shape)


def _product(u: np.ndarray, modulus: np.ndarray, element: Element) -> np.ndarray:
    return _scattered(np.matmul(element.matrix, _gathered(u)) * modulus.ravel(), u.shape[2:])


def _solve(modulus: np.ndarray, element: Element, tolerance: float) -> tuple[np.ndarray, int, float]:
    """K u = -F of the six load cases: u (6, 3, d, d, d), iterations, largest relative residual."""
    r = -_forces(modulus, element)
    inverse = _uniform_inverse(modulus.shape, element)
    norms = np.sqrt(_inner(r, r))
    target = np.maximum(tolerance * norms, 1e-13 * np.sqrt(r[0].size))
    u, z = np.zeros_like(r), _preconditioned(r, inverse)
    p, rz, iterations = z.copy(), _inner(r, z), 0
    while iterations < _MOST and (np.sqrt(_inner(r, r)) > target).any():
        q = _product(p, modulus, element)
        curvature = _inner(p, q)
        active = (np.sqrt(_inner(r, r)) > target) & (curvature > 0)
        alpha = np.divide(rz, curvature, out=np.zeros(6), where=active)[:, None, None, None, None]
        u += alpha * p
        r -= alpha * q
        z = _preconditioned(r, inverse)
        new = _inner(r, z)
        p = z + np.divide(new, rz, out=np.zeros(6), where=active & (rz > 0))[:, None, None, None, None] * p
        rz, iterations = new, iterations + 1
    left = np.sqrt(_inner(r, r))
    residual = float(np.where(norms > target, left / np.maximum(norms, 1e-300), 0).max())
    return u, iterations, residual


def _inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("mkxyz,mkxyz->m", a, b)


def _uniform_inverse(shape: tuple[int, ...], element: Element) -> np.ndarray:
    """Inverse of the grid of modulus 1, frequency by frequency: complex (d, d, d // 2 + 1, 3, 3), 0 for the mean."""
    impulses = np.zeros((3, 3, *shape))
    impulses[range(3), range(3), 0, 0, 0] = 1
    columns = np.asarray(scipy.fft.rfftn(_product(impulses, np.ones(shape), element), axes=(2, 3, 4)))
    matrix = np.moveaxis(columns, (0, 1), (4, 3))
    matrix[0, 0, 0] = np.eye(3)
    inverse = np.linalg.inv(matrix)
    inverse[0, 0, 0] = 0
    return inverse


def _preconditioned(r: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """The residual (m, 3, d, d, d) times the inverse of the uniform grid."""
    spectrum = np.asarray(scipy.fft.rfftn(r, axes=(2, 3, 4)))
    solved = np.einsum("xyzab,mbxyz->maxyz", inverse, spectrum)
    return np.asarray(scipy.fft.irfftn(solved, r.shape[2:], axes=(2, 3, 4)))
