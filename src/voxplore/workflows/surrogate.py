"""From voxels to stiffness and conductivity for little: the pooled, grey cell is solved and its numbers are corrected.

A cell pooled to 16^3 voxels of graded density has a twenty-seventh of the unknowns of one of 48^3. What it misses (thin
walls count as grey, gaps are bridged) is corrected by linear regression on the cells that were solved (our choices).
Used only to choose which drawn cells are worth solving; `experiments/surrogate.py` measures it on cells not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from voxplore.mechanics import derived, stiffness_of
from voxplore.mechanics.adjoint import grey_stiffness
from voxplore.mechanics.properties import CONDUCTIVITY_COLUMNS, STIFFNESS_COLUMNS
from voxplore.parallel import map_items
from voxplore.unitcells import UnitCells, unpack

__all__ = ["Surrogate", "pooled", "r_squared"]

#: Pooled voxels along an edge, at most, and the relative residual at which the grey cell is solved.
_GRID, _TOLERANCE = 16, 0.1
#: Least eigenvalue of a predicted stiffness, as a share of its largest.
_LEAST = 0.005
_ROWS, _COLUMNS = np.triu_indices(6)
_SHEAR = {"xy": 5, "xz": 4, "yz": 3}

#: Numbers of one kind share their weights: the cube's axes are alike.
_KINDS = {
    "normal": [k for k in range(21) if _ROWS[k] == _COLUMNS[k] < 3],
    "across": [k for k in range(21) if _ROWS[k] < _COLUMNS[k] < 3],
    "shear": [k for k in range(21) if _ROWS[k] == _COLUMNS[k] >= 3],
    "coupling": [k for k in range(21) if _COLUMNS[k] >= 3 and _ROWS[k] != _COLUMNS[k]],
    "flow": [21 + k for k, name in enumerate(CONDUCTIVITY_COLUMNS) if name[-1] == name[-2]],
    "flow across": [21 + k for k, name in enumerate(CONDUCTIVITY_COLUMNS) if name[-1] != name[-2]],
}
#: Kinds that are 0 in a cell with mirror planes: nothing but the grey cell's own number tells their sign.
_SIGNED = ("coupling", "flow across")


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A fitted regression: weights float64 (m,) of each kind of number. `fit` makes one."""

    weights: dict[str, np.ndarray]

    @classmethod
    def fit(cls, cells: UnitCells, columns: Mapping[str, np.ndarray], workers: int | None = None) -> "Surrogate":
        """From n cells and their solved columns; the error of each number counts in units of the cell's density."""
        density, designs = _designs(cells, workers)
        wanted = np.stack([columns[name] for name in (*STIFFNESS_COLUMNS, *CONDUCTIVITY_COLUMNS)])
        unit = density.clip(1e-3)
        weights = {}
        for kind, numbers in _KINDS.items():
            rows = (designs[kind] / unit[:, None]).reshape(-1, designs[kind].shape[-1])
            weights[kind] = np.linalg.lstsq(rows, (wanted[numbers] / unit).ravel(), rcond=1e-6)[0]
        return cls(weights)

    def predict(self, cells: UnitCells, workers: int | None = None) -> dict[str, np.ndarray]:
        """Columns of n cells: density, stiffness, conductivity and the constants derived from them."""
        density, designs = _designs(cells, workers)
        numbers = np.empty((27, len(cells)))
        for kind, rows in _KINDS.items():
            numbers[rows] = designs[kind] @ self.weights[kind]
        stiffness = _definite(stiffness_of(dict(zip(STIFFNESS_COLUMNS, numbers[:21], strict=True))))
        numbers[:21] = stiffness[:, _ROWS, _COLUMNS].T
        names = (*STIFFNESS_COLUMNS, *CONDUCTIVITY_COLUMNS)
        columns = dict(zip(names, numbers, strict=True)) | {"relative_density": density}
        return columns | derived(stiffness, density)


