"""Largest 6-connected component of a cell, in the box and periodic, and the axes that it spans.

Rows of solid voxels along z become runs; runs that touch are joined by union-find. That gives the components in the
box. Faces are then glued: a union-find over the components with an offset (how many cells away a component lies from
its root) joins them across the three seams, and a glued pair whose offsets disagree is a closed path that winds around
the cell. The windings of the largest component span a lattice; an axis is spanned where a multiple of its unit vector
lies in it, so that the component connects to its own periodic image along that axis.
"""

from dataclasses import dataclass

import numpy as np

from . import components_numpy
from .runtime import HAVE_NUMBA, jit, map_threads

__all__ = ["Components", "buffers", "components", "find_runs", "glue", "join_in_box", "sizes_of"]

_CHUNK = 64


@dataclass(frozen=True, eq=False)
class Components:
    """Of n cells: solid voxels int64 (n,), largest component periodic and in the box int64 (n,), spans Bool (n, 3).

    `spans`: whether the largest periodic component (of equally large ones, that of the lowest voxel in C order)
    connects to its own image along x, y, z.
    """

    solid: np.ndarray
    largest: np.ndarray
    largest_in_box: np.ndarray
    spans: np.ndarray


def components(rows: np.ndarray, threads: int | None = None) -> Components:
    """rows uint8 (n, d, d, ceil(d / 8)), `np.packbits` of each row along z -> Components.

    For d a multiple of 8, cells packed in C order are such rows: `packed.reshape(n, d, d, d // 8)`.
    """
    n = len(rows)
    out = np.zeros((n, 6), np.int64)

    def one(start: int) -> None:
        part = np.ascontiguousarray(rows[start : start + _CHUNK])
        work = _components if HAVE_NUMBA else components_numpy.components
        work(part, out[start : start + _CHUNK])

    for _ in map_threads(one, range(0, n, _CHUNK), threads):
        pass
    return Components(out[:, 0], out[:, 1], out[:, 2], out[:, 3:].astype(bool))


