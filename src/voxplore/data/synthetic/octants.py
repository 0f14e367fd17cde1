"""Octants: an eighth of a mirror-symmetric cell, and how it becomes the cell.

The published octants (MetaShell) have 64^3 voxels. The cell of 128^3 is the octant mirrored about index 64 in x, y and
z, so it is exactly mirror-symmetric and periodic; it is then resized to the resolution wanted as
`skimage.transform.resize` would do it (paper, App. C.1).
"""

import functools

import numpy as np

from voxplore.errors import VoxploreError

__all__ = ["OCTANT", "check_resolution", "mirror_octant", "resize_octant"]

#: Voxels along an edge of the published octant.
OCTANT = 64
#: Symmetry puts many resized values on 0.5 exactly, where chips differ in the last digit: a tie is solid on all.
_SOLID_FROM = 0.5 - 5e-7


def mirror_octant(octant: np.ndarray) -> np.ndarray:
    """(..., h, h, h) -> (..., 2h, 2h, 2h): the octant first, its mirror images about index h behind it."""
    for axis in (-3, -2, -1):
        octant = np.concatenate([octant, np.flip(octant, axis)], axis=axis)
    return octant


def resize_octant(octant: np.ndarray, resolution: int = 48) -> np.ndarray:
    """The octant of the resized cell: Bool (h, h, h) -> Bool (resolution/2,) * 3, for an even resolution.

    Equals the first octant of `skimage.transform.resize(mirrored.astype(float), (resolution,) * 3) >= 0.5`. Resizing is
    linear and separable, so it is three matrix products here.
    """
    check_resolution(resolution)
    half = len(octant)
    operator = _resize_operator(half, resolution)
    value = (operator @ octant.reshape(half, -1).astype(np.float64)).reshape(-1, half, half)
    return np.matmul(operator, value) @ operator.T >= _SOLID_FROM


def check_resolution(resolution: int) -> None:
    """Raise VoxploreError unless a cell of this resolution can be mirrored from an octant of 64^3."""
    if resolution % 2 or not 8 <= resolution <= 2 * OCTANT:
        raise VoxploreError("resolution", expected=f"an even number from 8 to {2 * OCTANT}", got=str(resolution))


@functools.lru_cache(maxsize=8)
def _resize_operator(half: int, resolution: int) -> np.ndarray:
    """What resizing does to one axis of a mirrored cell, from octant to octant: float64 (resolution/2, half)."""
    from skimage.transform import resize

    full = np.asarray(resize(np.eye(2 * half), (resolution, 2 * half), order=1, anti_aliasing=resolution < 2 * half))
    return full[: resolution // 2, :half] + full[: resolution // 2, : half - 1 : -1]
