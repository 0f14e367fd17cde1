"""Strut graphs from other programs: JSON nodes and bars, in fractions of the cell or in millimetres."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.data.synthetic.truss import CUBE, REACH, StrutGraph, checked
from voxplore.errors import VoxploreError

__all__ = ["is_centred", "read_graph"]

#: Slack of coordinates at a face, as a share of the cell.
_SLACK = 1e-3


def read_graph(path: str | Path, edge: Sequence[float] | None = None) -> StrutGraph:
    """A strut graph from JSON: {"nodes": [[x, y, z], ...], "bars": [[i, j], ...]}, counted from 0; "edges" are bars.

    edge: edges of the cell along x, y, z in the unit of the nodes; without it nodes are fractional. A cell that is
    centred on the origin is moved to where it runs from 0 on. Optional in the file: "name", and "cell" (a, b, c, alpha,
    beta, gamma). Raises VoxploreError with what is wrong.
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
    return checked(path, name, nodes, bars, tuple(cell.tolist()), None, "file", first=0)


def is_centred(corners: np.ndarray) -> bool:
    """Whether points (m, 3), in units of the cell, lie in a cell from -1/2 to 1/2 and not in one from 0 to 1."""
    if not len(corners) or np.abs(corners).max() > 0.5 + _SLACK or corners.min() >= -_SLACK:
        return False
    return bool(np.abs(corners.min(0) + corners.max(0)).max() < 0.5)  # nearer to the origin than to (1/2, 1/2, 1/2)


def _table(rows: Any, width: int, kind: type, path: str | Path, name: str) -> np.ndarray:
    expected = f'"{name}" as rows of {width} finite numbers'
    try:
        table = np.array(rows, np.float64) if rows else np.zeros((0, width))
    except (TypeError, ValueError, OverflowError) as error:
        raise VoxploreError(path, expected=expected, got="something else") from error
    if table.ndim != 2 or table.shape[1] != width:
        raise VoxploreError(path, expected=expected, got=f"an array of shape {table.shape}")
    if not np.isfinite(table).all() or (kind is np.int64 and (table % 1).any()):
        raise VoxploreError(path, expected=expected, got="other values")
    return table.astype(kind)
