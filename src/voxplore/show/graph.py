"""A strut graph as a thin-lined solid, so that the renderer of cells can draw it."""

import itertools

import numpy as np

from voxplore.errors import VoxploreError

__all__ = ["graph_field"]

_RESOLUTION = 96
_STRUT, _NODE = 1.3, 2.6  # radii in voxels of this drawing
_OVERHANG = 4  # voxels around the cell, for the balls on its corners


def graph_field(nodes: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The field whose 0.5 level is the drawn graph, float32 (104, 104, 104); where its nodes are, Bool; the overhang.

    nodes: float (m, 3), fractions of the cell edge; edges: int (k, 2), rows of `nodes`. The field spans the cell and an
    overhang (a fraction of the cell edge) on every side. Raises VoxploreError for an edge to no node.
    """
    nodes, edges = np.asarray(nodes, float).reshape(-1, 3), np.asarray(edges, int).reshape(-1, 2)
    if len(edges) and not (edges.min() >= 0 and edges.max() < len(nodes)):
        got = f"{edges.min()} to {edges.max()}"
        raise VoxploreError("edges", expected=f"rows of {len(nodes)} nodes", got=got)
    places = nodes * _RESOLUTION + _OVERHANG
    side = _RESOLUTION + 2 * _OVERHANG
    struts = np.full((side, side, side), np.inf, np.float32)
    balls = np.full_like(struts, np.inf)
    for start, end in places[edges]:
        pieces = max(1, int(np.linalg.norm(end - start) / 10))
        stops = np.linspace(start, end, pieces + 1)
        for a, b in itertools.pairwise(stops):
            _lower(struts, a, b, _STRUT)
    for place in places:
        _lower(balls, place, place, _NODE)
    depth = np.maximum(_STRUT - struts, _NODE - balls)
    return np.clip(0.5 + 0.35 * depth, 0, 1).astype(np.float32), balls <= _NODE + 1, _OVERHANG / _RESOLUTION


def _lower(distance: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> None:
    """Put the distance to one segment into the voxels around it, where it is the smallest yet."""
    low = np.clip(np.floor(np.minimum(start, end) - radius - 2).astype(int), 0, None)
    high = np.minimum(np.ceil(np.maximum(start, end) + radius + 2).astype(int), distance.shape[0])
    if (low >= high).any():
        return
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    points = np.stack(np.meshgrid(*[np.arange(a, b) + 0.5 for a, b in zip(low, high, strict=True)], indexing="ij"), -1)
    along = end - start
    share = np.clip((points - start) @ along / max(along @ along, 1e-12), 0, 1)
    away = np.linalg.norm(points - start - share[..., None] * along, axis=-1)
    distance[box] = np.minimum(distance[box], away)