def _definite(stiffness: np.ndarray) -> np.ndarray:
    """Tensors (n, 6, 6) with every eigenvalue at least a share of the largest, as no regression promises."""
    values, vectors = np.linalg.eigh(stiffness)
    least = _LEAST * values[:, -1:].clip(1e-9)
    return np.einsum("nik,nk,njk->nij", vectors, np.maximum(values, least), vectors)


def pooled(voxels: np.ndarray) -> np.ndarray:
    """Bool (d, d, d) -> densities float64 (g, g, g) of its blocks, g the largest divisor of d up to 16."""
    d = len(voxels)
    grid = max(g for g in range(1, _GRID + 1) if d % g == 0)
    edge = d // grid
    return voxels.reshape(grid, edge, grid, edge, grid, edge).mean((1, 3, 5))


def r_squared(predicted: np.ndarray, solved: np.ndarray) -> float:
    """1 - squared differences over those from the mean, over finite pairs; nan where there is no spread."""
    finite = np.isfinite(predicted) & np.isfinite(solved)
    spread = ((solved[finite] - solved[finite].mean()) ** 2).sum() if finite.any() else 0.0
    return float(1 - ((predicted[finite] - solved[finite]) ** 2).sum() / spread) if spread > 0 else float("nan")


def _designs(cells: UnitCells, workers: int | None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Relative densities (n,), and for each kind the inputs of the regression (numbers of the kind, n, m)."""
    density = cells.relative_density()
    found = list(
        map_items(partial(_grey, resolution=cells.resolution), list(np.asarray(cells.packed)), workers=workers)
    )
    tensors = np.array([tensor for tensor, _ in found]).reshape(-1, 6, 6)
    shapes = np.array([shape for _, shape in found]).reshape(len(density), 6).T
    grey, shares = shapes[:4], shapes[4:] / density.clip(1e-3)
    own = _own_numbers(tensors)
    means = [own[_KINDS[kind]].mean(0) for kind in ("normal", "across", "shear")]
    designs = {}
    for kind, numbers in _KINDS.items():
        parts = [own[numbers] * factor for factor in (np.ones_like(density), density, *shares)]
        if kind not in _SIGNED:
            common = [density, density**2, *grey, *shares * density, *(means if kind == "flow" else ())]
            parts += [np.broadcast_to(column, own[numbers].shape) for column in common]
        designs[kind] = np.stack(parts, axis=-1)
    return density, designs


def _grey(packed: np.ndarray, resolution: int) -> tuple[np.ndarray, list[float]]:
    """Stiffness (6, 6) of the pooled cell; how grey it is (shares full and touched, means of powers), and the shares of
    the cell that are gaps up to four voxels wide and walls up to two voxels thick."""
    voxels = unpack(packed[None], resolution)[0]
    density = pooled(voxels)
    shape = [(density >= 0.99).mean(), (density > 0).mean(), (density**2).mean(), np.sqrt(density).mean()]
    gaps = ~_grown(~_grown(voxels, 2), 2)
    thick = _grown(~_grown(~voxels, 1), 1)
    shape += [(gaps & ~voxels).mean(), (voxels & ~thick).mean()]
    return grey_stiffness(density, tolerance=_TOLERANCE), [float(value) for value in shape]


def _grown(solid: np.ndarray, steps: int) -> np.ndarray:
    """Bool (d, d, d) grown by so many voxels along x, y and z, periodic."""
    for _ in range(steps):
        for axis in range(3):
            solid = solid | np.roll(solid, 1, axis) | np.roll(solid, -1, axis)
    return solid


def _own_numbers(tensors: np.ndarray) -> np.ndarray:
    """What the grey cell has in place of each of the 27 numbers: (27, n). A conductivity stands with the stiffness
    along the same axis, one across axes with the coupling of extension to that shear."""
    own = [tensors[:, i, j] for i, j in zip(_ROWS, _COLUMNS, strict=True)]
    for name in CONDUCTIVITY_COLUMNS:
        axes = name[-2:]
        if axes[0] == axes[1]:
            axis = "xyz".index(axes[0])
            own.append(tensors[:, axis, axis])
        else:
            own.append(tensors[:, :3, _SHEAR[axes]].sum(1))
    return np.stack(own)
