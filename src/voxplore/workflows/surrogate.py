"""From voxels to stiffness without solving: ridge regression on pooled voxels and descriptors of their geometry.

Used only to choose which drawn cells are worth solving; its R^2 on cells it has not seen is reported beside.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from voxplore.mechanics import derived, stiffness_of
from voxplore.mechanics.properties import CONDUCTIVITY_COLUMNS, STIFFNESS_COLUMNS
from voxplore.unitcells import UnitCells

__all__ = ["Surrogate", "features", "r_squared"]

_NUMBERS = (*STIFFNESS_COLUMNS, *CONDUCTIVITY_COLUMNS)
#: Pooled voxels an edge, principal components kept of them, and ridge penalties tried by leave-one-out (our choices).
_GRID, _COMPONENTS = 12, 48
_PENALTIES = tuple(10.0**k for k in range(-3, 5))


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A fitted regression; `fit` makes one, `predict` gives columns as `properties_of` does."""

    centre: np.ndarray
    axes: np.ndarray
    scale: tuple[np.ndarray, np.ndarray]
    weights: np.ndarray

    @classmethod
    def fit(cls, cells: UnitCells, columns: Mapping[str, np.ndarray]) -> "Surrogate":
        """From n cells and their solved columns. Numbers are learnt in units of the density (our choice)."""
        raw, density = features(cells), cells.relative_density()
        pooled = raw[:, : _GRID**3]
        centre = pooled.mean(0)
        _, _, axes = np.linalg.svd(pooled - centre, full_matrices=False)
        axes = axes[: min(_COMPONENTS, len(cells) // 4)]
        inputs = _quadratic((pooled - centre) @ axes.T, raw[:, _GRID**3 :])
        mean, deviation = inputs.mean(0), inputs.std(0) + 1e-9
        design = np.column_stack([np.ones(len(inputs)), (inputs - mean) / deviation])
        wanted = np.stack([columns[name] for name in _NUMBERS], axis=1) / density[:, None].clip(1e-3)
        return cls(centre, axes, (mean, deviation), _ridge(design, wanted))

    def predict(self, cells: UnitCells) -> dict[str, np.ndarray]:
        """Columns of n cells: density, stiffness, conductivity and the constants derived from them."""
        raw, density = features(cells), cells.relative_density()
        inputs = _quadratic((raw[:, : _GRID**3] - self.centre) @ self.axes.T, raw[:, _GRID**3 :])
        design = np.column_stack([np.ones(len(inputs)), (inputs - self.scale[0]) / self.scale[1]])
        numbers = (design @ self.weights) * density[:, None]
        columns = dict(zip(_NUMBERS, numbers.T, strict=True)) | {"relative_density": density}
        return columns | derived(stiffness_of(columns), density)


def features(cells: UnitCells) -> np.ndarray:
    """Descriptors of cells that do not move with a shift of the cell, after _GRID^3 pooled densities: float64 (n, m).

    Pooled densities: moduli of the Fourier transform, so that they do not either. Descriptors: density, its powers,
    surface a voxel, and the share of pairs of solid voxels at distances of 2 to 8 voxels along and across the axes.
    """
    parts = [np.zeros((0, 0))] if not len(cells) else []
    for voxels in cells.batches(64):
        solid = voxels.astype(np.float32)
        spectrum = abs(np.fft.fftn(solid, axes=(1, 2, 3)))[:, :_GRID, :_GRID, :_GRID] / solid[0].size
        density = solid.mean((1, 2, 3))
        parts.append(np.column_stack([spectrum.reshape(len(voxels), -1), _descriptors(voxels, density)]))
    return np.concatenate(parts).astype(np.float64)


def _descriptors(voxels: np.ndarray, density: np.ndarray) -> np.ndarray:
    d = voxels.shape[-1]
    steps = [(s * d // 48 or 1) for s in (1, 2, 4, 6, 8, 12)]
    ways = [np.array(way) for way in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0))]
    ways += [
        np.array(way) for way in ((0, 1, -1), (1, 0, -1), (1, -1, 0), (1, 1, 1), (1, -1, 1), (1, 1, -1), (1, -1, -1))
    ]
    pairs = [
        (voxels & np.roll(voxels, tuple(step * way), (1, 2, 3))).mean((1, 2, 3)) / density.clip(1e-3)
        for way in ways
        for step in steps
    ]
    lines = [voxels.mean(axis).reshape(len(voxels), -1) for axis in (1, 2, 3)]
    straight = [(line >= 0.98).mean(1) / density.clip(1e-3) for line in lines]
    sheets = [voxels.mean(axes).std(1) for axes in ((2, 3), (1, 3), (1, 2))]
    return np.column_stack([density, density**2, np.sqrt(density), *pairs, *straight, *sheets])


def r_squared(predicted: np.ndarray, solved: np.ndarray) -> float:
    """1 - squared differences over those from the mean, over finite pairs; nan where there is no spread."""
    finite = np.isfinite(predicted) & np.isfinite(solved)
    spread = ((solved[finite] - solved[finite].mean()) ** 2).sum() if finite.any() else 0.0
    return float(1 - ((predicted[finite] - solved[finite]) ** 2).sum() / spread) if spread > 0 else float("nan")


def _quadratic(pooled: np.ndarray, descriptors: np.ndarray) -> np.ndarray:
    """Inputs with their squares and products with the density, the first descriptor."""
    density = descriptors[:, :1]
    return np.concatenate([pooled, descriptors, descriptors**2, descriptors * density, pooled * density], axis=1)


def _ridge(design: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Weights by ridge regression, its penalty the one of least leave-one-out error (Golub, Heath & Wahba 1979)."""
    left, size, right = np.linalg.svd(design, full_matrices=False)
    projected = left.T @ wanted
    best, least = np.zeros(()), np.inf
    for penalty in _PENALTIES:
        shrink = size**2 / (size**2 + penalty)
        hat = (left**2 * shrink).sum(1).clip(max=1 - 1e-6)
        error = float((((wanted - left @ (shrink[:, None] * projected)) / (1 - hat)[:, None]) ** 2).mean(0).sum())
        if error < least:
            best, least = right.T @ ((size / (size**2 + penalty))[:, None] * projected), error
    return best
