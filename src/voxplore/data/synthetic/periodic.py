"""Periodic graphs: struts that know which period they end in, tests of their shape, and the cut at the cell's faces."""

import dataclasses
import itertools
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from voxplore.data.synthetic.truss import StrutGraph

__all__ = ["PeriodicNet", "cut_at_faces", "is_one_net", "min_angle", "strut_graph", "struts_crowded"]


@dataclasses.dataclass(frozen=True)
class PeriodicNet:
    """One period of a net: strut k joins nodes[start[k]] to nodes[end[k]] + period[k].

    nodes: float64 (m, 3), fractional; start, end: int64 (k,); period: int64 (k, 3).
    """

    nodes: np.ndarray
    start: np.ndarray
    end: np.ndarray
    period: np.ndarray

    def segments(self) -> np.ndarray:
        """Both ends of every strut: float64 (k, 2, 3); the second may lie outside the cell."""
        return np.stack([self.nodes[self.start], self.nodes[self.end] + self.period], axis=1)

    def lengths(self) -> np.ndarray:
        """Length of every strut in the unit cube: float64 (k,)."""
        ends = self.segments()
        return np.sqrt(((ends[:, 1] - ends[:, 0]) ** 2).sum(axis=1))

    def degrees(self) -> np.ndarray:
        """Struts at each node: int64 (m,)."""
        return np.bincount(np.concatenate([self.start, self.end]), minlength=len(self.nodes))


def is_one_net(net: PeriodicNet) -> bool:
    """Whether the net is in one piece once repeated: all nodes joined, and the closed walks span every period.

    A net of several interpenetrating copies is not: its closed walks span a sublattice of the periods only.
    """
    potential: dict[int, np.ndarray] = {0: np.zeros(3, np.int64)}
    neighbours: dict[int, list[tuple[int, np.ndarray]]] = {}
    for a, b, period in zip(net.start.tolist(), net.end.tolist(), net.period, strict=True):
        neighbours.setdefault(a, []).append((b, period))
        neighbours.setdefault(b, []).append((a, -period))
    open_nodes = [0]
    while open_nodes:
        here = open_nodes.pop()
        for other, period in neighbours.get(here, ()):
            if other not in potential:
                potential[other] = potential[here] + period
                open_nodes.append(other)
    if len(potential) < len(net.nodes):
        return False
    heights = np.stack([potential[i] for i in range(len(net.nodes))])
    return _spans_all(np.unique(heights[net.start] + net.period - heights[net.end], axis=0))


def _spans_all(vectors: np.ndarray) -> bool:
    """Whether integer vectors (k, 3) generate all of Z^3: Euclid's algorithm on the rows, in Python's integers."""
    rows: list[tuple[int, ...]] = [tuple(v) for v in vectors.tolist() if any(v)]
    for axis in range(3):
        while sum(1 for row in rows if row[axis]) > 1:
            pivot = sorted((abs(row[axis]), row) for row in rows if row[axis])[0][1]
            rest = list(rows)
            rest.remove(pivot)
            rows = [pivot] + [
                tuple(x - (row[axis] // pivot[axis]) * p for x, p in zip(row, pivot, strict=True)) for row in rest
            ]
            rows = [row for row in dict.fromkeys(rows) if any(row)]
        pivots = [row for row in rows if row[axis]]
        if len(pivots) != 1 or abs(pivots[0][axis]) != 1:
            return False
        rows = [row for row in rows if not row[axis]]
    return True


def min_angle(net: PeriodicNet) -> float:
    """The least angle (degrees) between two struts at one node, in the unit cube."""
    ends = net.segments()
    along = ends[:, 1] - ends[:, 0]
    along = along / np.sqrt((along**2).sum(axis=1, keepdims=True))
    outward, node = np.concatenate([along, -along]), np.concatenate([net.start, net.end])
    cosine = outward @ outward.T
    cosine[node[:, None] != node[None, :]] = -1.0
    np.fill_diagonal(cosine, -1.0)
    return float(np.degrees(np.arccos(np.clip(cosine.max(), -1.0, 1.0))))


def struts_crowded(net: PeriodicNet, clearance: float, spacing: float = 0.05) -> bool:
    """Whether two struts without a common node come closer than `clearance` (cell edges), periods included.

    Struts are sampled every `spacing`, so the distance found exceeds the true one by at most spacing^2 / 4 clearance.
    """
    ends, lengths = net.segments(), net.lengths()
    counts = np.ceil(lengths / spacing).astype(np.int64) + 1
    strut = np.repeat(np.arange(len(counts)), counts)
    step = np.arange(len(strut)) - np.repeat(np.cumsum(counts) - counts, counts)
    along = (step / (counts[strut] - 1))[:, None]
    points = ends[strut, 0] * (1 - along) + ends[strut, 1] * along
    points = points - np.floor(points)
    points[points >= 1.0] = 0.0
    pairs = np.asarray(KDTree(points, boxsize=1.0).query_pairs(clearance, output_type="ndarray"), np.int64)
    close = strut[pairs.reshape(-1, 2)]
    one, two = np.divmod(np.unique(close.min(axis=1) * len(counts) + close.max(axis=1)), len(counts))
    a, b = net.start, net.end
    joined = (one == two) | (a[one] == a[two]) | (a[one] == b[two]) | (b[one] == a[two]) | (b[one] == b[two])
    return bool((~joined).any())


def cut_at_faces(segments: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """The parts of struts and of their periodic images that lie in the cell: float64 (k, 2, 3) -> (l, 2, 3).

    The cell is taken `tolerance` wider on all sides, so that what lies on a face, edge or corner stands on all of its
    copies, as in the catalogue's decorated cells; a strut that only touches the boundary leaves a piece of length 0.
    """
    home = segments - np.floor(segments.min(axis=1))[:, None, :]
    images = (home[:, None] + _IMAGES[None, :, None]).reshape(-1, 2, 3)
    start, along = images[:, 0], images[:, 1] - images[:, 0]
    enter, leave = np.zeros(len(images)), np.ones(len(images))
    for axis in range(3):
        run = np.where(along[:, axis] == 0.0, 1e-300, along[:, axis])
        low, high = (-tolerance - start[:, axis]) / run, (1 + tolerance - start[:, axis]) / run
        enter, leave = np.maximum(enter, np.minimum(low, high)), np.minimum(leave, np.maximum(low, high))
    inside = leave >= enter
    start, along = start[inside, None], along[inside, None]
    marks = np.stack([enter, leave], axis=1)[inside, :, None]
    return start + marks * along


#: Periods by which a strut is moved: it starts in the cell and is shorter than two cell edges.
_IMAGES = np.array(list(itertools.product((-2.0, -1.0, 0.0, 1.0), repeat=3)))


def strut_graph(
    name: str, segments: np.ndarray, *, tolerance: float = 1e-6, keep_touches: bool = False, **fields: Any
) -> StrutGraph:
    """A decorated strut graph from the struts of one period, ends anywhere: float64 (k, 2, 3).

    With `keep_touches`, a node on the boundary that no strut of this cell reaches is kept as a strut of length 0.
    """
    pieces = np.round(cut_at_faces(segments, tolerance), 5) + 0.0
    nodes, inverse = np.unique(pieces.reshape(-1, 3), axis=0, return_inverse=True)
    edges = np.unique(np.sort(inverse.reshape(-1, 2), axis=1), axis=0)
    if not keep_touches:
        edges = edges[edges[:, 0] != edges[:, 1]]
    used, edges = np.unique(edges, return_inverse=True)
    return StrutGraph(name, nodes[used], edges.reshape(-1, 2).astype(np.int64), **fields)
