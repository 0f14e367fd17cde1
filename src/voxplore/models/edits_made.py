"""The edits themselves: of a net of struts, or of voxels."""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.data.synthetic.truss import voxelise_segments
from voxplore.recipes.edits import EditsSampling

__all__ = ["edited_net", "edited_voxels"]

#: Tries at an edit whose outcome can be refused.
_TRIES = 20


def edited_net(net: PeriodicNet, options: EditsSampling, rng: np.random.Generator) -> PeriodicNet:
    """The net after `options.edits` edits, each chosen at random: a strut removed, a strut added, a node moved."""
    for _ in range(options.edits):
        edit = (_without_a_strut, _with_a_strut, _with_a_node_moved)[rng.integers(3)]
        net = edit(net, options, rng)
    return net


def _without_a_strut(net: PeriodicNet, options: EditsSampling, rng: np.random.Generator) -> PeriodicNet:
    if len(net.start) < 2:
        return net
    kept = np.arange(len(net.start)) != rng.integers(len(net.start))
    return dataclasses.replace(net, start=net.start[kept], end=net.end[kept], period=net.period[kept])


def _with_a_strut(net: PeriodicNet, options: EditsSampling, rng: np.random.Generator) -> PeriodicNet:
    """Two nodes, one of them in this cell or a neighbouring one, joined where the strut is neither short nor long."""
    known = {(a, b, *p) for a, b, p in zip(net.start.tolist(), net.end.tolist(), net.period.tolist(), strict=True)}
    for _ in range(_TRIES):
        a, b = (int(k) for k in rng.integers(0, len(net.nodes), 2))
        period = rng.integers(-1, 2, 3)
        length = np.linalg.norm(net.nodes[b] + period - net.nodes[a])
        there = (a, b, *period.tolist()) in known or (b, a, *(-period).tolist()) in known
        if options.shortest <= length <= options.longest and not there:
            return PeriodicNet(
                net.nodes, np.append(net.start, a), np.append(net.end, b), np.concatenate([net.period, period[None]])
            )
    return net


def _with_a_node_moved(net: PeriodicNet, options: EditsSampling, rng: np.random.Generator) -> PeriodicNet:
    for _ in range(_TRIES):
        nodes = net.nodes.copy()
        nodes[rng.integers(len(nodes))] += options.move * rng.standard_normal(3)
        moved = dataclasses.replace(net, nodes=nodes)
        if moved.lengths().min() >= options.shortest:
            return moved
    return net


def edited_voxels(
    voxels: np.ndarray, another: Callable[[], np.ndarray], options: EditsSampling, rng: np.random.Generator
) -> np.ndarray:
    """The cell Bool (d, d, d) after `options.edits` edits: a capsule cut or added, or a blend with `another()`."""
    for _ in range(options.edits):
        edit = rng.integers(3)
        if edit == 0:
            voxels = _blended(voxels, another(), options)
        elif voxels.any():
            capsule = _capsule(voxels, options, rng)
            voxels = voxels & ~capsule if edit == 1 else voxels | capsule
    return voxels


def _capsule(voxels: np.ndarray, options: EditsSampling, rng: np.random.Generator) -> np.ndarray:
    """A periodic capsule from a solid voxel on, in any direction, of any length up to the longest."""
    d = voxels.shape[0]
    solid = np.flatnonzero(voxels)
    start = (np.stack(np.unravel_index(rng.choice(solid), voxels.shape)) + 0.5) / d
    direction = rng.standard_normal(3)
    length = rng.uniform(options.shortest, options.longest)
    end = start + length * direction / np.linalg.norm(direction)
    return voxelise_segments(np.stack([start, end])[None], d, options.radius, periodic=True)


def _blended(voxels: np.ndarray, other: np.ndarray, options: EditsSampling) -> np.ndarray:
    """The solid of the mean of both cells, smoothed, that is as dense as they are on average."""
    blur = options.blur * voxels.shape[0]
    mean = sum(gaussian_filter(cell.astype(np.float32), blur, mode="wrap") for cell in (voxels, other))
    count = (int(voxels.sum()) + int(other.sum())) // 2
    if not count:
        return np.zeros_like(voxels)
    return np.asarray(mean >= np.partition(mean, -count, axis=None)[-count])
