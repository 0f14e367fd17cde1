"""Leaving out unit cells that repeat an earlier one: largest IoU over the 48 operations of the cube, found exactly."""

from fractions import Fraction

import numpy as np

from voxplore import kernels

__all__ = ["Distinct"]


class Distinct:
    """Cells taken in so far; `add` refuses a cell with IoU `limit` or more to one of them in any of 48 orientations."""

    def __init__(self, resolution: int, limit: float):
        self.resolution = resolution
        self._limit = Fraction(limit).limit_denominator(10_000).as_integer_ratio()
        self._known: list[kernels.Orbits] = []

    def add(self, packed: np.ndarray) -> np.ndarray:
        """Take in the cells, uint8 (n, d^3 / 8), that repeat none before them: Bool (n,), which were taken in."""
        cells = kernels.orbits(kernels.packed_bits(packed, self.resolution), self.resolution, shifts=False)
        new = np.arange(len(cells))
        for known in self._known:
            new = new[kernels.first_equivalent(cells.rows(new), known, self._limit) < 0]
        kept: list[int] = []
        for row in new.tolist():
            if kernels.first_equivalent(cells.rows([row]), cells, self._limit, rows=np.array(kept, np.int64))[0] < 0:
                kept.append(row)
        if kept:
            self._known.append(cells.rows(kept))
        taken = np.zeros(len(cells), bool)
        taken[kept] = True
        return taken
