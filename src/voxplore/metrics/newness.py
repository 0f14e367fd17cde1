"""Which cells are new (benchmark v2): no shift, turn, mirror or change of thickness makes them a known cell.

*Equivalent*: under one of the 48 operations of the cube and a shift, the surfaces of the two cells lie within 0.35
voxel of each other over 97 % of their area, as the cells are or after the thinner one is thickened to the other's
solid, in all directions alike or along one axis alone (`thickness.alike`). Shifts by whole voxels are searched, then
the fraction of a voxel is fitted.

A verdict "equivalent" is measured on two whole cells. A verdict "new" is that of a search: of the known cells, the
NEAREST by spectrum are compared, less those that the bound of `spectrum` discards. A shifted, turned or mirrored copy
has the spectrum of its original and comes first. A known cell that is equivalent and yet has a spectrum further away
than NEAREST others, or whose best alignment is not among those tried, is missed; the cell then counts as new.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from voxplore import kernels

from .alignment import Turned, coarse_spectrum, moved
from .neighbours import Cells, as_cells
from .spectrum import orbit_norms
from .thickness import LEAST, LEAST_THICKENED, alike

__all__ = ["NEAREST", "Closest", "Known", "closest_earlier", "closest_known"]

#: Known cells that each cell is compared with.
NEAREST = 5
#: Bounds are sums in float32.
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Closest:
    """Of n cells: the known cell each is equivalent to, or -1, int64 (n,); the largest IoU found, float64 (n,)."""

    equals: np.ndarray
    iou: np.ndarray


class Known:
    """Known cells and their spectra, prepared once for any number of cells. One orientation of each is enough."""

    def __init__(self, cells: Cells, threads: int | None = None):
        self.cells, self.threads = as_cells(cells), threads
        self.norms = orbit_norms(self.cells, threads)
        self.solid = np.rint(self.cells.relative_density() * self.cells.resolution**3).astype(np.int64)
        self._directions = directions(self.norms)
        self.cell = lru_cache(maxsize=512)(self._cell)

    def _cell(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """One cell Bool (d, d, d) and its coarse spectrum."""
        cell = self.cells[row : row + 1].voxels()[0]
        return cell, coarse_spectrum(cell)

    def nearest(self, norms: np.ndarray, solid: int, earlier: int | None = None) -> np.ndarray:
        """The rows, nearest first, that are to be compared with a cell of these norms (m,); of the first `earlier`."""
        rows = slice(0, earlier)
        similar = self._directions[rows] @ directions(norms[None])[0]
        count = min(NEAREST, len(similar))
        if count == 0:
            return np.zeros(0, np.int64)
        found = np.argpartition(-similar, count - 1)[:count]
        found = found[np.argsort(-similar[found], kind="stable")]
        bound = self.norms[found].astype(np.float64) @ norms.astype(np.float64)
        return found[bound * (1 + _ROUNDING) >= least_common(self.solid[found], solid)]


def closest_known(cells: Cells, known: Known) -> Closest:
    """Each cell against the known ones."""
    cells = as_cells(cells)
    return _search(cells, Known(cells, known.threads), known, earlier=False)


def closest_earlier(cells: Cells, threads: int | None = None) -> Closest:
    """Each cell against the earlier ones of the same set."""
    own = Known(cells, threads)
    return _search(own.cells, own, own, earlier=True)


def directions(norms: np.ndarray) -> np.ndarray:
    """Norms (n, m) without the constant part, of length 1: the shape of the spectrum, whatever the density."""
    waves = norms[:, 1:]
    return waves / np.maximum(np.linalg.norm(waves, axis=1, keepdims=True), 1e-9)


def least_common(solid: np.ndarray, other: int) -> np.ndarray:
    """Voxels in common below which `alike` compares no surfaces: its two limits on the IoU, as numbers of voxels."""
    thin, thick = np.minimum(solid, other), np.maximum(solid, other)
    return np.minimum(LEAST / (1 + LEAST) * (thin + thick), thin - (1 / LEAST_THICKENED - 1) * thick)


def _search(cells: Cells, own: Known, known: Known, earlier: bool) -> Closest:
    n = len(own.cells)
    equals, iou = np.full(n, -1, np.int64), np.zeros(n)

    def one(i: int) -> None:
        rows = known.nearest(own.norms[i], int(own.solid[i]), i if earlier else None)
        if len(rows) and own.solid[i]:
            equals[i], iou[i] = _compare(own.cell(i)[0], known, rows.tolist())

    for _ in kernels.map_threads(one, range(n), known.threads):
        pass
    return Closest(equals, iou)


def _compare(cell: np.ndarray, known: Known, rows: list[int]) -> tuple[int, float]:
    """The first equivalent row, or -1; the largest IoU found until then."""
    turned, solid, best = Turned(cell), int(np.count_nonzero(cell)), 0.0
    for row in rows:
        other, spectrum = known.cell(row)
        found = turned.best(spectrum, other)
        best = max(best, found.common / max(solid + int(known.solid[row]) - found.common, 1))
        if alike(moved(cell, found), other):
            return row, best
    return -1, best
