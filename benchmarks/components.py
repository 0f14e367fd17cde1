"""Largest component across the faces of the cell, beside libraries; each gets cells in the form that it wants.

Where a peer only labels inside the box, it answers another question, which its note says: it is the lower limit of what
a periodic answer would cost.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from voxplore import kernels
from voxplore.kernels import components_numpy
from voxplore.unitcells import UnitCells

from .race import Contestant, Row, Target, race, threads

__all__ = ["component_rows"]

Label = Callable[[np.ndarray], np.ndarray]


def component_rows(cells: UnitCells, peer_cells: int, turns: int) -> tuple[list[Row], list[Target]]:
    """cells: of a resolution that is a multiple of 8; peers get the first `peer_cells`."""
    voxels, d = cells[:peer_cells].voxels(), cells.resolution
    want = kernels.components(cells.packed.reshape(len(cells), d, d, d // 8), threads())
    periodic, in_box = want.largest[:peer_cells], want.largest_in_box[:peer_cells]
    contestants = [_ours(cells), _numpy_path(cells[:peer_cells], periodic), _cc3d(voxels, periodic)]
    contestants += [_scipy(voxels, in_box), _scikit_image(voxels, in_box), _tiled(voxels[:4])]
    rows = race("largest component", "cells", contestants, turns)
    return rows, [Target("largest periodic component, one core", rows[0].rate / threads(), 4000, True, "cells/s")]


def _ours(cells: UnitCells) -> Contestant:
    rows = cells.packed.reshape(len(cells), cells.resolution, cells.resolution, cells.resolution // 8)

    def prepare() -> Callable[[], Any]:
        return lambda: kernels.components(rows, threads()).largest

    return Contestant("voxplore", prepare, len(cells), note="periodic, in the box and spanned axes")


def _numpy_path(cells: UnitCells, want: np.ndarray) -> Contestant:
    rows = np.array(cells.packed).reshape(len(cells), cells.resolution, cells.resolution, cells.resolution // 8)

    def run() -> np.ndarray:
        out = np.zeros((len(rows), 6), np.int64)
        components_numpy.components(rows, out)
        return out[:, 1]

    return Contestant("voxplore, NumPy path", lambda: run, len(rows), agrees=_agreement(want))


def _largest(voxels: Iterable[np.ndarray], label: Label) -> np.ndarray:
    return np.array([np.bincount(label(cell).ravel(), minlength=2)[1:].max() for cell in voxels])


def _peer(name: str, package: str, voxels: np.ndarray, note: str, want: np.ndarray, load: Callable[[], Label]):
    def prepare() -> Callable[[], Any]:
        label = load()
        return lambda: _largest(voxels, label)

    return Contestant(name, prepare, len(voxels), package, note, _agreement(want))


def _cc3d(voxels: np.ndarray, want: np.ndarray) -> Contestant:
    def load() -> Label:
        import cc3d

        return lambda cell: np.asarray(cc3d.connected_components(cell, connectivity=6, periodic_boundary=True))

    return _peer("cc3d", "connected-components-3d", voxels, "periodic", want, load)


def _scipy(voxels: np.ndarray, want: np.ndarray) -> Contestant:
    def load() -> Label:
        from scipy import ndimage

        return lambda cell: ndimage.label(cell)[0]  # pyright: ignore[reportReturnType, reportIndexIssue]

    return _peer("scipy", "scipy", voxels, "in the box only", want, load)


def _scikit_image(voxels: np.ndarray, want: np.ndarray) -> Contestant:
    def load() -> Label:
        from skimage.measure import label

        return lambda cell: np.asarray(label(cell, connectivity=1))

    return _peer("scikit-image", "scikit-image", voxels, "in the box only", want, load)


def _tiled(voxels: np.ndarray) -> Contestant:
    """What one writes first: two cells a side, labelled as one box."""

    def prepare() -> Callable[[], Any]:
        from scipy import ndimage

        return lambda: _largest((np.tile(cell, (2, 2, 2)) for cell in voxels), lambda c: ndimage.label(c)[0])  # pyright: ignore

    return Contestant(
        "scipy, 2 x 2 x 2 cells", prepare, len(voxels), "scipy", "periodic but for paths around the tiles"
    )


def _agreement(want: np.ndarray) -> Callable[[np.ndarray], str]:
    def agrees(got: np.ndarray) -> str:
        differ = int(np.count_nonzero(got != want))
        return "equal" if differ == 0 else f"{differ} of {len(want)} differ"

    return agrees
