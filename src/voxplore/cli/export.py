"""`voxplore export`: cells as files for printers, viewers and solvers."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from voxplore.cli.common import CellsPath, Out, Overwrite

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Write one file a cell: meshes (stl, 3mf, ...), solver decks (inp, msh) or volumes (vti, npz)."""

    cells: CellsPath
    out: Out
    """Folder to write."""
    size: Annotated[tuple[float, ...], tyro.conf.arg(metavar="MM [MM MM]")]
    """Edge of one cell in millimetres, or its edges along x, y, z."""
    format: str = "stl"
    """File format; an unknown one lists them all."""
    n: int | None = None
    """Only the first cells."""
    tile: tuple[int, int, int] = (1, 1, 1)
    """Cells along x, y, z."""
    smooth: float = 0.8
    """Blur of the surface in voxels (meshes only); the relative density is kept."""
    workers: int | None = None
    """Processes; by default one a core."""
    overwrite: Overwrite = False

    def run(self) -> str:
        from voxplore.export import export
        from voxplore.unitcells import load_cells

        cells = load_cells(self.cells)[: self.n]
        paths = export(
            cells, self.out, self.format, self.size, self.tile, self.smooth, self.overwrite, workers=self.workers
        )
        return f"{len(paths)} files in {self.out}"