@jit
def buffers(d):
    """What one cell of d^3 voxels needs: first run of each row, and of each run low, high, parent, size, offset."""
    most = d * d * ((d + 1) // 2)
    bounds = np.empty(most, np.int16), np.empty(most, np.int16)
    forest = np.empty(most, np.int32), np.empty(most, np.int32), np.zeros((most, 3), np.int32)
    return np.empty(d * d + 1, np.int32), bounds[0], bounds[1], forest[0], forest[1], forest[2]


@jit
def _components(rows, out):
    d = rows.shape[1]
    first, low, high, parent, size, offset = buffers(d)
    basis = np.zeros((3, 3), np.int64)
    for n in range(rows.shape[0]):
        runs = find_runs(rows[n], first, low, high)
        join_in_box(d, first, low, high, parent)
        out[n, 0], out[n, 2] = sizes_of(runs, low, high, parent, size)
        glue(d, first, low, high, parent, size, offset)
        root = _largest_root(runs, parent, size)
        out[n, 3:] = 0
        out[n, 1] = 0
        if root >= 0:
            out[n, 1] = size[root]
            rank = _windings(d, first, low, high, parent, offset, root, basis)
            for axis in range(3):
                out[n, 3 + axis] = _in_span(basis, rank, axis)


@jit
def find_runs(rows, first, low, high):
    """Runs [low, high) of solid along z, row by row; first[row] is the index of a row's first run."""
    d = rows.shape[0]
    runs = 0
    for x in range(d):
        for y in range(d):
            first[x * d + y] = runs
            inside = False
            for b in range(rows.shape[2]):
                byte = rows[x, y, b]
                if byte == (255 if inside else 0):
                    continue
                for bit in range(8):
                    solid = (byte >> (7 - bit)) & 1 == 1
                    if solid and not inside:
                        low[runs] = 8 * b + bit
                    if inside and not solid:
                        high[runs] = 8 * b + bit
                        runs += 1
                    inside = solid
            if inside:
                high[runs] = d
                runs += 1
    first[d * d] = runs
    return runs


@jit
def _find(parent, a):
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@jit
def _join_rows(begin, end, other, other_end, low, high, parent):
    """Unite the runs [begin, end) of a row with those of a neighbouring row that they touch; the lower root stays."""
    a, b = begin, other
    while a < end and b < other_end:
        if low[a] < high[b] and low[b] < high[a] and parent[a] != parent[b]:
            left, right = _find(parent, a), _find(parent, b)
            if left < right:
                parent[right] = left
            elif right < left:
                parent[left] = right
        if high[a] < high[b]:
            a += 1
        else:
            b += 1


@jit
def join_in_box(d, first, low, high, parent):
    for row in range(d * d):
        begin, end = first[row], first[row + 1]
        if begin == end:
            continue
        for a in range(begin, end):
            parent[a] = a
        if row % d > 0 and first[row - 1] < begin:
            _join_rows(begin, end, first[row - 1], begin, low, high, parent)
        if row >= d and first[row - d] < first[row - d + 1]:
            _join_rows(begin, end, first[row - d], first[row - d + 1], low, high, parent)


@jit
def sizes_of(runs, low, high, parent, size):
    """Flatten the forest, sum up voxels at the roots: (solid, largest)."""
    solid = 0
    for a in range(runs):
        size[a] = 0
        # Roots have the lower index, so a parent is flat before its children come.
        parent[a] = parent[parent[a]]
        size[parent[a]] += high[a] - low[a]
        solid += high[a] - low[a]
    largest = 0
    for a in range(runs):
        largest = max(largest, size[a])
    return solid, largest


@jit
def _find_offset(parent, offset, a):
    """Root of a, and the cell in which a lies when its root lies in cell (0, 0, 0)."""
    x, y, z = 0, 0, 0
    while parent[a] != a:
        x += offset[a, 0]
        y += offset[a, 1]
        z += offset[a, 2]
        a = parent[a]
    return a, x, y, z


@jit
def _glue_pair(parent, size, offset, a, b, axis):
    """Run a at the far end of `axis` touches run b at the near end of the next cell along it."""
    left, ax, ay, az = _find_offset(parent, offset, a)
    right, bx, by, bz = _find_offset(parent, offset, b)
    if left == right:
        return
    # Cell of the right root seen from the left root.
    x = ax - bx + (1 if axis == 0 else 0)
    y = ay - by + (1 if axis == 1 else 0)
    z = az - bz + (1 if axis == 2 else 0)
    if right < left:
        left, right, x, y, z = right, left, -x, -y, -z
    parent[right] = left
    offset[right, 0], offset[right, 1], offset[right, 2] = x, y, z
    size[left] += size[right]


@jit
def glue(d, first, low, high, parent, size, offset):
    for a in range(first[d * d]):
        offset[a, 0], offset[a, 1], offset[a, 2] = 0, 0, 0
    for row in range(d * d):
        begin, end = first[row], first[row + 1]
        if begin < end and low[begin] == 0 and high[end - 1] == d:
            _glue_pair(parent, size, offset, end - 1, begin, 2)
    for axis in range(2):
        for step in range(d):
            far = (d - 1) * d + step if axis == 0 else step * d + d - 1
            near = step if axis == 0 else step * d
            a, b = first[far], first[near]
            while a < first[far + 1] and b < first[near + 1]:
                if low[a] < high[b] and low[b] < high[a]:
                    _glue_pair(parent, size, offset, a, b, axis)
                if high[a] < high[b]:
                    a += 1
                else:
                    b += 1


@jit
def _largest_root(runs, parent, size):
    root = -1
    for a in range(runs):
        if parent[a] == a and (root < 0 or size[a] > size[root]):
            root = a
    return root


@jit
def _winding(parent, offset, a, b, axis, root, basis, rank):
    """Add the winding of the path root -> a -> (seam) -> b -> root to the basis; the new rank."""
    left, ax, ay, az = _find_offset(parent, offset, a)
    if left != root:
        return rank
    _, bx, by, bz = _find_offset(parent, offset, b)
    x = ax - bx + (1 if axis == 0 else 0)
    y = ay - by + (1 if axis == 1 else 0)
    z = az - bz + (1 if axis == 2 else 0)
    if x == 0 and y == 0 and z == 0:
        return rank
    return _extend(basis, rank, x, y, z)


@jit
def _windings(d, first, low, high, parent, offset, root, basis):
    """Independent windings of the component `root`: rows of basis, their number."""
    rank = 0
    for row in range(d * d):
        begin, end = first[row], first[row + 1]
        if rank < 3 and begin < end and low[begin] == 0 and high[end - 1] == d:
            rank = _winding(parent, offset, end - 1, begin, 2, root, basis, rank)
    for axis in range(2):
        for step in range(d):
            far = (d - 1) * d + step if axis == 0 else step * d + d - 1
            near = step if axis == 0 else step * d
            a, b = first[far], first[near]
            while rank < 3 and a < first[far + 1] and b < first[near + 1]:
                if low[a] < high[b] and low[b] < high[a]:
                    rank = _winding(parent, offset, a, b, axis, root, basis, rank)
                if high[a] < high[b]:
                    a += 1
                else:
                    b += 1
    return rank


@jit
def _determinant(a, b, c):
    return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])


@jit
def _parallel(a, b):
    return a[1] * b[2] == a[2] * b[1] and a[2] * b[0] == a[0] * b[2] and a[0] * b[1] == a[1] * b[0]


@jit
def _extend(basis, rank, x, y, z):
    """Append (x, y, z), which is not zero, if it does not depend on the rows there."""
    basis[rank, 0], basis[rank, 1], basis[rank, 2] = x, y, z
    if rank == 1 and _parallel(basis[0], basis[1]):
        return rank
    if rank == 2 and _determinant(basis[0], basis[1], basis[2]) == 0:
        return rank
    return rank + 1


@jit
def _in_span(basis, rank, axis):
    """1 if the unit vector of `axis` is a rational combination of the first `rank` rows."""
    if rank == 0:
        return 0
    if rank == 3:
        return 1
    unit = np.zeros(3, np.int64)
    unit[axis] = 1
    if rank == 1:
        return 1 if _parallel(basis[0], unit) else 0
    return 1 if _determinant(basis[0], basis[1], unit) == 0 else 0
