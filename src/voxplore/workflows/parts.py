"""Parts of more than one block of a cell: a body filled with a cell, and cells blended along an axis, as meshes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxplore import storage
from voxplore.data.imported.meshes import read_body
from voxplore.errors import VoxploreError
from voxplore.export import Mesh, cell_mesh, file_names
from voxplore.export.meshes import MESH_WRITERS, three_mf
from voxplore.kernels import bodies
from voxplore.ranges import Millimetres, Skin, Smooth, Tile, within
from voxplore.unitcells import UnitCells, unpack
from voxplore.workflows.grade import Graded, graded

__all__ = ["Part", "fill", "filled", "grade"]

#: Void voxels around a part that is not periodic, so that its surface closes.
_MARGIN = 2


@dataclass(frozen=True)
class Part:
    """A file, what share of its body's volume is solid, and what share of the solid was loose and left out."""

    path: Path
    density: float
    dropped: float


def filled(cell: np.ndarray, body: np.ndarray, skin: int = 0) -> np.ndarray:
    """The body Bool (nx, ny, nz) filled with a lattice of cells Bool (d, d, d) that begin at its first voxel.

    skin: all voxels of the body as near to its surface are solid too.
    """
    from scipy import ndimage

    repeats = [-(-n // d) for n, d in zip(body.shape, cell.shape, strict=True)]
    lattice = np.tile(cell, repeats)[tuple(slice(0, n) for n in body.shape)]
    solid = lattice & body
    if skin:
        depth = np.asarray(ndimage.distance_transform_edt(np.pad(body, 1)))[1:-1, 1:-1, 1:-1]
        solid |= body & (depth <= skin)
    return solid


@within
def fill(
    cells: UnitCells,
    body: str | Path,
    folder: str | Path,
    *,
    format: str = "stl",
    size_mm: Millimetres = 10.0,
    skin_mm: Skin = 0.0,
    smooth: Smooth = 0.8,
    overwrite: bool = False,
) -> list[Part]:
    """A mesh a cell: the body of an STL, PLY or OBJ file in millimetres, filled with that cell, in its place.

    skin_mm: thickness of a closed skin (it shuts powder in), 0 for none. Each part is its largest body alone. Raises
    VoxploreError for a format that is no mesh, a file that is no closed surface, or a part without solid.
    """
    _check_format(format)
    pitch = size_mm / cells.resolution
    voxels, corner = read_body(body, pitch)
    parts = []
    with storage.staged_folder(folder, overwrite) as stage:
        for row, stem in enumerate(file_names([str(name) for name in cells.index["id"].tolist()])):
            cell = unpack(np.asarray(cells.packed)[[row]], cells.resolution)[0]
            whole = filled(cell, voxels, round(skin_mm / pitch))
            if not whole.any():
                raise VoxploreError(f"cell {stem}", expected="some solid inside the body", got="none")
            kept = bodies(whole).largest
            mesh = _mesh(kept, pitch, corner, smooth)
            (stage / f"{stem}.{format}").write_bytes(_encoded(mesh, format, stem))
            dropped = 1 - float(kept.sum()) / int(whole.sum())
            parts.append(Part(Path(folder) / f"{stem}.{format}", float(kept.sum() / voxels.sum()), dropped))
    return parts


@within
def grade(
    cells: UnitCells,
    folder: str | Path,
    *,
    axis: str = "z",
    tile: Sequence[Tile] = (2, 2, 6),
    model: str | Path = "default",
    format: str = "stl",
    size_mm: Millimetres = 10.0,
    smooth: Smooth = 0.8,
    overwrite: bool = False,
) -> tuple[Path, Graded]:
    """One mesh of all cells blended along an axis ("x", "y" or "z"), see `graded`; model: a folder or "default"."""
    from voxplore.models import load_model

    _check_format(format)
    if axis not in ("x", "y", "z"):
        raise VoxploreError("axis", expected="x, y or z", got=axis)
    storage.refuse_existing(Path(folder), overwrite)
    counts = (int(tile[0]), int(tile[1]), int(tile[2]))
    found = graded(load_model(model, "auto"), cells, "xyz".index(axis), counts)
    mesh = _mesh(found.voxels, size_mm / cells.resolution, np.zeros(3), smooth)
    with storage.staged_folder(folder, overwrite) as stage:
        (stage / f"graded.{format}").write_bytes(_encoded(mesh, format, "graded"))
    return Path(folder) / f"graded.{format}", found


def _check_format(format: str) -> None:
    if format not in MESH_WRITERS:
        raise VoxploreError("export format", expected=f"a mesh: {', '.join(MESH_WRITERS)}", got=format)


def _mesh(voxels: np.ndarray, pitch: float, corner: np.ndarray, smooth: float) -> Mesh:
    """Closed mesh of Bool (nx, ny, nz) that is not periodic, its first voxel at `corner`, in millimetres."""
    wide = np.pad(voxels, _MARGIN)
    x, y, z = (pitch * n for n in wide.shape)
    mesh = cell_mesh(wide, (x, y, z), smooth=smooth)
    return Mesh(mesh.vertices + corner - _MARGIN * pitch, mesh.faces)


def _encoded(mesh: Mesh, format: str, name: str) -> bytes:
    return three_mf(mesh, name) if format == "3mf" else MESH_WRITERS[format](mesh)
