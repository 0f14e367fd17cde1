"""`voxplore render`: cells as a picture or as a page."""

from dataclasses import dataclass
from typing import Literal

from voxplore.cli.common import CellsPath, Out, Overwrite, Result, Verb
from voxplore.ranges import Columns, Count, Pixels

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Show cells: a PNG picture, or one offline HTML page in which they can be turned, tiled and sliced."""

    cells: CellsPath
    out: Out
    """File to write; its suffix (.png or .html) says which."""
    n: Count = 64
    """Only the first cells."""
    split: Literal["train", "valid", "test"] | None = None
    """Only the cells of one split."""
    columns: Columns = 8
    """Cells in a row of the picture."""
    size: Pixels = 200
    """Width of one cell in pixels."""
    captions: bool = False
    """Put ids and relative densities below the cells of the picture."""
    lattice: bool = False
    """Show each cell beside its lattice of 3 x 3 x 3."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore import show, storage
        from voxplore.data.opening import load_cells

        storage.refuse_existing(self.out, self.overwrite)
        cells = load_cells(self.cells, self.split)[: self.n]
        storage.stage(f"drawing {storage.counted(len(cells), 'cell')}")
        density = cells.relative_density()
        if self.out.suffix.lower() in (".html", ".htm"):
            show.gallery(cells, self.out, {"relative density": density}, title=str(cells.about.get("name", "cells")))
        elif self.lattice:
            show.render_lattice(cells, self.out, size=self.size)
        else:
            texts = [f"{name}\n{share:.3f}" for name, share in zip(cells.index["id"], density, strict=True)]
            show.render(cells, self.out, self.columns, texts if self.captions else None, self.size)
        return Result(f"{storage.counted(len(cells), 'cell')} in {self.out}", n=len(cells), out=self.out)
