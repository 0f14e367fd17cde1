"""What no shift and no operation of the cube changes: a cell's spectrum, summed over orbits of the 48 operations.

Let A(k) be the Fourier coefficients of a cell of N voxels, and a(o)^2 = sum over an orbit o of |A(k)|^2 / N. For any
shift and any operation of the cube, by the inequality of Cauchy and Schwarz in each orbit,

    common solid of A and the moved B <= sum over orbits of a(o) b(o),

so what the two have in common is bounded for all 48 d^3 maps at once. The sum of a(o)^2 is the solid of A.
"""

from functools import lru_cache

import numpy as np
from scipy import fft

from voxplore import kernels

from .neighbours import Cells, as_cells

__all__ = ["LOW", "orbit_norms"]

#: Orbits of waves with no more than this many periods along any axis stand alone; the others are summed in shells.
LOW = 12
_CHUNK = 64


def orbit_norms(cells: Cells, threads: int | None = None) -> np.ndarray:
    """a(o) of n cells: float32 (n, m), column 0 the constant part."""
    cells = as_cells(cells)
    d = cells.resolution
    labels, weights, m = _orbits(d)

    def part(start: int) -> np.ndarray:
        rows = np.empty((len(cells.packed[start : start + _CHUNK]), m), np.float32)
        for row, voxels in zip(rows, cells.part(start, start + _CHUNK).voxels(), strict=True):
            spectrum = np.asarray(fft.rfftn(voxels.astype(np.float32)))
            energy = np.abs(spectrum).ravel() ** 2 * weights
            row[:] = np.sqrt(np.bincount(labels, energy, m) / d**3)
        return rows

    found = list(kernels.map_threads(part, range(0, len(cells), _CHUNK), threads))
    return np.concatenate([np.zeros((0, m), np.float32), *found])


@lru_cache(maxsize=4)
def _orbits(d: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The orbit of each coefficient of `rfftn`, how many coefficients of `fftn` it stands for, and their number."""
    wave = np.abs(np.fft.fftfreq(d, 1 / d)).astype(np.int64)
    grid = np.stack(np.meshgrid(wave, wave, wave[: d // 2 + 1], indexing="ij"), axis=-1).reshape(-1, 3)
    ordered = np.sort(grid, axis=1)
    key = (ordered[:, 2] * d + ordered[:, 1]) * d + ordered[:, 0]
    shell = d**3 + np.rint(np.sqrt((ordered**2).sum(axis=1))).astype(np.int64)
    labels = np.unique(np.where(ordered[:, 2] <= LOW, key, shell), return_inverse=True)[1].reshape(-1)
    last = grid[:, 2]
    weights = np.where((last == 0) | (2 * last == d), 1.0, 2.0)
    return labels, weights, int(labels.max()) + 1
