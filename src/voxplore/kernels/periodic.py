"""Periodic components of a cell and the directions in which each of them is endless.

Components of the box are glued across the three seams. Walking over the seams gives each box component its place in the
lattice; a seam that joins two places inconsistently is a closed path that winds around the cell. The windings of a
component span its directions: rank 0 is a lump (or a pocket), 1 a rod, 2 a layer, 3 a framework.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import scipy.ndimage

__all__ = ["PeriodicComponents", "periodic_components"]


@dataclass(frozen=True, eq=False)
class PeriodicComponents:
    """Components of a cell, 6-neighbours across all faces, the largest first.

    labels: int32 (dx, dy, dz), 0 outside, else 1 + index of the component. sizes: int64 (m,), voxels.
    ranks: int64 (m,), 0 to 3. spans: Bool (m, 3), whether it meets its own image along x, y, z.
    windings: of each component, int64 (w, 3), how many cells away it meets its own images.
    box: int32 (dx, dy, dz), 0 outside, else 1 + index of the component of the box alone; cells: int64 (b, 3), for each
    of those the cell of the lattice in which it lies when its periodic component is put together.
    """

    labels: np.ndarray
    sizes: np.ndarray
    ranks: np.ndarray
    spans: np.ndarray
    windings: tuple[np.ndarray, ...]
    box: np.ndarray
    cells: np.ndarray

    def __len__(self) -> int:
        return len(self.sizes)


def periodic_components(voxels: np.ndarray) -> PeriodicComponents:
    """Components of the True voxels of Bool (dx, dy, dz)."""
    box = np.empty(voxels.shape, np.int32)
    count = int(scipy.ndimage.label(voxels, output=box))  # type: ignore[arg-type]
    group, cells, windings = _glue(count, _seams(box))
    sizes = np.bincount(group, np.bincount(box.ravel(), minlength=count + 1)[1:], minlength=len(windings))
    order = np.argsort(-sizes, kind="stable")
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    labels = np.concatenate([[0], 1 + position[group]]).astype(np.int32)[box]
    ranks = np.array([_rank(windings[i]) for i in order], np.int64)
    spans = np.array([[_spanned(windings[i], axis) for axis in range(3)] for i in order], bool).reshape(-1, 3)
    ordered = tuple(windings[i] for i in order)
    return PeriodicComponents(labels, sizes[order].astype(np.int64), ranks, spans, ordered, box, cells)


def _seams(box: np.ndarray) -> list[tuple[int, int, int]]:
    """(component at the far face, component at the near face of the next cell, axis), each once; from 0."""
    seams = []
    for axis in range(3):
        far, near = box.take(-1, axis=axis).ravel(), box.take(0, axis=axis).ravel()
        both = (far > 0) & (near > 0)
        for a, b in np.unique(np.stack([far[both], near[both]], axis=1), axis=0):
            seams.append((int(a) - 1, int(b) - 1, axis))
    return seams


def _glue(count: int, seams: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Periodic component and cell of each box component int64 (count,) and (count, 3), and the windings of each."""
    doors = defaultdict(list)
    for a, b, axis in seams:
        step = np.eye(3, dtype=np.int64)[axis]
        doors[a].append((b, step))
        doors[b].append((a, -step))
    group = np.full(count, -1, np.int64)
    place = np.zeros((count, 3), np.int64)
    windings: list[set[tuple[int, ...]]] = []
    for seed in range(count):
        if group[seed] >= 0:
            continue
        group[seed] = len(windings)
        windings.append(set())
        reached = [seed]
        while reached:
            a = reached.pop()
            for b, step in doors[a]:
                if group[b] < 0:
                    group[b], place[b] = group[a], place[a] + step
                    reached.append(b)
                else:
                    windings[-1].add(tuple(place[a] + step - place[b]))
    return group, place, [np.array(sorted(w), np.int64).reshape(-1, 3) for w in windings]


def _rank(windings: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(windings)) if len(windings) else 0


def _spanned(windings: np.ndarray, axis: int) -> bool:
    """Whether some multiple of the axis lies in the lattice of the windings: it then adds nothing to their rank."""
    extended = np.concatenate([windings, np.eye(3, dtype=np.int64)[[axis]]])
    return _rank(extended) == _rank(windings)
