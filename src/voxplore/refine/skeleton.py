"""The periodic skeleton of a cell as a net of straight struts (our choice).

The skeleton is scikit-image's thinning (Lee, Kashyap and Chu 1994) of the cell with a border of its periodic images.
Its voxels are joined to their 26 neighbours, across opposite faces too. What is shorter than the body is thick there is
an artefact of thinning and is removed: junctions of many struts come out as clusters, rough surfaces as short spurs.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from scipy.spatial import KDTree
from skimage.morphology import skeletonize

from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.kernels.distance import squared_distance

__all__ = ["skeleton_net"]

#: Voxels of periodic images around the cell while it is thinned, as a share of its edge.
_BORDER = 0.3
#: A skeleton voxel just outside of the cell is joined to the one inside within this distance (voxels) of its image.
_JOINED = 2.9
#: A branch is split where it is further (voxels at 48^3) than this from the straight line between its ends.
_STRAIGHT = 1.5

#: A strut: node a, node b and the period (x, y, z) of b, in cells.
_Strut = tuple[int, int, np.ndarray]


def skeleton_net(cell: np.ndarray) -> PeriodicNet:
    """The skeleton of a periodic cell Bool (d, d, d) as a net of straight struts, in units of the cell edge."""
    d = len(cell)
    voxels, links = _thinned(cell)
    depth = np.sqrt(squared_distance(~cell))[tuple(voxels.T)]
    points, struts = _straightened(voxels.astype(np.float64), links, d, _STRAIGHT * d / 48)
    tree = KDTree((voxels + 0.5) % d, boxsize=d) if len(voxels) else None
    thick = depth[tree.query((points + 0.5) % d)[1]] if tree and len(points) else np.zeros(len(points))
    points, struts = _without_artefacts(points, struts, thick, d)
    return _net((points + 0.5) / d, struts)


def _thinned(cell: np.ndarray) -> tuple[np.ndarray, list[_Strut]]:
    """Skeleton voxels int64 (m, 3) and the links between neighbours, each once."""
    d = len(cell)
    border = int(np.ceil(_BORDER * d))
    # A closed shell around all holds the struts by their ends, or thinning would eat them away from there.
    wide = np.pad(np.pad(cell, border, mode="wrap"), 1, constant_values=True)
    places = np.argwhere(skeletonize(wide)) - border - 1
    inside: Any = ((places >= 0) & (places < d)).all(axis=1)
    own, number = places[inside], np.cumsum(inside) - 1
    if not len(own):
        return own, []
    pairs = KDTree(places).query_pairs(1.8, output_type="ndarray")  # the square root of 3 at most
    both = inside[pairs].all(axis=1)
    links = {(int(a), int(b), (0, 0, 0)) for a, b in number[pairs[both]]}
    across = pairs[inside[pairs].sum(axis=1) == 1]
    tree = KDTree(own, boxsize=d)
    for a, b in np.where(inside[across[:, :1]], across, across[:, ::-1]):
        period = places[b] // d
        far, reached = tree.query(places[b] - period * d)
        # The image of the voxel that is reached may lie behind a face of its own.
        period = period + np.round((places[b] - period * d - own[reached]) / d).astype(np.int64)
        one, other = int(number[a]), int(reached)
        if far <= _JOINED and (one != other or period.any()):
            there = one < other or (one == other and tuple(period) > (0, 0, 0))
            ends = (one, other, tuple(period.tolist())) if there else (other, one, tuple((-period).tolist()))
            links.add(ends)
    return own, [(a, b, np.array(period)) for a, b, period in sorted(links)]


def _neighbours(struts: list[_Strut]) -> dict[int, list[tuple[int, np.ndarray, int]]]:
    """Node -> (other node, its period from here, number of the strut) for each end of a strut."""
    found = defaultdict(list)
    for k, (a, b, period) in enumerate(struts):
        found[a].append((b, period, k))
        found[b].append((a, -period, k))
    return found


def _merged(points: np.ndarray, struts: list[_Strut], chosen: set[int], d: int) -> tuple[np.ndarray, list[_Strut]]:
    """Struts with the numbers `chosen` shrunk to points; what they joined is one node, in the middle."""
    near = _neighbours([strut if k in chosen else (strut[0], strut[0], strut[2]) for k, strut in enumerate(struts)])
    home: dict[int, tuple[int, np.ndarray]] = {}  # node -> its new node, and its period from there
    centres = []
    for first in range(len(points)):
        if first in home:
            continue
        home[first] = (len(centres), np.zeros(3, np.int64))
        found, stack = [points[first]], [first]
        while stack:
            here = stack.pop()
            for other, period, k in near[here]:
                if k in chosen and other not in home:
                    home[other] = (len(centres), home[here][1] + period)
                    found.append(points[other] + d * home[other][1])
                    stack.append(other)
        centres.append(np.mean(found, axis=0))
    moved = []
    for k, (a, b, period) in enumerate(struts):
        ends = home[a][0], home[b][0], period + home[a][1] - home[b][1]
        if k not in chosen and (ends[0] != ends[1] or ends[2].any()):
            moved.append(ends)
    return np.array(centres).reshape(-1, 3), _distinct(moved)


def _distinct(struts: list[_Strut]) -> list[_Strut]:
    """Each strut once, whichever way it runs."""
    keys = {}
    for a, b, period in struts:
        one, other = (a, b, tuple(period.tolist())), (b, a, tuple((-period).tolist()))
        keys[min(one, other)] = None
    return [(a, b, np.array(period)) for a, b, period in keys]


def _straightened(points: np.ndarray, links: list[_Strut], d: int, tolerance: float) -> tuple[np.ndarray, list[_Strut]]:
    """Chains of voxels replaced by straight struts; voxels with more than two neighbours that touch are one node."""
    degree = np.bincount([end for a, b, _ in links for end in (a, b)], minlength=len(points))
    crowded = {k for k, (a, b, _) in enumerate(links) if degree[a] > 2 and degree[b] > 2}
    points, links = _merged(points, links, crowded, d)
    near = _neighbours(links)
    ends = [k for k in range(len(points)) if len(near[k]) != 2]
    used: set[int] = set()
    nodes: list[np.ndarray] = []
    number: dict[int, int] = {}
    struts: list[_Strut] = []

    def node(k: int) -> int:
        if k not in number:
            number[k] = len(nodes)
            nodes.append(points[k])
        return number[k]

    # Rings without a junction come last: one of their voxels serves as a node.
    for start in [*ends, *(k for k in range(len(points)) if len(near[k]) == 2)]:
        for step in near[start]:
            if step[2] in used or (len(near[start]) == 2 and start not in number and _walked(near, start, used)):
                continue
            chain, period, last = _walk(points, near, start, step, used, set(ends) | set(number), d)
            before = node(start)
            for bend in _bends(chain, tolerance):
                nodes.append(chain[bend])
                struts.append((before, len(nodes) - 1, np.zeros(3, np.int64)))
                before = len(nodes) - 1
            struts.append((before, node(last), period))
    return np.array(nodes).reshape(-1, 3), struts


def _walked(near, start: int, used: set[int]) -> bool:
    """Whether a voxel with two neighbours lies on a chain that has been walked."""
    return any(k in used for _, _, k in near[start])


def _walk(points, near, start, step, used, stops, d):
    """The chain from a node along a link to the next node: unwrapped points (m, 3), period and number of its end."""
    chain, period = [points[start]], np.zeros(3, np.int64)
    here, moved, k = step
    stops = stops | {start}
    while True:
        used.add(k)
        period = period + moved
        chain.append(points[here] + d * period)
        if here in stops:
            return np.array(chain), period, here
        here, moved, k = next(link for link in near[here] if link[2] != k)


def _bends(chain: np.ndarray, tolerance: float) -> list[int]:
    """Where a chain (m, 3) is split so that none of its points is further than this from a piece (Douglas, Peucker)."""
    first, last = chain[0], chain[-1]
    along = last - first
    length = float(along @ along)
    share = np.clip((chain - first) @ along / length, 0, 1) if length > 0 else np.zeros(len(chain))
    far = np.linalg.norm(chain - first - share[:, None] * along, axis=1)
    k = int(far.argmax())
    if far[k] <= tolerance or k in (0, len(chain) - 1):
        return []
    return [*_bends(chain[: k + 1], tolerance), k, *(k + bend for bend in _bends(chain[k:], tolerance))]


def _without_artefacts(points, struts, thick, d):
    """Without spurs shorter than the body is thick where they start, and with junctions of short struts merged."""
    while True:
        length = np.array([np.linalg.norm(points[b] + d * period - points[a]) for a, b, period in struts])
        near = _neighbours(struts)
        spurs = {
            k
            for k, (a, b, _) in enumerate(struts)
            if min(len(near[a]), len(near[b])) == 1 and length[k] < 1.5 * max(thick[a], thick[b])
        }
        if spurs:
            struts = [strut for k, strut in enumerate(struts) if k not in spurs]
            continue
        short = [k for k in range(len(struts)) if length[k] < max(thick[struts[k][0]], thick[struts[k][1]])]
        if not short:
            break
        k = min(short, key=lambda k: length[k])
        before = points
        points, struts = _merged(points, struts, {k}, d)
        thick = thick[KDTree(before % d, boxsize=d).query(points % d)[1]]
    return _through(points, struts, d)


def _through(points, struts, d, tolerance: float = _STRAIGHT):
    """Without nodes that two struts pass in a straight line, and without nodes that no strut reaches."""
    changed = True
    while changed:
        changed = False
        near = _neighbours(struts)
        for k in range(len(points)):
            if len(near[k]) != 2 or near[k][0][2] == near[k][1][2]:
                continue
            (a, one, i), (b, other, j) = near[k]
            first, last = points[a] + d * one, points[b] + d * other
            chain = np.stack([first, points[k], last])
            if not _bends(chain, tolerance * d / 48) and (a != b or (other - one).any()):
                struts = [strut for n, strut in enumerate(struts) if n not in (i, j)]
                struts = _distinct([*struts, (a, b, other - one)])
                changed = True
                break
    used = sorted({end for a, b, _ in struts for end in (a, b)})
    number = {old: new for new, old in enumerate(used)}
    return points[used], [(number[a], number[b], period) for a, b, period in struts]


def _net(nodes: np.ndarray, struts: list[_Strut]) -> PeriodicNet:
    """Nodes (m, 3) in cell edges, moved into the cell, with periods that follow."""
    cells = np.floor(nodes).astype(np.int64)
    start = np.array([a for a, _, _ in struts], np.int64)
    end = np.array([b for _, b, _ in struts], np.int64)
    period = np.array([period for _, _, period in struts], np.int64).reshape(-1, 3)
    return PeriodicNet(nodes - cells, start, end, period + cells[end] - cells[start])
