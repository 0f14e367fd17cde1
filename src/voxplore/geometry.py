"""Symmetry operations, tiling and faces of unit cells: boolean arrays in, boolean arrays out.

Arrays are Bool (..., d, d, d) with axes x, y, z; any leading axes are kept.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from voxplore.errors import VoxploreError

__all__ = [
    "CUBE_OPERATIONS",
    "FLIPS",
    "HALF_SHIFTS",
    "ORIENTATIONS",
    "apply_operation",
    "check_lattice",
    "face_iou",
    "faces",
    "flip_group",
    "orient",
    "relative_density",
    "resampled",
    "shift",
    "tile",
]

#: Voxels of a lattice, at most: half a gigabyte of Bool, and several times as much for its surface or its bodies.
_MOST_VOXELS = 1 << 29

Operation = tuple[tuple[int, int, int], tuple[bool, bool, bool]]

#: The 48 operations of the cube as (axes, flips): transpose the last three axes by `axes`, then flip those marked.
CUBE_OPERATIONS: tuple[Operation, ...] = tuple(  # pyright: ignore
    ((a, b, c), (x, y, z))
    for a, b, c in itertools.permutations((0, 1, 2))
    for x, y, z in itertools.product((False, True), repeat=3)
)

#: The six orientations of the paper's augmentation (published settings): identity; 90 degrees about z; about x;
#: about x then y; about y; about y then x. A rotation from axis a to axis b is `np.rot90(..., axes=(a, b))`.
_QUARTER_TURNS: tuple[tuple[tuple[int, int], ...], ...] = (
    (),
    ((0, 1),),
    ((1, 2),),
    ((1, 2), (2, 0)),
    ((2, 0),),
    ((2, 0), (1, 2)),
)
# pyright: ignore
#: The eight shifts by half a period along any subset of the axes, in units of the cell edge.
HALF_SHIFTS: tuple[tuple[float, float, float], ...] = tuple(
    (x, y, z) for x, y, z in itertools.product((0.0, 0.5), repeat=3)
)


#: The eight ways to flip any of the axes: nothing, the mirrors, the two-fold turns and, last, the inversion.
FLIPS: tuple[tuple[bool, bool, bool], ...] = tuple(  # pyright: ignore
    itertools.product((False, True), repeat=3)
)


def flip_group(voxels: np.ndarray) -> np.ndarray:
    """Which FLIPS leave each cell Bool (n, d, d, d) as it is: bit k of uint8 (n,) for FLIPS[k]; bit 0 is always set.

    The flips that do so are a group: the part of a cell's point group, about its centre, that moves no axis.
    """
    found = np.zeros(len(voxels), np.uint8)
    for k, flips in enumerate(FLIPS):
        same = (voxels == apply_operation(voxels, ((0, 1, 2), flips))).reshape(len(voxels), -1).all(axis=1)
        found |= same.astype(np.uint8) << k
    return found


def apply_operation(voxels: np.ndarray, operation: Operation) -> np.ndarray:
    """Apply one cube operation to Bool (..., d, d, d); a view."""
    axes, flips = operation
    lead = tuple(range(voxels.ndim - 3))
    moved = voxels.transpose(*lead, *(len(lead) + axis for axis in axes))
    return moved[(..., *(slice(None, None, -1 if flip else 1) for flip in flips))]


def rotate(voxels: np.ndarray, start: int, end: int) -> np.ndarray:
    """Rotate Bool (..., d, d, d) by 90 degrees from axis `start` to axis `end` (0 = x, 1 = y, 2 = z); a view."""
    return np.rot90(voxels, axes=(start - 3, end - 3))


def orient(voxels: np.ndarray, orientation: int) -> np.ndarray:
    """The cell in one of the six orientations of the paper (0 is the identity); Bool (..., d, d, d), a view."""
    for start, end in _QUARTER_TURNS[orientation]:
        voxels = rotate(voxels, start, end)
    return voxels


def shift(voxels: np.ndarray, fractions: tuple[float, float, float]) -> np.ndarray:
    """Shift periodically by fractions of the cell edge, rounded to whole voxels; Bool (..., d, d, d)."""
    steps = tuple(round(fraction * voxels.shape[-1]) for fraction in fractions)
    return np.roll(voxels, steps, axis=(-3, -2, -1))


def check_lattice(shape: Sequence[int], repeats: Sequence[int]) -> None:
    """Raise VoxploreError for anything but three positive counts of cells, and for a lattice too large to be worked on.

    shape: voxels of one cell along x, y, z.
    """
    if len(repeats) != 3 or min(repeats) < 1:
        raise VoxploreError("tile", expected="three positive counts", got=str(tuple(repeats)))
    voxels = math.prod(int(n) * int(d) for n, d in zip(repeats, shape, strict=True))
    if voxels > _MOST_VOXELS and max(repeats) > 1:
        raise VoxploreError("tile", expected=f"at most {_MOST_VOXELS} voxels (take fewer cells)", got=str(voxels))


def tile(voxels: np.ndarray, repeats: tuple[int, int, int]) -> np.ndarray:
    """The lattice of `repeats` cells along x, y, z: Bool (..., d, d, d) -> (..., nx d, ny d, nz d).

    Raises VoxploreError as `check_lattice` does.
    """
    check_lattice(voxels.shape[-3:], repeats)
    return np.tile(voxels, (1,) * (voxels.ndim - 3) + tuple(repeats))


def faces(voxels: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The three pairs of opposite faces, each Bool (..., d, d), in the order x, y, z."""
    return tuple((voxels.take(0, axis=axis), voxels.take(-1, axis=axis)) for axis in (-3, -2, -1))


