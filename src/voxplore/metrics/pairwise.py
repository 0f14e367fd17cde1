"""How far the cells of a set lie apart from each other, without a reference: beside S_div, which needs one.

S_div counts distinct nearest reference cells, so it cannot tell two copies from two neighbours of one cell. The Vendi
score (Friedman and Dieng, 2023) is the exponential of the entropy of the eigenvalues of the similarity matrix over n:
the number of cells that, all different, would be as diverse. Similarity is IoU, which is a positive definite kernel of
sets (it is the Jaccard index).
"""

import numpy as np
from scipy import linalg

from voxplore.unitcells import UnitCells

from .neighbours import Cells, as_cells

__all__ = ["MOST", "pairwise_distance", "pairwise_iou", "vendi"]

#: Cells compared with each other, the first of a set: work and memory grow with the square (our choice).
MOST = 1000


def pairwise_iou(cells: Cells) -> np.ndarray:
    """IoU of all pairs of n cells: float64 (n, n), 1 on the diagonal, also for an empty cell, which meets no other."""
    cells = as_cells(cells)
    bits = _as_floats(cells)
    common = np.rint(bits @ bits.T).astype(np.float64)
    solid = common.diagonal()
    either = solid[:, None] + solid - common
    iou = np.divide(common, either, out=np.zeros_like(common), where=either > 0)
    np.fill_diagonal(iou, 1.0)
    return iou


def vendi(iou: np.ndarray) -> float:
    """Vendi score of a similarity matrix (n, n) with ones on the diagonal: from 1, all alike, to n, nothing shared."""
    weights = linalg.eigvalsh(iou / len(iou))
    weights = weights[weights > 1e-12]
    return float(np.exp(-(weights * np.log(weights)).sum()))


def pairwise_distance(iou: np.ndarray) -> float:
    """Mean of 1 - IoU over the pairs i < j of a similarity matrix (n, n); 0 for a single cell."""
    n = len(iou)
    return float((n * n - iou.sum()) / (n * (n - 1))) if n > 1 else 0.0


def _as_floats(cells: UnitCells) -> np.ndarray:
    """Voxels as float32 (n, d^3), which counts exactly up to 2^24 and is multiplied fast."""
    rows = np.empty((len(cells), cells.resolution**3), np.float32)
    first = 0
    for voxels in cells.batches(256):
        rows[first : first + len(voxels)] = voxels.reshape(len(voxels), -1)
        first += len(voxels)
    return rows
