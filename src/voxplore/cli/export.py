"""`voxplore export`: cells as files for printers, viewers and solvers."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from voxplore.cli.common import CellsPath, Out, Overwrite, Result, Verb, heard
from voxplore.ranges import Count, Millimetres, Modulus, Poisson, Smooth, Tile, Workers

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Write one file a cell: meshes (stl, 3mf, ...), solver decks (inp, msh) or volumes (vti, npz)."""

    cells: CellsPath
    out: Out
    """Folder to write."""
    size: Annotated[tuple[Millimetres, ...], tyro.conf.arg(metavar="MM [MM MM]")]
    """Edge of one cell in millimetres, or its edges along x, y, z."""
    format: str = "stl"
    """File format; an unknown one lists them all."""
    n: Count | None = None
    """Only the first cells."""
    tile: tuple[Tile, Tile, Tile] = (1, 1, 1)
    """Cells along x, y, z."""
    smooth: Smooth = 0.8
    """Blur of the surface in voxels (meshes only); the relative density is kept."""
    keep_loose: bool = False
    """Write loose bodies of the part, too; without it, its largest body alone (meshes and msh)."""
    triangles: Count | None = None
    """About how many triangles at most (meshes only; edges are collapsed, the mesh stays closed)."""
    young: Modulus = 1.0
    """Young's modulus of the solid (inp only), in MPa or in any unit that the stresses shall have."""
    poisson: Poisson = 0.3
    """Poisson's ratio of the solid (inp only)."""
    density: Modulus | None = None
    """Density of the solid in kg/m^3 (inp only)."""
    yield_stress: Modulus | None = None
    """Stress from which the solid flows without hardening, in the unit of Young's modulus (inp only)."""
    case: Literal["all", "xx", "yy", "zz", "yz", "xz", "xy"] = "all"
    """Strain that the deck prescribes (inp only): a step for each of the six, or one of them."""
    workers: Workers | None = None
    """Processes; by default one a core."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore import storage
        from voxplore.data.opening import load_cells
        from voxplore.export import Material, export

        cells = load_cells(self.cells)[: self.n]
        material = Material(self.young, self.poisson, self.density, self.yield_stress)
        setting = {"keep_loose": self.keep_loose, "triangles": self.triangles, "material": material, "case": self.case}
        storage.stage(f"writing {len(cells)} cells")
        with heard() as said:
            paths = export(
                cells, self.out, self.format, self.size, self.tile, self.smooth, self.overwrite, self.workers, **setting
            )
        text = "\n".join([f"{len(paths)} files in {self.out}", *said])
        return Result(text, out=self.out, files=[path.name for path in paths], warnings=said)
