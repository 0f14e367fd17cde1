"""One HTML file that shows unit cells: rotate, tile, slice, sort, filter, compare with the nearest, download.

The page loads nothing from anywhere. The cells travel in it as one deflated block of packed bits (1 to 2 kB a cell of
48^3); every text goes through JSON into `textContent`, and the page's own security policy runs no script but the one
written here.
"""

import base64
import hashlib
import html
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.ranges import Millimetres, within
from voxplore.unitcells import UnitCells, as_voxels

__all__ = ["Plot", "gallery"]

#: The parts of the page's script, in this order (folder `page`).
_SCRIPTS = ("volumes", "drawing", "stl", "cards", "plot", "choice", "detail")


@dataclass(frozen=True, eq=False)
class Plot:
    """Points of one column over another. across, up: the columns to begin with.

    lines: name -> values across and up (m,), drawn where these two are shown. cloud: column -> values (k,) of other
    cells, drawn in grey.
    """

    across: str
    up: str
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]]
    cloud: Mapping[str, np.ndarray]


@within
def gallery(
    cells: UnitCells | np.ndarray,
    path: str | Path,
    columns: Mapping[str, Any] | None = None,
    nearest: UnitCells | None = None,
    title: str = "Unit cells",
    sort: str | None = None,
    *,
    units: Mapping[str, str] | None = None,
    plot: Plot | None = None,
    tensors: np.ndarray | None = None,
    size_mm: Millimetres = 10.0,
    brief: Mapping[str, str] | None = None,
) -> None:
    """Write the page.

    cells: UnitCells, or Bool (n, d, d, d). columns: name -> n numbers or texts, shown, sorted and filtered by (scores,
    properties). nearest: n cells, the i-th being the nearest training cell of the i-th cell. sort: the column to begin
    with, highest first. units: column -> unit, written after its values. plot: which columns to plot first; without it
    there is no plot. tensors: stiffnesses (n, 6, 6), to download. size_mm: edge of a cell, to begin with.
    brief: short name -> column, whose values stand on every card.
    Raises VoxploreError where lengths or resolutions differ, or a column is unknown.
    """
    if Path(path).suffix.lower() not in {".html", ".htm"}:
        raise VoxploreError(path, expected="a path that ends in .html", got=Path(path).suffix or "no suffix")
    cells = cells if isinstance(cells, UnitCells) else UnitCells.from_voxels(as_voxels(cells))
    columns = dict(columns or {})
    for name, values in columns.items():
        if np.shape(values) != (len(cells),):
            got = f"shape {np.shape(values)}"
            raise VoxploreError(f"column {name}", expected=f"one value for each of {len(cells)} cells", got=got)
    if sort is not None and sort not in columns:
        raise VoxploreError("sort", expected=f"one of {', '.join(columns) or 'no columns'}", got=sort)
    unknown = [column for column in (brief or {}).values() if column not in columns]
    if unknown:
        raise VoxploreError("brief", expected=f"some of {', '.join(columns) or 'no columns'}", got=unknown[0])
    payload = _payload(cells, columns, nearest, sort, dict(units or {}))
    payload |= {"plot": _plotted(plot, columns), "tensors": _tensors(tensors, len(cells)), "size": size_mm}
    payload["brief"] = [[name, column] for name, column in (brief or {}).items()]
    storage.write_text(path, _page(title, payload))


def _plotted(plot: Plot | None, columns: Mapping[str, Any]) -> dict[str, Any] | None:
    if plot is None:
        return None
    for name in (plot.across, plot.up):
        if name not in columns:
            raise VoxploreError("plot", expected=f"one of {', '.join(columns)}", got=name)
    lines = [{"name": name, "across": _values(x), "up": _values(y)} for name, (x, y) in plot.lines.items()]
    cloud = {name: _values(np.asarray(values, np.float64), 3) for name, values in plot.cloud.items()}
    return {"across": plot.across, "up": plot.up, "lines": lines, "cloud": cloud}


def _tensors(tensors: np.ndarray | None, n: int) -> list[list[float]] | None:
    """The 21 numbers of each, row by row from the diagonal on."""
    if tensors is None:
        return None
    if np.shape(tensors) != (n, 6, 6):
        raise VoxploreError("tensors", expected=f"({n}, 6, 6)", got=str(np.shape(tensors)))
    rows, columns = np.triu_indices(6)
    return [[float(f"{value:.5g}") for value in tensor] for tensor in np.asarray(tensors)[:, rows, columns]]


def _payload(
    cells: UnitCells, columns: dict[str, Any], nearest: UnitCells | None, sort: str | None, units: dict[str, str]
) -> dict[str, Any]:
    packed, beside = np.asarray(cells.packed), None
    if nearest is not None:
        if len(nearest) != len(cells) or nearest.resolution != cells.resolution:
            expected = f"{len(cells)} cells of {cells.resolution}^3"
            raise VoxploreError("nearest cells", expected=expected, got=f"{len(nearest)} of {nearest.resolution}^3")
        known, which = np.unique(np.asarray(nearest.packed), axis=0, return_inverse=True)
        packed = np.concatenate([packed, known])
        beside = {"volume": (which.ravel() + len(cells)).tolist(), "names": _texts(nearest.index["id"])}
    return {
        "resolution": cells.resolution,
        "names": _texts(cells.index["id"]),
        "columns": [
            {"name": str(name), "unit": units.get(name, ""), "values": _values(values)}
            for name, values in columns.items()
        ],
        "nearest": beside,
        "sort": sort,
        "volumes": base64.b64encode(zlib.compress(packed.tobytes(), 9)).decode("ascii"),
    }


def _texts(values: Any) -> list[str]:
    return [str(value) for value in np.asarray(values).tolist()]


def _values(values: Any, digits: int = 5) -> list[Any]:
    """Numbers with so many digits (None where not finite), anything else as text."""
    array = np.asarray(values)
    if array.dtype.kind == "b":
        return ["yes" if value else "no" for value in array.tolist()]
    if array.dtype.kind in "iu":
        return array.tolist()
    if array.dtype.kind == "f":
        return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in array.tolist()]
    return _texts(array)


def _page(title: str, payload: dict[str, Any]) -> str:
    folder = resources.files("voxplore.show").joinpath("page")
    page = folder.joinpath("page.html").read_text(encoding="utf-8")
    script = "\n".join(folder.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    filled = {
        "TITLE": html.escape(title),
        "SCRIPT_HASH": f"sha256-{digest}",
        "DATA": _json(payload),
        "SCRIPT": script,
    }
    # Split first, so that no inserted text is searched for further marks.
    first, *rest = page.split("@@")
    return first + "".join(filled[part] if k % 2 == 0 else part for k, part in enumerate(rest))


def _json(payload: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
