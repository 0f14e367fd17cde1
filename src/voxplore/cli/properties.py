"""`voxplore properties`: effective stiffness, strength and conductivity of every cell."""

from dataclasses import dataclass
from typing import Literal

from voxplore.cli.common import CellsPath, Engine, Out, Overwrite, Result, Verb
from voxplore.ranges import Count, Edge, Millimetres, Modulus, Poisson, Soft, Tile, Tolerance, Workers

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Effective stiffness, strength, conductivity and constants of each cell; writes properties.csv, a row a cell.

    Solved cells are kept in the user's cache, so a run that was broken off goes on where it was.
    """

    cells: CellsPath
    """Folder or file of cells."""
    out: Out
    """Folder to write."""
    n: Count | None = None
    """Only the first cells."""
    split: Literal["train", "valid", "test"] | None = None
    """Only the cells of one split."""
    young: Modulus = 1.0
    """Young's modulus of the solid; the unit of all moduli."""
    poisson: Poisson = 0.3
    """Poisson's ratio of the solid."""
    edges: tuple[Edge, Edge, Edge] | None = None
    """Edges of the cell along x, y, z, of which only the ratios count; by default those that the cells were built
    with."""
    void_young: Soft = 0.0
    """Young's modulus of a second phase that fills the void."""
    void_conductivity: Soft = 0.0
    """Conductivity of the second phase, in that of the solid."""
    pores: bool = False
    """Also the effective diffusivity of the pores."""
    tolerance: Tolerance = 1e-4
    """Relative residual of the solver."""
    checks: bool = False
    """Also check each cell before printing: percolation, pockets, thinnest parts, symmetry, printable or not."""
    size: Millimetres = 10.0
    """Edge of the printed cell in millimetres (--checks)."""
    feature: Millimetres = 0.4
    """Thinnest strut that the printer makes, in millimetres (--checks)."""
    tile: tuple[Tile, Tile, Tile] = (1, 1, 1)
    """Cells along x, y, z of the part that is cut from the lattice (--checks)."""
    bands: bool = False
    """Also phononic bands and their widest gap, at 24^3 (bands.csv): one to five minutes a cell."""
    pictures: bool = False
    """Also draw Young's modulus over all directions, a PNG a cell in young/."""
    no_cache: bool = False
    """Neither read nor keep solved cells."""
    engine: Engine = "local"
    """Where the work is done: processes on this machine, or Ray."""
    workers: Workers | None = None
    """Processes; by default one a core."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore import storage
        from voxplore.data.opening import load_cells
        from voxplore.workflows.properties import edges_of, properties

        storage.refuse_existing(self.out, self.overwrite)
        cells = load_cells(self.cells, self.split)[: self.n]
        names = ("young", "poisson", "tolerance", "void_young", "void_conductivity", "pores")
        edges = self.edges or edges_of(cells)
        found = properties(
            cells,
            self.out,
            {name: getattr(self, name) for name in names} | {"edges": edges},
            checks={"size_mm": self.size, "strut_mm": self.feature, "tile": self.tile} if self.checks else None,
            bands=self.bands,
            pictures=self.pictures,
            cache=not self.no_cache,
            workers=self.workers,
            engine=self.engine,
            overwrite=self.overwrite,
        )
        share = f"{100 * found.auxetic:.0f} % of them auxetic"
        shape = "" if len(set(edges)) == 1 else f", edges in the ratio {' : '.join(f'{edge:g}' for edge in edges)}"
        unit = "moduli in units of the solid's (--young gives them in yours)" if self.young == 1 else ""
        unit = unit or f"moduli for a solid of {self.young:g}"
        n = storage.counted(len(cells), "cell")
        lines = [f"{n} in {self.out / 'properties.csv'}, {share}{shape}; {unit}", *found.first]
        lines += [f"{found.slack} of {n} without stiffness along x, y or z"] if found.slack else []
        text = "\n".join([*lines, *(_told(name, wanted) for name, wanted in found.wanted.items())])
        return Result(text, n=len(cells), out=self.out, auxetic=found.auxetic, slack=found.slack, wanted=found.wanted)


def _told(name: str, found: dict[str, float]) -> str:
    off = f"{found['off']:.4g} (dealt out at random {found['at_random']:.4g}), correlation {found['correlation']:.2f}"
    return f"mean absolute difference from the {name} asked for: {off}"
