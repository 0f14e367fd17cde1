"""Unit cells to a folder of files that other programs open."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from voxplore import files, geometry
from voxplore.errors import VoxploreError
from voxplore.export import decks, volumes
from voxplore.export.meshes import MESH_WRITERS
from voxplore.export.surface import cell_mesh
from voxplore.parallel import map_items
from voxplore.unitcells import UnitCells, as_voxels

__all__ = ["FORMATS", "encode", "export", "file_names"]

_VOXEL_WRITERS = {"vti": volumes.vti, "npz": volumes.npz, "inp": decks.inp, "msh": decks.msh}
#: Formats of meshes (a smooth surface) and of voxels (exactly the cell).
FORMATS = (*MESH_WRITERS, *_VOXEL_WRITERS)


def export(
    cells: UnitCells | np.ndarray,
    folder: str | Path,
    format: str = "stl",
    size: float | Sequence[float] = 10.0,
    tile: tuple[int, int, int] = (1, 1, 1),
    smooth: float = 0.8,
    overwrite: bool = False,
    workers: int | None = 1,
) -> list[Path]:
    """Write one file a cell into `folder`, all or none, and return their paths.

    format: one of FORMATS. size: edge of one cell in millimetres, or its three edges. tile: cells along x, y, z.
    smooth: blur of the surface in voxels (meshes only). Files are named after the cells' ids. Raises VoxploreError for
    an unknown format, a size that is not positive, or a cell that has no such file (no solid).
    """
    if format not in FORMATS:
        raise VoxploreError("export format", expected=f"one of {', '.join(FORMATS)}", came=format)
    edges = _edges(size)
    if len(tile) != 3 or min(tile) < 1:
        raise VoxploreError("tile", expected="three positive counts", came=str(tile))
    cells = cells if isinstance(cells, UnitCells) else UnitCells.from_voxels(as_voxels(cells))
    names = [f"{stem}.{format}" for stem in file_names([str(name) for name in cells.index["id"].tolist()])]
    with files.staged_folder(folder, overwrite) as stage:
        work = partial(_write_one, format=format, size=edges, tile=tile, smooth=smooth)
        items = [(stage / name, cells[row : row + 1]) for row, name in enumerate(names)]
        for _ in map_items(work, items, workers=workers):
            pass
    return [Path(folder) / name for name in names]


def encode(
    voxels: np.ndarray,
    format: str = "stl",
    size: tuple[float, float, float] = (10.0, 10.0, 10.0),
    tile: tuple[int, int, int] = (1, 1, 1),
    smooth: float = 0.8,
) -> bytes:
    """One cell Bool (d, d, d) as the bytes of a file of the given format."""
    if format in MESH_WRITERS:
        return MESH_WRITERS[format](cell_mesh(voxels, size, tile, smooth))
    whole = (size[0] * tile[0], size[1] * tile[1], size[2] * tile[2])
    return _VOXEL_WRITERS[format](geometry.tile(voxels, tile), whole)


def _write_one(
    item: tuple[Path, UnitCells],
    format: str,
    size: tuple[float, float, float],
    tile: tuple[int, int, int],
    smooth: float,
) -> None:
    path, cell = item
    try:
        content = encode(cell.voxels()[0], format, size, tile, smooth)
    except VoxploreError as error:
        where = f"cell {cell.index['id'][0]} ({error.where})"
        raise VoxploreError(where, expected=error.expected, came=error.came) from error
    path.write_bytes(content)


def _edges(size: float | Sequence[float]) -> tuple[float, float, float]:
    edges = np.broadcast_to(np.asarray(size, float), 3) if np.size(size) in (1, 3) else np.zeros(3)
    if not (np.isfinite(edges).all() and (edges > 0).all()):
        raise VoxploreError("size", expected="one or three positive lengths in millimetres", came=str(size))
    return float(edges[0]), float(edges[1]), float(edges[2])


def file_names(ids: list[str]) -> list[str]:
    """File names from ids: letters, digits, dot, dash, underscore; numbered where two would be the same."""
    stems = [re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._")[:80] or "cell" for name in ids]
    if len({stem.lower() for stem in stems}) < len(stems):
        stems = [f"{row:06d}-{stem}" for row, stem in enumerate(stems)]
    return stems
