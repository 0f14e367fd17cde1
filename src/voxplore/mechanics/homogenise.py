"""Periodic homogenisation: one linear system, all load cases at once, by preconditioned conjugate gradients.

With K u = -F for the periodic fluctuation u under unit mean gradients, the effective tensor is the energy
C = <material> + (F^T u + u^T F + u^T K u) / V. Written out in full it errs by the square of the error of u, so a
residual of 1e-3 gives about five digits and 1e-5 nine (measured against 1e-8 on trusses, shells and noise).

Contact is by faces (see `kernels.contact`), and solid that does not connect to an image of its own carries nothing: it
is left out before anything is solved.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from voxplore.kernels import carrying, grid_nodes
from voxplore.kernels.stencil import Stencil, advance, lane_products, turn

from .coarse import RigidBlocks
from .element import Element
from .grid import Grid

__all__ = ["MAX_ITERATIONS", "Homogenised", "floor_of", "homogenise", "mean_gradients"]

#: Slender struts need a few hundred iterations; loose noise near the percolation threshold a few thousand.
MAX_ITERATIONS = 5000
#: A load case without load (a full cell) never meets a relative tolerance: a residual an unknown of this part of the
#: largest nodal force of a voxel is rounding, as good as zero.
_FLOOR = 1e-14
#: Below so many nodes the second level costs more than it saves.
_MANY = 500


@dataclass(frozen=True, eq=False)
class Homogenised:
    """tensor: float64 (m, m), for a solid of modulus 1. iterations. residual: the largest relative one reached.

    bound: the energy of the same displacements without incompatible modes, (m, m): an upper bound of what any finer
    mesh of the same voxels gives (minimum of the potential energy); the tensor itself for elements without such modes.
    gradients: float64 (v, m, m), the mean gradient (strain) in each of the v voxels that carry, in C order, under each
    load case; None unless asked for.
    """

    tensor: np.ndarray
    bound: np.ndarray
    iterations: int
    residual: float
    gradients: np.ndarray | None = None


def homogenise(
    voxels: np.ndarray,
    element: Element,
    tolerance: float = 1e-5,
    void: float = 0.0,
    max_iterations: int = MAX_ITERATIONS,
    fields: bool = False,
) -> Homogenised:
    """Effective tensor of the periodic cell Bool (dx, dy, dz).

    tolerance: relative residual at which each load case ends. void: modulus of void in that of the solid.
    fields: also give the gradients in the solid.
    Warns (RuntimeWarning) where max_iterations do not suffice; the tensor is then above that of the mesh.
    """
    cases = len(element.material)
    if void == 0:
        voxels = carrying(voxels)
    density = voxels.mean(dtype=np.float64)
    mean = (density + (1 - density) * void) * element.material
    if density == 0 and void == 0:
        return Homogenised(mean, mean, 0, 0.0, np.zeros((0, cases, cases)) if fields else None)
    grid = Grid.of(voxels, void)
    stencil = grid.stencil(element)
    loads = stencil.zeros()
    loads[..., :cases] = grid.loads(element)
    blocks = None
    if element.size == 3 and len(stencil) > _MANY:
        blocks = RigidBlocks(stencil, grid.places, voxels.shape, element.edges)
    u, iterations, residual = _solve(stencil, loads, blocks, floor_of(element), tolerance, max_iterations)
    if residual > tolerance:
        warnings.warn(
            f"stiffness solver stopped after {iterations} iterations at a residual of {residual:.1e}",
            RuntimeWarning,
            stacklevel=3,
        )
    volume = voxels.size * element.volume
    tensor = mean + _energy(stencil, loads, u)[:cases, :cases] / volume
    bound = tensor
    if element.plain is not element.matrix:
        bound = mean + _energy(grid.stencil(element.without_modes()), loads, u)[:cases, :cases] / volume
    gradients = mean_gradients(u[..., :cases], _corners(voxels, void), element) if fields else None
    return Homogenised(tensor, bound, iterations, residual, gradients)


def mean_gradients(u: np.ndarray, corners: np.ndarray, element: Element) -> np.ndarray:
    """The mean gradient in each element, that of the load case included: float64 (e, m, m), load cases last.

    u: (n, k, m). corners: int (e, 8), nodes of the elements.
    """
    cases = len(element.material)
    rows = element.mean.reshape(cases, 8, element.size)
    total = np.tile(np.eye(cases), (len(corners), 1, 1))
    for corner in range(8):
        total += rows[:, corner] @ u[corners[:, corner]]
    return total


def _corners(voxels: np.ndarray, void: float) -> np.ndarray:
    """The nodes of each solid voxel, numbered as in `Grid`: int64 (v, 8)."""
    return grid_nodes(np.ones_like(voxels) if void > 0 else voxels).elements(voxels)


def floor_of(element: Element) -> float:
    """The residual an unknown that counts as rounding, in the forces of the element."""
    return _FLOOR * float(abs(element.loads).max())


def _energy(stencil: Stencil, loads: np.ndarray, u: np.ndarray) -> np.ndarray:
    """F^T u + u^T F + u^T K u: (lanes, lanes)."""
    product = stencil.zeros()
    stencil.multiply(u, product)
    lanes = u.shape[-1]
    flat_u, flat_loads = u.reshape(-1, lanes), loads.reshape(-1, lanes)
    cross, own = flat_loads.T @ flat_u, flat_u.T @ product.reshape(-1, lanes)
    return cross + cross.T + (own + own.T) / 2


def _solve(
    stencil: Stencil, loads: np.ndarray, blocks: RigidBlocks | None, floor: float, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, int, float]:
    """K u = -loads for every lane: u, iterations, largest relative residual. Jacobi preconditioner.

    Lanes that have met their target stand still (alpha = 0) while the others go on.
    """
    diagonal = stencil.table[:, 13].diagonal(axis1=1, axis2=2)[stencil.kind]
    weights = np.repeat(1 / diagonal[..., None], loads.shape[-1], axis=-1)
    u, q = stencil.zeros(), stencil.zeros()
    r = -loads
    p = weights * r
    rr, rz = lane_products(r, r), lane_products(r, p)
    if blocks:
        y, gain = blocks.solve(r)
        blocks.space.add_prolonged(y, p)
        rz += gain
    norms = np.sqrt(rr)
    target = np.maximum(tolerance * norms, floor * np.sqrt(r[..., 0].size))
    iterations = 0
    while (np.sqrt(rr) > target).any() and iterations < max_iterations:
        stencil.multiply(p, q)
        curvature = lane_products(p, q)
        active = (np.sqrt(rr) > target) & (curvature > 0)
        if not active.any():
            break
        alpha = np.divide(rz, curvature, out=np.zeros_like(rz), where=active)
        rr, new = advance(alpha, p, q, weights, u, r)
        if blocks:
            y, gain = blocks.solve(r)
            new += gain
        turn(np.divide(new, rz, out=np.zeros_like(rz), where=active), r, weights, p)
        if blocks:
            blocks.space.add_prolonged(y, p)
        rz = new
        iterations += 1
    missed = np.sqrt(rr) > target
    residual = float((np.sqrt(rr) / np.maximum(norms, 1e-300))[missed | (norms > target)].max(initial=0.0))
    return u, iterations, residual
