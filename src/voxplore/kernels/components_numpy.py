"""The NumPy and SciPy path of `components.py`: label in the box, then glue labels across the seams."""

from fractions import Fraction

import numpy as np
from scipy import ndimage

__all__ = ["components", "largest_pieces"]


def components(rows: np.ndarray, out: np.ndarray) -> None:
    """rows uint8 (n, d, d, ceil(d / 8)) -> out int64 (n, 6): solid, largest, largest in the box, spans x, y, z."""
    d = rows.shape[1]
    for packed, row in zip(rows, out, strict=True):
        row[:] = _one(np.unpackbits(packed, axis=-1, count=d).view(bool))


def largest_pieces(rows: np.ndarray, kept: np.ndarray) -> None:
    """rows uint8 (n, d, d, ceil(d / 8)) -> kept, alike: the largest periodic component, or all of that size."""
    d = rows.shape[1]
    for packed, out in zip(rows, kept, strict=True):
        labels, sizes = _labelled(np.unpackbits(packed, axis=-1, count=d).view(bool))
        if len(sizes) > 1:
            root, _ = _glued(len(sizes) - 1, _seams(labels))
            merged = np.bincount(root, weights=sizes, minlength=len(sizes))
            as_large = merged[root] == merged.max()
            out[:] = np.packbits(as_large[labels] & (labels > 0), axis=-1)


def _labelled(voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels int32 (d, d, d) of the components in the box, from 1 on, and the voxels of each; those of 0 are 0."""
    labels = np.empty(voxels.shape, np.int32)
    n = int(ndimage.label(voxels, output=labels))  # pyright: ignore[reportArgumentType]
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    sizes[0] = 0
    return labels, sizes


def _one(voxels: np.ndarray) -> list[int]:
    labels, sizes = _labelled(voxels)
    n = len(sizes) - 1
    if n == 0:
        return [0] * 6
    seams = _seams(labels)
    root, cell = _glued(n, seams)
    merged = np.bincount(root, weights=sizes, minlength=n + 1).astype(np.int64)
    largest = int(merged.argmax())
    windings = [cell[a] + step - cell[b] for a, b, step in seams if root[a] == largest]
    return [int(sizes.sum()), int(merged.max()), int(sizes.max()), *_spans(windings)]


def _seams(labels: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    """Distinct pairs (label at the far face, label it touches in the next cell, unit vector)."""
    seams = []
    for axis in range(3):
        far, near = labels.take(-1, axis=axis), labels.take(0, axis=axis)
        touching = (far > 0) & (near > 0)
        pairs = np.unique(np.stack([far[touching], near[touching]], axis=1), axis=0)
        seams += [(int(a), int(b), np.eye(3, dtype=np.int64)[axis]) for a, b in pairs]
    return seams


def _glued(n: int, seams: list[tuple[int, int, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """For each label the lowest label of its periodic component, and its cell as seen from there."""
    root = np.arange(n + 1)
    cell = np.zeros((n + 1, 3), np.int64)
    for a, b, step in seams:
        if root[a] == root[b]:
            continue
        keep, move = (a, b) if root[a] < root[b] else (b, a)
        towards = step if keep == a else -step
        members = root == root[move]
        cell[members] += cell[keep] + towards - cell[move]
        root[members] = root[keep]
    return root, cell


def _spans(windings: list[np.ndarray]) -> list[int]:
    """Which unit vectors are rational combinations of the windings."""
    rank = _rank([list(row) for row in windings])
    unit = np.eye(3, dtype=np.int64).tolist()
    return [int(rank == _rank([*(list(row) for row in windings), unit[axis]])) for axis in range(3)]


def _rank(rows: list[list[int]]) -> int:
    matrix = [[Fraction(int(value)) for value in row] for row in {tuple(row) for row in rows}]
    rank = 0
    for column in range(3):
        pivot = next((r for r in range(rank, len(matrix)) if matrix[r][column]), None)
        if pivot is None:
            continue
        matrix[rank], matrix[pivot] = matrix[pivot], matrix[rank]
        for r in range(rank + 1, len(matrix)):
            factor = matrix[r][column] / matrix[rank][column]
            matrix[r] = [value - factor * top for value, top in zip(matrix[r], matrix[rank], strict=True)]
        rank += 1
    return rank
