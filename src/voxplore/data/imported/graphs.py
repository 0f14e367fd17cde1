"""Strut graphs from other programs: JSON nodes and bars, in fractions of the cell or in millimetres."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.data.synthetic.truss import CUBE, REACH, StrutGraph, checked
from voxplore.errors import VoxploreError

__all__ = ["is_centred", "read_graph", "strut_radius"]

#: What other programs call a thickness of struts that is not read: it would be lost without a word.
_UNREAD = re.compile(r"radi|diam|thick|width|\br\b|\bd\b|\bt\b", re.IGNORECASE)
#: Largest radius as a share of the cell edge.
_MOST = 0.5
#: Slack of coordinates at a face, as a share of the cell.
_SLACK = 1e-3


def read_graph(path: str | Path, edge: Sequence[float] | None = None) -> StrutGraph:
    """A strut graph from JSON: {"nodes": [[x, y, z], ...], "bars": [[i, j], ...]}, counted from 0; "edges" are bars.

    edge: edges of the cell along x, y, z in the unit of the nodes; without it nodes are fractional. A cell that is
    centred on the origin is moved to where it runs from 0 on. Optional in the file: "name", "radius" (one number in the
    unit of the nodes), and "cell" (a, b, c, alpha, beta, gamma). Raises VoxploreError with what is wrong.
    """
    data = storage.read_json(path)
    key = "edges" if isinstance(data, dict) and "bars" not in data else "bars"
    if not isinstance(data, dict) or "nodes" not in data or key not in data:
        got = (
            f"one with {', '.join(map(str, data))[:80] or 'nothing'}" if isinstance(data, dict) else type(data).__name__
        )
        raise VoxploreError(path, expected='an object with "nodes" and "bars" (or "edges")', got=got)
    nodes = _table(data["nodes"], 3, np.float64, path, "nodes")
    bars = _table(data[key], 2, np.int64, path, key)
    nodes = nodes if edge is None else nodes / np.asarray(edge, np.float64)
    if edge is None and len(nodes) and np.abs(nodes).max() > REACH:
        expected = "fractional coordinates in [0, 1] (`voxplore build graphs --edge MM` takes millimetres)"
        raise VoxploreError(path, expected=expected, got=str(nodes[np.abs(nodes).max(1) > REACH][0].tolist()))
    if is_centred(nodes):
        nodes = nodes + 0.5
    cell = _table([data.get("cell", CUBE)], 6, np.float64, path, "cell")[0]
    name = str(data.get("name", Path(path).stem))
    found = checked(path, name, nodes, bars, tuple(cell.tolist()), None, "file", first=0)
    return replace(found, radius=_radius(data, edge, path))


def strut_radius(length: float, edge: Sequence[float] | None, where: str | Path) -> float:
    """A radius in the unit of the nodes as a share of the longest cell edge; VoxploreError where that is none."""
    size = (1.0,) if edge is None else tuple(edge)
    if not 0 < length <= _MOST * min(size):
        got = f"{length:g} in an edge of {min(size):g}"
        raise VoxploreError(where, expected=f"a radius of struts up to {_MOST:g} times the cell edge", got=got)
    return length / max(size)


def _radius(data: dict[str, Any], edge: Sequence[float] | None, path: str | Path) -> float | None:
    """The share of the cell edge that the file's "radius" is, None without one."""
    for name in data:
        if name != "radius" and _UNREAD.search(name):
            raise VoxploreError(
                path, expected='one "radius" for all struts, in the unit of the nodes', got=f'"{name[:40]}"'
            )
    if "radius" not in data:
        return None
    value = data["radius"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise VoxploreError(path, expected='"radius" as one number in the unit of the nodes', got=str(value)[:40])
    return strut_radius(float(value), edge, path)


def is_centred(corners: np.ndarray) -> bool:
    """Whether points (m, 3), in units of the cell, lie in a cell from -1/2 to 1/2 and not in one from 0 to 1."""
    if not len(corners) or np.abs(corners).max() > 0.5 + _SLACK or corners.min() >= -_SLACK:
        return False
    return bool(np.abs(corners.min(0) + corners.max(0)).max() < 0.5)  # nearer to the origin than to (1/2, 1/2, 1/2)


def _table(rows: Any, width: int, kind: type, path: str | Path, name: str) -> np.ndarray:
    example = "[[0, 0, 0], [1, 1, 1]]" if width == 3 else "[[0, 1]]"
    expected = f'"{name}" as rows of {width} finite numbers' + (f", such as {example}" if width < 6 else "")
    try:
        table = np.array(rows, np.float64) if rows else np.zeros((0, width))
    except (TypeError, ValueError, OverflowError) as error:
        raise VoxploreError(path, expected=expected, got="something else") from error
    if table.ndim != 2 or table.shape[1] != width:
        raise VoxploreError(path, expected=expected, got=f"an array of shape {table.shape}")
    if not np.isfinite(table).all() or (kind is np.int64 and (table % 1).any()):
        raise VoxploreError(path, expected=expected, got="other values")
    return table.astype(kind)
