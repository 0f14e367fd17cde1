"""`voxplore export`: cells as files for printers, viewers and solvers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from voxplore.cli.common import CellsPath, Out, Overwrite, Result, Verb, heard
from voxplore.ranges import Count, Millimetres, Modulus, Poisson, Skin, Smooth, Tile, Workers

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
    fill: Path | None = None
    """Body (STL, PLY, OBJ, millimetres) to fill with each cell, in place of a block of cells (meshes only)."""
    skin: Skin = 0.0
    """With --fill: thickness of a closed skin in millimetres."""
    grade: Literal["x", "y", "z"] | None = None
    """Blend all cells along this axis into one lattice of `tile` cells, the first and the last at its ends (meshes
    only)."""
    model: str = "default"
    """With --grade: the model whose latents are blended; a folder, "default" or hf://owner/name."""
    workers: Workers | None = None
    """Processes; by default one a core."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore import storage
        from voxplore.data.opening import load_cells
        from voxplore.errors import VoxploreError
        from voxplore.export import Material, export
        from voxplore.workflows.properties import edges_of

        cells = load_cells(self.cells)[: self.n]
        edges = edges_of(cells)
        if len(self.size) == 1 and len(set(edges)) > 1:
            ratio = " : ".join(f"{edge:g}" for edge in edges)
            raise VoxploreError("size", expected=f"three edges, as the cells were built {ratio}", got="one")
        if self.fill is not None or self.grade is not None:
            return self._part(cells)
        material = Material(self.young, self.poisson, self.density, self.yield_stress)
        setting = {"keep_loose": self.keep_loose, "triangles": self.triangles, "material": material, "case": self.case}
        storage.stage(f"writing {storage.counted(len(cells), 'cell')}")
        with heard() as said:
            paths = export(
                cells, self.out, self.format, self.size, self.tile, self.smooth, self.overwrite, self.workers, **setting
            )
        text = "\n".join([f"{storage.counted(len(paths), 'file')} in {self.out}", *said])
        return Result(text, out=self.out, files=[path.name for path in paths], warnings=said)

    def _part(self, cells: Any) -> Result:
        """A body filled with each cell, or all cells blended along an axis."""
        from voxplore.errors import VoxploreError
        from voxplore.hub import model_folder
        from voxplore.workflows.parts import fill, grade

        if len(set(self.size)) != 1 or (self.fill is not None and self.grade is not None):
            raise VoxploreError("export", expected="one size, and one of --fill and --grade", got="more")
        how = {"format": self.format, "size_mm": self.size[0], "smooth": self.smooth, "overwrite": self.overwrite}
        if self.fill is not None:
            parts = fill(cells, self.fill, self.out, skin_mm=self.skin, **how)
            text = "\n".join(
                f"{part.path}: {part.density:.1%} of the body is solid, {part.dropped:.1%} of the solid was loose"
                for part in parts
            )
            return Result(text, out=self.out, files=[part.path.name for part in parts])
        model = model_folder(self.model)
        path, found = grade(cells, self.out, axis=str(self.grade), tile=self.tile, model=model, **how)
        density = ", ".join(f"{value:.3f}" for value in found.density)
        text = (
            f"{path}: one body from end to end, relative density of its layers {density}; where cells meet, planes "
            f"overlap by an IoU of {found.faces:.2f} or more; {found.dropped:.1%} of the solid was loose"
        )
        return Result(text, out=self.out, files=[path.name])
