"""Unit cells to a folder of files that other programs open."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import geometry, storage
from voxplore.errors import VoxploreError
from voxplore.export import decks, volumes
from voxplore.export.decks import Material
from voxplore.export.meshes import MESH_WRITERS, three_mf
from voxplore.export.surface import cell_mesh
from voxplore.kernels import bodies
from voxplore.parallel import map_items
from voxplore.ranges import Count, Millimetres, Smooth, Tile, Workers, within
from voxplore.unitcells import UnitCells, as_voxels

__all__ = ["FORMATS", "encode", "export", "file_names"]

#: Share of the solid below which loose bodies are dropped without a word.
_CRUMBS = 5e-4
_VOXEL_WRITERS = {"vti": volumes.vti, "npz": volumes.npz, "inp": decks.inp, "msh": decks.msh}
#: Formats of meshes (a smooth surface) and of voxels (exactly the cell).
FORMATS = (*MESH_WRITERS, *_VOXEL_WRITERS)


@within
def export(
    cells: UnitCells | np.ndarray,
    folder: str | Path,
    format: str = "stl",
    size: float | Sequence[float] = 10.0,
    tile: tuple[Tile, Tile, Tile] = (1, 1, 1),
    smooth: Smooth = 0.8,
    overwrite: bool = False,
    workers: Workers | None = 1,
    keep_loose: bool = False,
    triangles: Count | None = None,
    material: Material | None = None,
    case: str = "all",
) -> list[Path]:
    """Write one file a cell into `folder`, all or none, and return their paths.

    format: one of FORMATS. size: edge of one cell in millimetres, or its three edges. tile: cells along x, y, z.
    smooth: blur of the surface in voxels; triangles: about how many at most (both meshes only). Parts are their largest
    body alone (meshes and msh), and a RuntimeWarning says what was dropped; keep_loose: write all bodies. material,
    case: of decks (inp), see `inp`. vti and npz hold the voxels as they are. Files are named after the cells' ids.
    Raises VoxploreError for an unknown format, a size that is not positive, or a cell that has no such file (no solid).
    """
    if format not in FORMATS:
        raise VoxploreError("export format", expected=f"one of {', '.join(FORMATS)}", got=format)
    edges = _edges(size)
    cells = cells if isinstance(cells, UnitCells) else UnitCells.from_voxels(as_voxels(cells))
    geometry.check_lattice((cells.resolution,) * 3, tile)
    names = [f"{stem}.{format}" for stem in file_names([str(name) for name in cells.index["id"].tolist()])]
    setting = {"keep_loose": keep_loose, "triangles": triangles, "material": material, "case": case}
    with storage.staged_folder(folder, overwrite) as stage:
        work = partial(_write_one, format=format, size=edges, tile=tile, smooth=smooth, **setting)
        items = [(stage / name, cells[row : row + 1]) for row, name in enumerate(names)]
        written = list(map_items(work, items, workers=workers))
    for one in written:
        if one.said:
            warnings.warn(one.said, RuntimeWarning, stacklevel=2)
    loose = np.array([one.loose for one in written])
    if (loose >= _CRUMBS).any():
        dropped = f"{np.count_nonzero(loose >= _CRUMBS)} of {len(loose)} parts: loose bodies were dropped"
        warnings.warn(f"{dropped}, at most {loose.max():.1%} of the solid of a part", RuntimeWarning, stacklevel=2)
    return [Path(folder) / name for name in names]


@within
def encode(
    voxels: np.ndarray,
    format: str = "stl",
    size: tuple[Millimetres, Millimetres, Millimetres] = (10.0, 10.0, 10.0),
    tile: tuple[Tile, Tile, Tile] = (1, 1, 1),
    smooth: Smooth = 0.8,
    keep_loose: bool = False,
    triangles: Count | None = None,
    material: Material | None = None,
    case: str = "all",
    name: str = "unit cell",
) -> bytes:
    """One cell Bool (d, d, d) as the bytes of a file of the given format; arguments as in `export`."""
    if format in MESH_WRITERS:
        mesh = cell_mesh(voxels, size, tile, smooth, keep_loose, triangles)
        return three_mf(mesh, name) if format == "3mf" else MESH_WRITERS[format](mesh)
    lattice = geometry.tile(voxels, tile)
    whole = (size[0] * tile[0], size[1] * tile[1], size[2] * tile[2])
    if format == "inp":
        return decks.inp(lattice, whole, material, case)
    if format == "msh" and voxels.any() and not keep_loose:
        lattice = bodies(lattice).largest
    return _VOXEL_WRITERS[format](lattice, whole)


@dataclass(frozen=True)
class _Written:
    """loose: share of the solid that was dropped. said: what the writer warned of, "" for nothing."""

    loose: float
    said: str


def _write_one(
    item: tuple[Path, UnitCells], format: str, tile: tuple[int, int, int], keep_loose: bool, **setting: Any
) -> _Written:
    """Write the file of one cell."""
    path, cell = item
    voxels = cell.voxels()[0]
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", RuntimeWarning)
            content = encode(voxels, format, tile=tile, keep_loose=keep_loose, name=path.stem, **setting)
    except VoxploreError as error:
        where = f"cell {cell.index['id'][0]} ({error.where})"
        raise VoxploreError(where, expected=error.expected, got=error.got) from error
    path.write_bytes(content)
    cut = not keep_loose and (format in MESH_WRITERS or format == "msh")
    said = "; ".join(str(one.message) for one in told if issubclass(one.category, RuntimeWarning))
    loose = bodies(geometry.tile(voxels, tile)).loose if cut else 0.0
    return _Written(loose, f"cell {cell.index['id'][0]}: {said}" if said else "")


def _edges(size: float | Sequence[float]) -> tuple[float, float, float]:
    edges = np.broadcast_to(np.asarray(size, float), 3) if np.size(size) in (1, 3) else np.zeros(3)
    if not (np.isfinite(edges).all() and (edges > 0).all()):
        raise VoxploreError("size", expected="one or three positive lengths in millimetres", got=str(size))
    return float(edges[0]), float(edges[1]), float(edges[2])


def file_names(ids: list[str]) -> list[str]:
    """File names from ids: letters, digits, dot, dash, underscore; numbered where two would be the same."""
    stems = [re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._")[:80] or "cell" for name in ids]
    if len({stem.lower() for stem in stems}) < len(stems):
        stems = [f"{row:06d}-{stem}" for row, stem in enumerate(stems)]
    return stems
