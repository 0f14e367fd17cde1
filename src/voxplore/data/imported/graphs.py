"""Strut graphs from other programs: JSON nodes and bars."""

from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.data.synthetic.truss import CUBE, StrutGraph, checked
from voxplore.errors import VoxploreError

__all__ = ["read_graph"]


def read_graph(path: str | Path) -> StrutGraph:
    """A strut graph from JSON: {"nodes": [[x, y, z], ...], "bars": [[i, j], ...]}, fractional, counted from 0.

    Optional: "name", and "cell" (a, b, c, alpha, beta, gamma). Raises VoxploreError with what is wrong.
    """
    data = storage.read_json(path)
    if not isinstance(data, dict) or "nodes" not in data or "bars" not in data:
        raise VoxploreError(path, expected='an object with "nodes" and "bars"', got=type(data).__name__)
    nodes = _table(data["nodes"], 3, np.float64, path, "nodes")
    bars = _table(data["bars"], 2, np.int64, path, "bars")
    cell = _table([data.get("cell", CUBE)], 6, np.float64, path, "cell")[0]
    name = str(data.get("name", Path(path).stem))
    return checked(path, name, nodes, bars, tuple(cell.tolist()), None, "file", first=0)


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
