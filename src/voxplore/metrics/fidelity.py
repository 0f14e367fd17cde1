"""Fidelity (benchmark v2): do cells have struts and sheets like those of held-out cells of the same density?"""

from dataclasses import dataclass

import numpy as np

from voxplore.errors import VoxploreError

from .descriptors import DESCRIPTORS, SHAPE, descriptors
from .matching import equal_density
from .neighbours import Cells, as_cells
from .twosample import two_sample_auc

__all__ = ["COMPARED", "ONE_PIECE", "Fidelity", "HeldOut", "fidelity"]

#: A cell is in one piece where its largest component in the box holds this share of its solid, as in v1's `vun`.
ONE_PIECE = 0.995
#: Descriptors whose mean is divided by that of held-out cells at equal density: `<key>_ratio`.
COMPARED = ("ridge_cv", "ridge_p05", "curvature_spread", "surface")


class HeldOut:
    """Held-out cells and their descriptors, measured once for any number of comparisons."""

    def __init__(self, cells: Cells, threads: int | None = None):
        self.cells = as_cells(cells)
        if len(self.cells) == 0:
            raise VoxploreError("held-out cells", expected="at least one", got="none")
        self.density = self.cells.relative_density()
        self.columns = descriptors(self.cells, threads)
        self._rows = [row.tobytes() for row in np.asarray(self.cells.packed)]

    def others(self, cells: Cells) -> np.ndarray:
        """Rows int64 of those held-out cells that are none of `cells`: held-out cells are compared with the rest."""
        same = {row.tobytes() for row in np.asarray(as_cells(cells).packed)}
        return np.array([i for i, row in enumerate(self._rows) if row not in same], np.int64)


@dataclass(frozen=True, eq=False)
class Fidelity:
    """What `fidelity` finds of n cells.

    values: number by key: the mean of each column, `<key>_ratio` for COMPARED, `one_piece`, `auc` by all DESCRIPTORS,
    `auc_shape` by those of SHAPE, and `matched`, the
    share of the cells that have a held-out partner of equal density. columns: DESCRIPTORS and one_piece, (n,) each.
    pairs: int64 (k,) rows of the cells, and of the held-out cells.
    """

    values: dict[str, float]
    columns: dict[str, np.ndarray]
    pairs: tuple[np.ndarray, np.ndarray]


def fidelity(samples: Cells, held_out: Cells | HeldOut, threads: int | None = None) -> Fidelity:
    """Compare n cells with held-out cells of equal density.

    Ratios are nan without any pair, `auc` with fewer than 40. A held-out cell that is one of the samples is left out,
    so held-out cells can be read against the others.
    """
    samples = as_cells(samples)
    held = held_out if isinstance(held_out, HeldOut) else HeldOut(held_out, threads)
    if samples.resolution != held.cells.resolution:
        raise VoxploreError("samples", expected=f"resolution {held.cells.resolution}", got=str(samples.resolution))
    columns = descriptors(samples, threads)
    columns["one_piece"] = columns["connectivity_in_box"] >= ONE_PIECE
    others = held.others(samples)
    left, right = equal_density(samples.relative_density(), held.density[others])
    pairs = left, others[right]
    values = {key: float(column.mean()) for key, column in columns.items()}
    for key in COMPARED:
        values[f"{key}_ratio"] = ratio_of_means(columns[key][left], held.columns[key][pairs[1]])
    for key, used in (("auc", tuple(each.key for each in DESCRIPTORS)), ("auc_shape", SHAPE)):
        values[key] = two_sample_auc(_matrix(columns, left, used), _matrix(held.columns, pairs[1], used))
    values["matched"] = len(left) / min(len(samples), max(len(others), 1)) if len(samples) else 0.0
    return Fidelity(values, columns, pairs)


def ratio_of_means(numbers: np.ndarray, others: np.ndarray) -> float:
    """Mean over mean; nan where there is nothing to divide by."""
    below = float(others.mean()) if len(others) else 0.0
    return float(numbers.mean()) / below if below else float("nan")


def _matrix(columns: dict[str, np.ndarray], rows: np.ndarray, keys: tuple[str, ...]) -> np.ndarray:
    return np.stack([columns[key][rows] for key in keys], axis=1)
