"""Which cells are valid (benchmark v2): in one periodic piece, spanning, with faces that meet, plausible in density."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from voxplore.geometry import faces
from voxplore.unitcells import UnitCells

from . import quality
from .neighbours import Cells, as_cells

__all__ = ["FACES_MET", "FACE_MET", "Bounds", "bounds_of", "faces_met", "invalid"]

#: Share of the solid on all six faces that has solid within a voxel on the opposite face, at least; and on each face.
#: Real trusses of the catalogue are cut at their faces, so a slanted strut's two ends are mirror images there.
FACES_MET, FACE_MET = 0.6, 0.3
_LARGEST_SHARE = (995, 1000)
_DENSITY_RANGE = (0.5, 1.2)
_DENSITY_LIMIT = 0.9
#: The symmetry floor: this part of what all but 1 % of the held-out cells have.
_SYMMETRY_PART, _SYMMETRY_PERCENTILE = 0.9, 1
_CHUNK = 256

REASONS = (
    "empty",
    "not connected",
    "does not span all axes",
    "faces do not meet",
    "less symmetric than held-out cells",
    "relative density out of range",
)


@dataclass(frozen=True)
class Bounds:
    """What a valid cell has to keep to: relative density from `least` to `most`, S_sym at least `symmetry`."""

    least: float
    most: float
    symmetry: float


def bounds_of(reference: UnitCells, held_out: Cells | None) -> Bounds:
    """Densities from 0.5 times the smallest to 1.2 times the largest of the reference, below 0.9.

    The symmetry floor is 0.9 times the 1st percentile of the held-out cells, 0 without any.
    """
    density = reference.relative_density()
    low, high = _DENSITY_RANGE[0] * float(density.min()), _DENSITY_RANGE[1] * float(density.max())
    floor = 0.0
    if held_out is not None:
        floor = _SYMMETRY_PART * float(np.percentile(quality.symmetry(held_out), _SYMMETRY_PERCENTILE))
    return Bounds(low, min(high, np.nextafter(_DENSITY_LIMIT, 0)), floor)


def invalid(cells: Cells, bounds: Bounds) -> dict[str, np.ndarray]:
    """What speaks against each cell: each of REASONS -> Bool (n,)."""
    cells = as_cells(cells)
    found = quality.components(cells)
    density = found.solid / cells.resolution**3
    met, least = faces_met(cells)
    flags = (
        found.solid == 0,
        found.largest * _LARGEST_SHARE[1] < found.solid * _LARGEST_SHARE[0],
        ~found.spans.all(axis=1),
        (met < FACES_MET) | (least < FACE_MET),
        quality.symmetry(cells) < bounds.symmetry,
        (density < bounds.least) | (density > bounds.most),
    )
    return {reason: np.asarray(flag) for reason, flag in zip(REASONS, flags, strict=True)}


def faces_met(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Share of the solid on the faces that has solid within a voxel on the opposite face: float64 (n,) each.

    Of all six faces together, and on the face where it is least. A face without solid counts as met.
    """
    parts = [_faces_met(part) for part in as_cells(cells).batches(_CHUNK)]
    pooled, least = zip(*parts, strict=True) if parts else ((), ())
    return np.concatenate([np.zeros(0), *pooled]), np.concatenate([np.zeros(0), *least])


def _faces_met(voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    solid, met = np.zeros((6, len(voxels))), np.zeros((6, len(voxels)))
    pairs = [pair for low, high in faces(voxels) for pair in ((low, high), (high, low))]
    for k, (face, opposite) in enumerate(pairs):
        near = ndimage.maximum_filter(opposite.view(np.uint8), size=(1, 3, 3), mode="wrap").view(bool)
        solid[k] = np.count_nonzero(face, axis=(1, 2))
        met[k] = np.count_nonzero(face & near, axis=(1, 2))
    share = np.where(solid > 0, met / np.maximum(solid, 1), 1.0)
    total = solid.sum(axis=0)
    return np.where(total > 0, met.sum(axis=0) / np.maximum(total, 1), 1.0), share.min(axis=0)
