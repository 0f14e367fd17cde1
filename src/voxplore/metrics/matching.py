"""Pairs of cells of equal relative density, one of each set: what "at equal density" means in benchmark v2.

Our choice: pairs, and not a regression on density, because a pair assumes nothing about how a descriptor follows from
the density, and because the cells that have no partner are counted and not extrapolated to.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

__all__ = ["CALIPER", "MOST", "equal_density"]

#: Relative densities of a pair differ by no more than this (our choice; the sets span some .05 to .35).
CALIPER = 0.005
#: Cells of each set that are paired, the first: work grows with the cube.
MOST = 2000


def equal_density(density: np.ndarray, other: np.ndarray, caliper: float = CALIPER) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of cells, none in two of them, whose densities differ by at most `caliper`.

    density: float64 (n,), other: float64 (m,), relative densities; the first MOST of each count. Returns rows of the
    first and rows of the second, int64 (k,) each, in the order of the first. Among all assignments the one is taken
    whose differences, each counted as the caliper where it is larger, have the least sum.
    """
    left, right = density[:MOST], other[:MOST]
    cost = np.minimum(np.abs(left[:, None] - right[None, :]), caliper * 1.001)
    rows, columns = linear_sum_assignment(cost)
    close = np.abs(left[rows] - right[columns]) <= caliper
    return rows[close], columns[close]
