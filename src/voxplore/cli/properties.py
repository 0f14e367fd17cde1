"""`voxplore properties`: effective stiffness and conductivity of every cell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxplore.cli.common import CellsPath, Engine, Out, Overwrite

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Effective stiffness, conductivity and derived constants of each cell; writes properties.csv, a row a cell.

    Solved cells are kept in the user's cache, so a run that was broken off goes on where it was.
    """

    cells: CellsPath
    """Folder or file of cells."""
    out: Out
    """Folder to write."""
    n: int | None = None
    """Only the first cells."""
    split: Literal["train", "valid", "test"] | None = None
    """Only the cells of one split."""
    young: float = 1.0
    """Young's modulus of the solid; the unit of all moduli."""
    poisson: float = 0.3
    """Poisson's ratio of the solid."""
    tolerance: float = 1e-4
    """Relative residual of the solver."""
    checks: bool = False
    """Also check each cell before printing: percolation, pockets, thinnest parts, symmetry, printable or not."""
    size: float = 10.0
    """Edge of the printed cell in millimetres (--checks)."""
    feature: float = 0.4
    """Thinnest strut that the printer makes, in millimetres (--checks)."""
    pictures: bool = False
    """Also draw Young's modulus over all directions, a PNG a cell in young/."""
    no_cache: bool = False
    """Neither read nor keep solved cells."""
    engine: Engine = "local"
    """Where the work is done: processes on this machine, or Ray."""
    workers: int | None = None
    """Processes; by default one a core."""
    overwrite: Overwrite = False

    def run(self) -> str:
        from tqdm import tqdm

        from voxplore import files
        from voxplore.data.sources import cache_folder
        from voxplore.mechanics import asked_and_solved, properties_of
        from voxplore.unitcells import load_cells

        files.refuse_existing(self.out, self.overwrite)
        cells = load_cells(self.cells, self.split)[: self.n]
        cache = None if self.no_cache else cache_folder() / "properties"
        solid = {"young": self.young, "poisson": self.poisson, "tolerance": self.tolerance}
        with tqdm(total=len(cells), unit="cell", disable=None) as bar:
            work = {"workers": self.workers, "engine": self.engine, "progress": bar.update}
            columns = properties_of(cells, cache, **solid, **work)
        if self.checks:
            from voxplore.checks import checks_of

            found = {"workers": self.workers, "engine": self.engine}
            columns |= checks_of(cells, size_mm=self.size, strut_mm=self.feature, **found)
        asked = asked_and_solved(cells, columns)
        about = {"cells_sha256": cells.sha256(), "n": len(cells), **solid} | ({"asked": asked} if asked else {})
        with files.staged_folder(self.out, self.overwrite) as stage:
            files.write_csv(stage / "properties.csv", {"id": cells.index["id"], **columns})
            files.write_json(stage / "properties.json", about)
            if self.pictures:
                self._draw(cells.index["id"], columns, stage / "young")
        share = columns["auxetic"].mean()
        lines = [f"{len(cells)} cells in {self.out / 'properties.csv'}, {100 * share:.0f} % of them auxetic"]
        return "\n".join([*lines, *(_told(name, found) for name, found in asked.items())])

    def _draw(self, ids, columns, folder: Path) -> None:
        from functools import partial

        from voxplore.export import file_names
        from voxplore.mechanics import directional_young, stiffness_of
        from voxplore.show import render_directional

        for name, stiffness in zip(file_names(ids.tolist()), stiffness_of(columns), strict=True):
            along = partial(directional_young, stiffness, young=self.young)
            render_directional(along, folder / f"{name}.png", f"Young's modulus of {name}")


def _told(name: str, found: dict[str, float]) -> str:
    off = f"{found['off']:.4g} (dealt out at random {found['at_random']:.4g}), correlation {found['correlation']:.2f}"
    return f"mean absolute difference from the {name} asked for: {off}"