def face_iou(voxels: np.ndarray) -> np.ndarray:
    """Intersection over union of opposite faces: Bool (..., d, d, d) -> float64 (..., 3); 0 where neither has solid."""
    pairs = faces(voxels)
    common = np.stack([np.count_nonzero(low & high, axis=(-2, -1)) for low, high in pairs], axis=-1)
    either = np.stack([np.count_nonzero(low | high, axis=(-2, -1)) for low, high in pairs], axis=-1)
    return common / np.maximum(either, 1)


def relative_density(voxels: np.ndarray) -> np.ndarray:
    """Solid fraction of Bool (..., d, d, d): float64 (...)."""
    return voxels.mean(axis=(-3, -2, -1), dtype=np.float64)


def _operation_of(orientation: int) -> Operation:
    """The entry of CUBE_OPERATIONS that equals `orient(., orientation)`."""
    probe = np.arange(27).reshape(3, 3, 3)
    target = orient(probe, orientation)
    return next(o for o in CUBE_OPERATIONS if np.array_equal(apply_operation(probe, o), target))


#: The six orientations as entries of CUBE_OPERATIONS.
ORIENTATIONS: tuple[Operation, ...] = tuple(_operation_of(k) for k in range(6))


def resampled(voxels: np.ndarray, resolution: int) -> np.ndarray:
    """The cells on a grid of another resolution: Bool (..., d, d, d) -> Bool (..., e, e, e), of nearly their density.

    Each new voxel gets the solid volume it overlaps, exactly (in whole numbers); the fullest are solid, as many as come
    nearest to the density that the cell had, voxels of equal volume together, so that symmetries are kept; one that is
    not void gets the fullest at least.
    """
    d, solid = voxels.shape[-1], voxels.reshape(-1, *voxels.shape[-3:])
    if d == resolution:
        return voxels
    old, new = np.arange(d + 1) * resolution, np.arange(resolution + 1) * d
    overlap = np.minimum(new[1:, None], old[None, 1:]) - np.maximum(new[:-1, None], old[None, :-1])
    weights = np.maximum(overlap, 0).astype(np.float64)  # sums stay below 2^53: exact
    out = np.zeros((len(solid), resolution, resolution, resolution), bool)
    for cell, target in zip(solid, out, strict=True):
        held = np.einsum("ia,abc->ibc", weights, cell.astype(np.float64), optimize=True)
        held = np.einsum("jb,ibc->ijc", weights, held, optimize=True)
        held = np.einsum("kc,ijc->ijk", weights, held, optimize=True)
        target[:] = held >= _level(held, held.sum() / d**3)
    return out.reshape(*voxels.shape[:-3], resolution, resolution, resolution)


def _level(held: np.ndarray, wanted: float) -> float:
    """The level at or above which the number of values is nearest to `wanted`; infinity where all are 0."""
    levels, counts = np.unique(held[held > 0], return_counts=True)
    above = np.cumsum(counts[::-1])[::-1]
    return float(levels[np.abs(above - wanted).argmin()]) if len(levels) else np.inf
