"""Phononic bands of a cell: frequencies of Bloch waves u(x) = exp(i k x) v(x), v periodic, and the gaps between them.

The elements, nodes and rule of contact are those of the stiffness; the mass is consistent. Where an element reaches
across the seam of the cell, its couplings carry the factor exp(i k) of the image that they reach: K(k) and M(k) are
sums of one sparse matrix for each image, made once. The lowest eigenvalues of K v = w^2 M v are found by Lanczos's
method on (K + s M)^-1 M, factorised once a wavevector.

Frequencies are w a / (2 pi c): a is the longest edge of the cell, c = sqrt(young / density) of the solid.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from voxplore.errors import VoxploreError
from voxplore.kernels import carrying, grid_nodes
from voxplore.ranges import BandNumber, Edge, Poisson, Soft, Steps, within

from .elasticity import check_edges
from .element import CORNERS, elastic_element

__all__ = ["Bands", "band_structure", "zone_path"]

#: Corners of the zone of a cubic lattice, in periods of the reciprocal lattice, and the way between them.
_CORNERS = {"G": (0.0, 0.0, 0.0), "X": (0.5, 0.0, 0.0), "M": (0.5, 0.5, 0.0), "R": (0.5, 0.5, 0.5)}
_WAY = "GXMRG"
#: w^2 by which K is shifted so that rigid motions can be factorised, relative to that of a wave as long as the cell.
_SHIFT = 1e-2
#: A gap below this part of its middle is a crossing that was sampled coarsely (our choice).
_LEAST_GAP = 0.01


@dataclass(frozen=True, eq=False)
class Bands:
    """wavevectors: float64 (m, 3), in periods of the reciprocal lattice (1/2 is the edge of the zone).

    frequencies: float64 (m, b), ascending, in c / a (see the module).
    """

    wavevectors: np.ndarray
    frequencies: np.ndarray

    @property
    def gaps(self) -> np.ndarray:
        """Gaps at all wavevectors sampled: float64 (g, 2), lower and upper edge, the lowest first."""
        lower, upper = self.frequencies.max(0)[:-1], self.frequencies.min(0)[1:]
        open_ = upper - lower > _LEAST_GAP * (upper + lower) / 2
        return np.stack([lower[open_], upper[open_]], axis=1)


@within
def zone_path(steps: Steps = 4, turned: bool = False) -> np.ndarray:
    """Wavevectors along G-X-M-R-G, `steps` a leg: float64 (4 steps + 1, 3).

    That suffices for a cell with the symmetry of the cube. turned: also with the axes in their two other cyclic orders.
    """
    legs = [np.array([_CORNERS[a], _CORNERS[b]]) for a, b in itertools.pairwise(_WAY)]
    points = [start + (end - start) * k / steps for start, end in legs for k in range(steps)]
    path = np.array([*points, _CORNERS[_WAY[-1]]])
    return np.concatenate([path[:, np.roll(range(3), k)] for k in range(3)]) if turned else path


@within
def band_structure(
    voxels: np.ndarray,
    wavevectors: np.ndarray,
    bands: BandNumber = 12,
    poisson: Poisson = 0.3,
    edges: tuple[Edge, Edge, Edge] = (1.0, 1.0, 1.0),
    void_young: Soft = 0.0,
    void_density: Soft = 0.0,
) -> Bands:
    """The lowest `bands` of the periodic cell Bool (dx, dy, dz) at wavevectors (m, 3).

    void_young, void_density: of a second phase in the void (same Poisson's ratio), in those of the solid; both or
    neither. Solid that floats is left out. Memory and time grow fast with the voxels: 24^3 takes 2 to 5 s a
    wavevector. VoxploreError where the cell has nothing that carries.
    """
    check_edges(edges)
    if (void_young > 0) != (void_density > 0):
        got = f"{void_young} and {void_density}"
        raise VoxploreError("second phase", expected="a modulus and a density, or neither", got=got)
    solid = carrying(voxels) if void_young == 0 else np.asarray(voxels, bool)
    if not solid.any() and void_young == 0:
        raise VoxploreError("cell for bands", expected="solid that spans it", got="none")
    stiffness, mass = _images(solid, poisson, np.array(edges) / max(edges), void_young, void_density)
    size = next(iter(stiffness.values())).shape[0]
    if not 1 <= bands < size - 1:
        raise VoxploreError("bands", expected=f"1 to {size - 2}, for so few voxels", got=str(bands))
    k = np.asarray(wavevectors, np.float64).reshape(-1, 3)
    squared = np.array([_lowest(_at(stiffness, one), _at(mass, one), bands) for one in k])
    return Bands(k, np.sqrt(np.maximum(squared, 0)) / (2 * np.pi))


def _images(
    solid: np.ndarray, poisson: float, edges: np.ndarray, void_young: float, void_density: float
) -> tuple[dict, dict]:
    """Stiffness and mass (CSR) by the image (x, y, z), each -1 to 1, that their couplings reach."""
    meshed = np.ones_like(solid) if void_young > 0 else solid
    nodes, spacing = grid_nodes(meshed), edges / solid.shape
    numbers, places = nodes.elements(meshed), np.argwhere(meshed)
    x, y, z = spacing
    element = elastic_element(poisson, (x, y, z))
    inside = solid[meshed]
    moduli, densities = np.where(inside, 1.0, void_young), np.where(inside, 1.0, void_density)
    blocks = element.matrix.reshape(8, 3, 8, 3), _consistent_mass(element.volume).reshape(8, 3, 8, 3)
    over = places[:, None, :] + CORNERS >= np.array(solid.shape)  # (e, 8, 3): past the seam
    parts: tuple[dict, dict] = {}, {}
    size = 3 * len(nodes)
    for i, j in itertools.product(range(8), repeat=2):
        image = over[:, j].astype(int) - over[:, i]
        for step in np.unique(image, axis=0):
            here = (image == step).all(1)
            for out, block, weight in zip(parts, blocks, (moduli, densities), strict=True):
                rows, columns, values = out.setdefault(tuple(step.tolist()), ([], [], []))
                a, b = np.nonzero(block[i, :, j])
                rows.append((3 * numbers[here, i][:, None] + a).ravel())
                columns.append((3 * numbers[here, j][:, None] + b).ravel())
                values.append((weight[here][:, None] * block[i, a, j, b]).ravel())
    stiffness, mass = (
        {
            step: scipy.sparse.coo_matrix(
                (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (size, size)
            ).tocsr()
            for step, (rows, columns, values) in part.items()
        }
        for part in parts
    )
    return stiffness, mass


def _consistent_mass(volume: float) -> np.ndarray:
    """Of one element of density 1: (24, 24). A product of the masses 1/3, 1/6 of linear elements along each axis."""
    same = CORNERS[:, None, :] == CORNERS[None, :, :]
    return volume * np.kron(np.where(same, 1 / 3, 1 / 6).prod(-1), np.eye(3))


def _at(images: dict, wavevector: np.ndarray) -> scipy.sparse.csc_matrix:
    total = sum(np.exp(2j * np.pi * np.dot(wavevector, step)) * matrix for step, matrix in images.items())
    return total.tocsc()  # pyright: ignore


def _lowest(stiffness: scipy.sparse.csc_matrix, mass: scipy.sparse.csc_matrix, bands: int) -> np.ndarray:
    """The lowest squared frequencies, ascending: (bands,). From a fixed start, so that a run repeats."""
    shift = _SHIFT * (2 * np.pi) ** 2
    solve = scipy.sparse.linalg.splu(
        (stiffness + shift * mass).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    ).solve
    operator = scipy.sparse.linalg.LinearOperator(stiffness.shape, solve, dtype=complex)  # pyright: ignore
    start = np.random.default_rng(0).normal(size=len(mass.indptr) - 1).astype(complex)
    values = scipy.sparse.linalg.eigsh(
        stiffness,
        bands,
        M=mass,
        sigma=-shift,
        OPinv=operator,
        v0=start,
        return_eigenvectors=False,
        tol=1e-6,  # pyright: ignore
    )
    return np.sort(values)
