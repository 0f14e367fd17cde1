"""`voxplore degrade`: cells spoiled on purpose."""

from dataclasses import dataclass
from typing import Literal

from voxplore.cli.common import CellsPath, Out, Overwrite

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Spoil each cell once, as the negatives of a training are made, and write them as a folder of cells."""

    cells: CellsPath
    out: Out
    """Folder to write."""
    kind: str = "published"
    """How: one kind of damage (noise, void_block, closed_faces, ...) or a mix (published, failures, ...); another word
    lists them."""
    n: int | None = None
    """Only the first cells."""
    split: Literal["train", "valid", "test"] | None = None
    """Only the cells of one split."""
    seed: int = 0
    overwrite: Overwrite = False

    def run(self) -> str:
        from voxplore import files
        from voxplore.data.negatives import degrade_cells
        from voxplore.unitcells import load_cells

        files.refuse_existing(self.out, self.overwrite)
        degraded = degrade_cells(load_cells(self.cells, self.split)[: self.n], self.kind, self.seed)
        degraded.save(self.out, self.overwrite)
        return f"{len(degraded)} cells in {self.out}"
