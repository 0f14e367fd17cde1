"""What a mesh twice as fine of the same voxels would give, from the displacements already solved.

Incompatible modes take out of a mesh what a finer one takes out first, so the energy of the same displacements without
them tells how far the mesh is from a finer one: C - finer = share (bound - C), entry by entry. The share was measured
on drawn cells at 48^3 against the same voxels at 96^3 (2.1 to 4.7, `benchmarks/check_refinement.py`), on frames whose
struts lie along the axes (1.2 to 1.5) and on straight slanted struts (5.5 to 6.5): it is no theorem. Half the resolution would not do: voxels cannot be gathered in eights without becoming another body.
"""

import numpy as np

__all__ = ["finer_stiffness"]

#: Distance to the finer mesh in that to the bound: of most cells, the least and the most (our measurement).
_SHARE, _LEAST, _MOST = 2.7, 1.2, 6.5
#: Past this distance to the bound the mesh is far from the finer one (or Poisson's ratio near 1/2): nothing is foretold.
_FAR = 0.12


def finer_stiffness(stiffness: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Foretold stiffness (n, 6, 6) on the finer mesh; error of the stiffness (n,), and of what is foretold (n,).

    stiffness, bound: (n, 6, 6), see `homogenise.Homogenised`. Errors are limits by the Frobenius norm of the difference
    to the finer mesh, relative to the stiffness; 0 without stiffness. Where the bound is further than 0.12 from the
    stiffness, or what is foretold could release energy, it is nan, and so is its error.
    """
    size = np.linalg.norm(stiffness, axis=(1, 2))
    distance = np.divide(np.linalg.norm(bound - stiffness, axis=(1, 2)), size, out=np.zeros_like(size), where=size > 0)
    finer = stiffness - _SHARE * (bound - stiffness)
    left = max(_SHARE - _LEAST, _MOST - _SHARE) * distance
    sound = (distance <= _FAR) & (np.linalg.eigvalsh(finer)[:, 0] >= -1e-7 * size)
    return np.where(sound[:, None, None], finer, np.nan), _MOST * distance, np.where(sound, left, np.nan)
