"""Sets of flips of many cells (`geometry.flip_group`), as they are and after a rotation or reflection of the cube."""

import numpy as np

from voxplore.geometry import FLIPS, Operation, flip_group
from voxplore.unitcells import UnitCells

__all__ = ["flips_of", "oriented_flips"]


def flips_of(cells: UnitCells) -> np.ndarray:
    """The set of flips that each cell has: uint8 (n,)."""
    return np.concatenate([np.zeros(0, np.uint8), *(flip_group(voxels) for voxels in cells.batches(512))])


def oriented_flips(groups: np.ndarray, operation: Operation) -> np.ndarray:
    """Sets of flips uint8 (n,) of cells -> those of the cells after a cube operation: uint8 (n,)."""
    axes, _ = operation
    turned = np.zeros_like(groups)
    for k, flip in enumerate(FLIPS):
        moved = FLIPS.index(tuple(flip[axis] for axis in axes))  # new axis j is old axis axes[j]
        turned |= (groups >> k & 1) << moved
    return turned
