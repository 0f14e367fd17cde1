"""The best overlap of two cells under the 48 operations of the cube and all periodic shifts.

All shifts of all operations are tried at half the resolution, by correlation; around the best of them every shift is
counted voxel by voxel. What is found is therefore an exact overlap of two whole cells, a lower bound of the largest.
"""

from typing import NamedTuple

import numpy as np
from scipy import fft

from voxplore.geometry import CUBE_OPERATIONS, apply_operation

__all__ = ["Alignment", "Turned", "around", "moved"]

#: Operations whose best shift is counted voxel by voxel.
TRIED = 3
#: Cells with more voxels along an edge are first compared at half the resolution.
_WHOLE = 24
_STEPS = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


class Alignment(NamedTuple):
    """An operation (a row of CUBE_OPERATIONS), a shift in voxels along x, y, z, and the solid then in common."""

    operation: int
    shift: tuple[int, int, int]
    common: int


class Turned:
    """A cell Bool (d, d, d) in its 48 orientations, ready to be compared with any number of others."""

    def __init__(self, cell: np.ndarray):
        self.cell = cell
        coarse = halved(cell)
        turned = np.stack([apply_operation(coarse, operation) for operation in CUBE_OPERATIONS])
        self.side = coarse.shape[0]
        self._spectra = np.conj(np.asarray(fft.rfftn(turned, axes=(1, 2, 3))))

    def best(self, spectrum: np.ndarray, other: np.ndarray) -> Alignment:
        """The best alignment found of this cell onto `other` Bool (d, d, d), whose `coarse_spectrum` is given."""
        side, d = self.side, len(self.cell)
        overlap = np.asarray(fft.irfftn(self._spectra * spectrum, (side,) * 3, axes=(1, 2, 3))).reshape(48, -1)
        peak = overlap.argmax(axis=1)
        height = overlap[np.arange(48), peak]
        found = []
        for operation in np.argsort(-height, kind="stable")[:TRIED].tolist():
            start = np.array(np.unravel_index(peak[operation], (side,) * 3)) * (d // side)
            turned = apply_operation(self.cell, CUBE_OPERATIONS[operation])
            shift, common = around(turned, other, start)
            found.append(Alignment(operation, shift, common))
        return max(found, key=lambda each: each.common)


def coarse_spectrum(cell: np.ndarray) -> np.ndarray:
    """What `Turned.best` needs of the other cell."""
    return np.asarray(fft.rfftn(halved(cell)))


def halved(cell: np.ndarray) -> np.ndarray:
    """Solid fraction of blocks of 2^3 voxels, float32; of 24 voxels an edge or fewer, or an odd number, the cell."""
    d = len(cell)
    if d <= _WHOLE or d % 2:
        return cell.astype(np.float32)
    return cell.reshape(d // 2, 2, d // 2, 2, d // 2, 2).mean(axis=(1, 3, 5), dtype=np.float32)


def around(cell: np.ndarray, other: np.ndarray, shift: np.ndarray) -> tuple[tuple[int, int, int], int]:
    """The best of the 27 shifts of `cell` within a voxel of `shift`, and the solid then in common with `other`."""
    d = len(cell)
    padded = np.pad(np.roll(cell, shift, axis=(0, 1, 2)), 1, mode="wrap")
    common = [
        np.count_nonzero(padded[1 - x : 1 - x + d, 1 - y : 1 - y + d, 1 - z : 1 - z + d] & other)
        for x, y, z in _STEPS.tolist()
    ]
    best = int(np.argmax(common))
    x, y, z = ((shift + _STEPS[best]) % d).tolist()
    return (x, y, z), int(common[best])


def moved(cell: np.ndarray, alignment: Alignment) -> np.ndarray:
    """The cell turned and shifted as `alignment` says."""
    return np.roll(apply_operation(cell, CUBE_OPERATIONS[alignment.operation]), alignment.shift, axis=(0, 1, 2))
