"""A truss cell as nodes and straight struts of one radius (our choice): the beam model of a generated cell.

The skeleton of the cell is the first net. Nodes then move to where the axes of their struts lie, by least squares of
the distances from all solid voxels to the nearest strut; nodes and struts that the cell does not need go; symmetries of
the cell are made those of the net. What remains is drawn again and compared with the cell.
"""

from functools import partial

import numpy as np

from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, Operation, apply_operation
from voxplore.parallel import map_items
from voxplore.ranges import Workers, within
from voxplore.refine.skeleton import skeleton_net
from voxplore.refine.strut_axes import StrutFit, moved, polished, with_radius
from voxplore.refine.strut_nets import shrunk, symmetrised
from voxplore.unitcells import UnitCells, pack, unpack

__all__ = ["LEAST_IOU", "StrutFit", "as_struts", "fit_struts", "fits_of"]

#: A net that meets its cell worse than this does not stand for it.
LEAST_IOU = 0.5

#: Rounds of least squares between two looks at which struts are needed.
_ROUNDS = 6
#: A node or strut goes where the IoU of the drawn net with the cell falls by no more than this.
_NEEDED = 0.002
#: By this much for a net that has the symmetries of the cell, which the first one need not have.
_SYMMETRY_IS_WORTH = 0.02
#: A net with the symmetries of the cell may have so many times the struts of the first one.
_MOST_STRUTS = 1.5
#: Short struts that are tried one by one, at most: each costs some tenths of a second.
_TRIALS = 40


def fit_struts(cell: np.ndarray) -> StrutFit:
    """The net of straight struts that stands for a periodic cell Bool (d, d, d).

    Raises VoxploreError where no strut is found: an empty cell, a full one, or a blob.
    """
    net = skeleton_net(cell)
    if not len(net.start):
        raise VoxploreError("struts", expected="a cell with at least one strut", got="none in its skeleton")
    fit = _simplified(with_radius(moved(net, cell, _ROUNDS), cell), cell)
    fit = _simplified(polished(fit, cell), cell)
    fit = max(fit, polished(fit, cell), key=lambda found: found.iou)
    return _symmetric(fit, cell)


@within
def fits_of(cells: UnitCells, workers: Workers | None = 1, engine: str = "local") -> list[StrutFit | None]:
    """The fit of each cell, or None where no strut is found or the net's IoU with the cell is under LEAST_IOU."""
    work = partial(_fit_row, resolution=cells.resolution)
    return list(map_items(work, list(np.asarray(cells.packed)), workers=workers, engine=engine))


def _fit_row(row: np.ndarray, resolution: int) -> StrutFit | None:
    try:
        fit = fit_struts(unpack(row[None], resolution)[0])
    except VoxploreError:
        return None
    return fit if fit.iou >= LEAST_IOU else None


def as_struts(cells: UnitCells, fits: list[StrutFit | None]) -> UnitCells:
    """The cells drawn from their fits; those that have none as they were.

    Index: `struts` (0 for a cell without a fit), `strut_radius` in cell edges and `strut_iou` with the cell as it was
    (both NaN there).
    """
    packed = np.asarray(cells.packed).copy()
    for row, fit in zip(packed, fits, strict=True):
        if fit:
            row[:] = pack(fit.voxels(cells.resolution)[None])[0]
    index = {name: column for name, column in cells.index.items() if name != "relative_density"}
    index["struts"] = np.array([len(fit.net.start) if fit else 0 for fit in fits], np.int64)
    index["strut_radius"] = np.array([fit.radius if fit else np.nan for fit in fits], np.float64)
    index["strut_iou"] = np.array([fit.iou if fit else np.nan for fit in fits], np.float64)
    return UnitCells(packed, cells.resolution, index, dict(cells.about))


def _symmetric(fit: StrutFit, cell: np.ndarray) -> StrutFit:
    """The fit with the symmetries that the cell has, if with about as many struts the cell is met nearly as well."""
    operations = _symmetries(cell)
    if len(operations) == 1:
        return fit
    best = None
    for reach in (0.5, 1.0, 2.0, 3.0):
        net = symmetrised(fit.net, operations, reach * fit.radius)
        # Images that did not fall together would each be a net of its own.
        if not 0 < len(net.start) <= _MOST_STRUTS * len(fit.net.start):
            continue
        found = polished(StrutFit(net, fit.radius, 0.0), cell)
        # Least squares keep the symmetries but for rounding and equal distances.
        found = with_radius(symmetrised(found.net, operations, 0.1 * fit.radius), cell, found.radius)
        if best is None or found.iou > best.iou + _NEEDED:
            best = found
    return best if best and best.iou >= fit.iou - _SYMMETRY_IS_WORTH else fit


def _simplified(fit: StrutFit, cell: np.ndarray) -> StrutFit:
    """Fewer nodes, where the cell is met as well: short struts shrink to nodes, first all below a length, then one by
    one, shortest first."""
    for reach in (1.0, 1.5, 2.0, 3.0, 4.0):
        short = fit.net.lengths() < reach * fit.radius
        if short.any():
            fit = _better(fit, shrunk(fit.net, short), cell, _ROUNDS)
    tried: set[tuple[float, ...]] = set()
    while True:
        lengths, middles = fit.net.lengths(), fit.net.segments().mean(axis=1) % 1.0
        for k in np.argsort(lengths).tolist():
            if len(tried) >= _TRIALS:
                return fit
            middle = tuple(np.round(middles[k], 2))
            if lengths[k] > 4 * fit.radius or middle in tried:
                continue
            better = _better(fit, shrunk(fit.net, np.arange(len(lengths)) == k), cell, 3)
            if better is not fit:
                fit = better
                break
            tried.add(middle)
        else:
            return fit


def _better(fit: StrutFit, net: PeriodicNet, cell: np.ndarray, rounds: int) -> StrutFit:
    """The net in place of the fit's, once it is fitted, if it meets the cell about as well."""
    if not len(net.start):
        return fit
    found = StrutFit(moved(net, cell, rounds), fit.radius, 0.0)
    found = polished(found, cell, rounds) if rounds else with_radius(net, cell, fit.radius)
    return found if found.iou >= fit.iou - _NEEDED else fit


def _symmetries(cell: np.ndarray) -> list[Operation]:
    """The cube operations that leave the cell as it is."""
    return [operation for operation in CUBE_OPERATIONS if np.array_equal(apply_operation(cell, operation), cell)]
