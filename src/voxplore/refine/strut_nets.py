"""Changes to periodic nets: struts shrunk to nodes, nodes joined, symmetries imposed. All give a new net."""

import numpy as np
from scipy.sparse import csgraph, csr_array
from scipy.spatial import KDTree

from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.geometry import Operation

__all__ = ["clustered", "contracted", "shrunk", "symmetrised"]


def shrunk(net: PeriodicNet, struts: np.ndarray) -> PeriodicNet:
    """The net with the struts Bool (k,) shrunk to nodes: to the end with more struts, or to the middle."""
    for length in np.sort(net.lengths()[struts]):
        k = int(np.abs(net.lengths() - length).argmin())
        if len(net.start) and abs(net.lengths()[k] - length) < 1e-9:
            net = contracted(net, k)
    return net


def contracted(net: PeriodicNet, strut: int) -> PeriodicNet:
    """The net with the two ends of one strut made one node: that with more struts, or the middle."""
    keep, gone, moved = net.start[strut], net.end[strut], net.period[strut]
    if keep == gone:
        return _without(net, np.arange(len(net.start)) == strut)
    nodes = net.nodes.copy()
    degrees = net.degrees()
    share = 0.5 if degrees[keep] == degrees[gone] else float(degrees[gone] > degrees[keep])
    nodes[keep] = (1 - share) * nodes[keep] + share * (nodes[gone] + moved)
    start, end, period = net.start.copy(), net.end.copy(), net.period.copy()
    # The node that goes, moved by its period, is the one that stays.
    period += np.where(start == gone, 1, 0)[:, None] * moved - np.where(end == gone, 1, 0)[:, None] * moved
    start[start == gone], end[end == gone] = keep, keep
    return _without(PeriodicNet(nodes, start, end, period), (start == end) & (period == 0).all(axis=1))


def _without(net: PeriodicNet, struts: np.ndarray) -> PeriodicNet:
    """The net without the struts Bool (k,), without repeats, and without nodes that no strut reaches."""
    start, end, period = net.start[~struts], net.end[~struts], net.period[~struts]
    rows = np.concatenate([start[:, None], end[:, None], period], axis=1)
    back = np.concatenate([end[:, None], start[:, None], -period], axis=1)
    turned = np.array([tuple(b) < tuple(r) for b, r in zip(back.tolist(), rows.tolist(), strict=True)], bool)
    rows = np.unique(np.where(turned[:, None], back, rows), axis=0)
    used, ends = np.unique(rows[:, :2], return_inverse=True)
    ends = ends.reshape(-1, 2)
    return PeriodicNet(net.nodes[used], ends[:, 0], ends[:, 1], rows[:, 2:])


def symmetrised(net: PeriodicNet, operations: list[Operation], reach: float) -> PeriodicNet:
    """The union of the net's images under a group of operations; nodes nearer than `reach` to each other are one, in
    their middle. What comes out has these symmetries."""
    images = []
    for axes, flips in operations:
        nodes, period = net.nodes[:, axes], net.period[:, axes]
        images.append((np.where(flips, 1 - nodes, nodes), np.where(flips, -period, period)))
    nodes = np.concatenate([image for image, _ in images])
    shift = np.arange(len(operations))[:, None] * len(net.nodes)
    start, end = (np.ravel(ends[None] + shift) for ends in (net.start, net.end))
    union = PeriodicNet(nodes, start, end, np.concatenate([period for _, period in images]))
    return clustered(union, reach)


def clustered(net: PeriodicNet, reach: float) -> PeriodicNet:
    """Nodes joined by chains of steps under `reach` made one, in their middle."""
    home = net.nodes - (cells := np.floor(net.nodes))
    home, cells = np.where(home >= 1, 0.0, home), cells.astype(np.int64) + (home >= 1)
    pairs = KDTree(home, boxsize=1.0).query_pairs(reach, output_type="ndarray")
    joined = csr_array((np.ones(len(pairs)), pairs.T.reshape(2, -1)), shape=(len(home), len(home)))
    count, label = csgraph.connected_components(joined, directed=False)
    first = np.unique(label, return_index=True)[1]
    away = home - home[first[label]]
    wrap = np.round(away).astype(np.int64)
    middle = np.stack([np.bincount(label, (away - wrap)[:, axis], count) for axis in range(3)], axis=1)
    nodes = home[first] + middle / np.bincount(label, minlength=count)[:, None]
    cells = cells + wrap
    period = net.period + cells[net.end] - cells[net.start]
    start, end = label[net.start], label[net.end]
    return _without(PeriodicNet(nodes, start, end, period), (start == end) & (period == 0).all(axis=1))
