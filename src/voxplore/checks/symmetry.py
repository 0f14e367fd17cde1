"""Which of the 48 operations of the cube, about the cell's centre, leave a cell as it is."""

from dataclasses import dataclass

import numpy as np

from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.ranges import Share, within

__all__ = ["SymmetryGroup", "operation_name", "symmetry_group"]


@dataclass(frozen=True, eq=False)
class SymmetryGroup:
    """iou: float64 (48,), of the cell with its image under each of CUBE_OPERATIONS. holds: Bool (48,)."""

    iou: np.ndarray
    holds: np.ndarray

    @property
    def order(self) -> int:
        """Operations that hold, the identity among them: 1 to 48."""
        return int(self.holds.sum())

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of those that hold."""
        return tuple(operation_name(o) for o, holds in zip(CUBE_OPERATIONS, self.holds, strict=True) if holds)

    @property
    def centred(self) -> bool:
        """Whether the inversion x -> -x holds."""
        return bool(self.holds[CUBE_OPERATIONS.index(((0, 1, 2), (True, True, True)))])

    @property
    def system(self) -> str:
        """Crystal system of the rotations and rotation-inversions that hold, within the cube."""
        return _system([o for o, holds in zip(CUBE_OPERATIONS, self.holds, strict=True) if holds])


@within
def symmetry_group(voxels: np.ndarray, threshold: Share = 0.95) -> SymmetryGroup:
    """Operations under which Bool (d, d, d) overlaps itself by IoU of `threshold` or more.

    Operations fix the cell's centre; a symmetry about another point is not found. An empty cell has them all.
    """
    solid = int(voxels.sum())
    if solid == 0:
        return SymmetryGroup(np.ones(48), np.ones(48, bool))
    common = np.array([np.count_nonzero(voxels & apply_operation(voxels, o)) for o in CUBE_OPERATIONS])
    iou = common / (2 * solid - common)
    return SymmetryGroup(iou, iou >= threshold)


def operation_name(operation: tuple[tuple[int, int, int], tuple[bool, bool, bool]]) -> str:
    """Where the operation takes the axes, for example "y,-x,z": the new x axis shows the old y, and so on."""
    axes, flips = operation
    return ",".join(f"{'-' if flip else ''}{'xyz'[axis]}" for axis, flip in zip(axes, flips, strict=True))


def _matrix(operation: tuple[tuple[int, int, int], tuple[bool, bool, bool]]) -> np.ndarray:
    axes, flips = operation
    matrix = np.zeros((3, 3), np.int64)
    for row, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        matrix[row, axis] = -1 if flip else 1
    return matrix


def _system(operations: list) -> str:
    """From the axes of the operations' proper parts; a trace of 0, 1, -1 tells a threefold, fourfold, twofold turn."""
    matrices = [_matrix(operation) for operation in operations]
    turns = {tuple((m * round(float(np.linalg.det(m)))).ravel()) for m in matrices}
    traces = [turn[0] + turn[4] + turn[8] for turn in turns]
    threefold, fourfold, twofold = (traces.count(trace) for trace in (0, 1, -1))
    if threefold:
        return "cubic" if threefold > 2 else "trigonal"
    if fourfold:
        return "tetragonal"
    return ("triclinic", "monoclinic", "orthorhombic")[min(twofold, 2)]
