"""The fixed list of descriptors by which benchmark v2 compares the shapes of two sets of cells (our choice).

None of them changes when a cell is shifted periodically, turned or mirrored, but for the three that look at the box:
symmetry, periodicity and connectivity in the box. The relative density is not one of them: cells are compared at equal
density (`matching`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from voxplore import kernels
from voxplore.kernels.distance import squared_distance
from voxplore.unitcells import UnitCells

from . import quality
from .neighbours import Cells, as_cells
from .rows import open_voxels

__all__ = ["DESCRIPTORS", "SHAPE", "Descriptor", "descriptors"]

#: Standard deviation of the smoothing before normals are taken, in voxels: a step of one voxel then is no edge.
SMOOTHING = 1.0
#: Below this part of the ridge's mean thickness a ridge voxel lies in a thin part.
THIN = 0.5
#: Where the gradient is below this, in 1 / voxel, its direction is no normal.
_LEAST_GRADIENT = 0.1
_CHUNK = 32


@dataclass(frozen=True)
class Descriptor:
    """One number of a cell. unit: "1" for a share or a ratio; "edge" is the cell edge."""

    key: str
    unit: str
    meaning: str


DESCRIPTORS: tuple[Descriptor, ...] = (
    Descriptor("ridge_cv", "1", "coefficient of variation of the solid's thickness on the ridge of its distance"),
    Descriptor("ridge_p05", "edge", "5th percentile of that thickness"),
    Descriptor("ridge_mean", "edge", "mean of that thickness"),
    Descriptor("thin_share", "1", "share of the ridge thinner than half its mean"),
    Descriptor("pore_cv", "1", "coefficient of variation of the void's thickness on the ridge of its distance"),
    Descriptor("pore_mean", "edge", "mean of that thickness"),
    Descriptor("curvature_mean", "1 / edge", "mean curvature of the surface, area average, positive where convex"),
    Descriptor("curvature_spread", "1 / edge", "its standard deviation over the surface"),
    Descriptor("surface", "1 / edge", "surface area per volume of the cell"),
    Descriptor("opened_share", "1", "share of the solid that a one-voxel opening removes"),
    Descriptor("closed_share", "1", "share of the void that a one-voxel closing fills"),
    Descriptor("euler", "1", "Euler characteristic of the periodic solid: pieces - handles + cavities"),
    Descriptor("symmetry", "1", "central symmetry, Eq. 12"),
    Descriptor("periodicity", "1", "agreement of opposite faces, Eq. 13"),
    Descriptor("connectivity_in_box", "1", "share of the solid in the largest piece, cut out of the lattice"),
)

#: The descriptors that no shift of the cell changes: all but those of the box.
SHAPE: tuple[str, ...] = tuple(each.key for each in DESCRIPTORS[:-3])


def descriptors(cells: Cells, threads: int | None = None) -> dict[str, np.ndarray]:
    """Each of DESCRIPTORS of n cells: key -> float64 (n,). Empty and full cells have 0 for all that needs a surface."""
    cells = as_cells(cells)
    starts = range(0, len(cells), _CHUNK)
    parts = list(kernels.map_threads(lambda start: _of_part(cells.part(start, start + _CHUNK)), starts, threads))
    return {each.key: np.concatenate([np.zeros(0), *(part[each.key] for part in parts)]) for each in DESCRIPTORS}


def _of_part(part: UnitCells) -> dict[str, np.ndarray]:
    voxels = part.voxels()
    found = quality.components(part)
    rows = [_of_cell(cell) for cell in voxels]
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    solid, void = (np.maximum(np.count_nonzero(x, axis=(1, 2, 3)), 1) for x in (voxels, ~voxels))
    return columns | {
        "opened_share": np.count_nonzero(voxels & ~open_voxels(voxels), axis=(1, 2, 3)) / solid,
        "closed_share": np.count_nonzero(~voxels & ~open_voxels(~voxels), axis=(1, 2, 3)) / void,
        "euler": _euler(voxels),
        "symmetry": quality.symmetry(part),
        "periodicity": quality.periodicity(part),
        "connectivity_in_box": found.largest_in_box / np.maximum(found.solid, 1),
    }


def _of_cell(cell: np.ndarray) -> dict[str, float]:
    """Thickness and curvature of one cell Bool (d, d, d)."""
    thickness, pore = ridge_thickness(cell), ridge_thickness(~cell)
    mean = float(thickness.mean())
    curvature, area, surface = _mean_curvature(cell)
    total = float(area.sum())
    middle = float((curvature * area).sum() / max(total, 1e-12))
    spread = float(np.sqrt((area * (curvature - middle) ** 2).sum() / max(total, 1e-12)))
    d = len(cell)
    return {
        "ridge_cv": float(thickness.std()) / max(mean, 1e-12),
        "ridge_p05": float(np.percentile(thickness, 5)),
        "ridge_mean": mean,
        "thin_share": float((thickness < THIN * mean).mean()),
        "pore_cv": float(pore.std()) / max(float(pore.mean()), 1e-12),
        "pore_mean": float(pore.mean()),
        "curvature_mean": middle * d,
        "curvature_spread": spread * d,
        "surface": surface / cell.size * d,
    }


def ridge_thickness(mask: np.ndarray) -> np.ndarray:
    """Thickness of the True voxels of Bool (d, d, d) along the ridge of their periodic distance: float64 (m,), edges.

    The ridge is where the distance r to the nearest False voxel centre is no less than at any of the 26 neighbours;
    there the thickness is (2 r - 1) voxels: exact for a layer of an odd number of voxels, and one voxel less than an
    even one. One zero where nothing or everything is True.
    """
    if not mask.any() or mask.all():
        return np.zeros(1)
    squared = squared_distance(~mask)
    ridge = mask & (ndimage.maximum_filter(squared, 3, mode="wrap") == squared)
    return (2 * np.sqrt(squared[ridge].astype(np.float64)) - 1) / len(mask)


def _mean_curvature(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean curvature, half the divergence of the outward normal, and area of each voxel near the surface; all area.

    Normals are those of the smoothed solid; the area is the length of its gradient, whose integral is that of all its
    level sets, averaged. In voxels.
    """
    smooth = ndimage.gaussian_filter(cell.astype(np.float32), SMOOTHING, mode="wrap")
    gradient = [_slope(smooth, axis) for axis in range(3)]
    area = np.sqrt(gradient[0] ** 2 + gradient[1] ** 2 + gradient[2] ** 2)
    length = np.maximum(area, 1e-6)
    x, y, z = (_slope(part / length, axis) for axis, part in enumerate(gradient))
    curvature = -0.5 * (x + y + z)
    near = area > _LEAST_GRADIENT
    return curvature[near].astype(np.float64), area[near].astype(np.float64), float(area.sum(dtype=np.float64))


def _slope(field: np.ndarray, axis: int) -> np.ndarray:
    """Central difference along an axis, periodic."""
    return (np.roll(field, -1, axis) - np.roll(field, 1, axis)) / 2


def _euler(voxels: np.ndarray) -> np.ndarray:
    """Euler characteristic of each periodic cell of Bool (n, d, d, d), solid voxels joined across faces: float64 (n,).

    Voxels are vertices; an edge, a face and a cube each are 2, 4 and 8 solid voxels in a block.
    """
    total = np.zeros(len(voxels))
    blocks: dict[tuple[int, ...], np.ndarray] = {(): voxels}
    for axes in ((), (1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)):
        if axes:
            inner = blocks[axes[:-1]]
            blocks[axes] = inner & np.roll(inner, -1, axes[-1])
        total += (-1) ** len(axes) * np.count_nonzero(blocks[axes], axis=(1, 2, 3))
    return total
