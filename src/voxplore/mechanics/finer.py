"""What a mesh twice as fine of the same voxels would give, from the displacements already solved.

A slanted surface of voxels is a staircase, and the outer halves of its steps carry less than the mesh says: the
stiffness falls by a share of the faces that end at an inner edge, counted a solid voxel (`stair_faces`). The share was
measured on 47 cells at 16^3 to 48^3 against the same voxels cut in eight: straight slanted struts .088 to .102, sheets
.06 to .09, nets and drawn cells .02 to .117, frames along the axes .03 to .06. It is no theorem. How the loss is spread
over the entries follows the energy that incompatible modes take out of the mesh, since a finer one takes that out
first: C - finer is a multiple of bound - C. Half the resolution would not do: voxels cannot be gathered in eights
without becoming another body. (Our measurement: docs/log.md, `benchmarks/check_refinement.py`.)
"""

from itertools import product

import numpy as np

__all__ = ["finer_stiffness", "stair_faces"]

#: Relative loss of stiffness a stair face: of most cells, the most of any, and the most by which the first is wrong.
_LOSS, _MOST, _LEFT = 0.07, 0.12, 0.06
#: Past this relative distance to the bound the mesh is far from the finer one (or Poisson's ratio near 1/2).
_FAR = 0.12


def stair_faces(voxels: np.ndarray) -> float:
    """Faces between solid and void that end at an inner edge, over the solid voxels, of a periodic cell Bool (d, d, d).

    At an inner edge three of the four voxels around it are solid. 0 for plates and bars along the axes.
    """
    solid = np.asarray(voxels, bool)
    count = 0
    for axis, sign in product(range(3), (1, -1)):
        beyond = np.roll(solid, -sign, axis)
        at_edge = np.zeros_like(solid)
        for side, step in product({0, 1, 2} - {axis}, (1, -1)):
            at_edge |= np.roll(solid & beyond, -step, side)
        count += np.count_nonzero(solid & ~beyond & at_edge)
    return count / max(np.count_nonzero(solid), 1)


def finer_stiffness(
    stiffness: np.ndarray, bound: np.ndarray, stairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Foretold stiffness (n, 6, 6) on the finer mesh; error of the stiffness (n,), and of what is foretold (n,).

    stiffness, bound: (n, 6, 6), see `homogenise.Homogenised`. stairs: (n,), see `stair_faces`. Errors are limits by the
    Frobenius norm of the difference to the finer mesh, relative to the stiffness; 0 without stiffness. Where the bound
    is further than 0.12 from the stiffness, or what is foretold could release energy, it is nan, and so is its error.
    """
    size = np.linalg.norm(stiffness, axis=(1, 2))
    distance = np.divide(np.linalg.norm(bound - stiffness, axis=(1, 2)), size, out=np.zeros_like(size), where=size > 0)
    stairs = np.where(size > 0, stairs, 0.0)
    share = np.divide(_LOSS * stairs, distance, out=np.zeros_like(size), where=distance > 1e-6)
    finer = stiffness - share[:, None, None] * (bound - stiffness)
    sound = (distance <= _FAR) & (np.linalg.eigvalsh(finer)[:, 0] >= -1e-7 * size)
    error = np.maximum(_MOST * stairs, distance)
    return np.where(sound[:, None, None], finer, np.nan), error, np.where(sound, _LEFT * stairs, np.nan)
