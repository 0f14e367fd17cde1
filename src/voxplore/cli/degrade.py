"""`voxplore degrade`: cells corrupted as negatives of a training."""

from dataclasses import dataclass
from typing import Literal

from voxplore.cli.common import CellsPath, Out, Overwrite, Result, Verb
from voxplore.ranges import Count, Seed

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Spoil each cell once, as the negatives of a training are made, and write them as a folder of cells."""

    cells: CellsPath
    out: Out
    """Folder to write."""
    kind: str = "published"
    """How: one kind of damage (noise, void_block, closed_faces, ...) or a mix (published, failures, ...); another word
    lists them."""
    n: Count | None = None
    """Only the first cells."""
    split: Literal["train", "valid", "test"] | None = None
    """Only the cells of one split."""
    seed: Seed = 0
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore import storage
        from voxplore.data.opening import load_cells
        from voxplore.data.prepare.negatives import degrade_cells

        storage.refuse_existing(self.out, self.overwrite)
        degraded = degrade_cells(load_cells(self.cells, self.split)[: self.n], self.kind, self.seed)
        degraded.save(self.out, self.overwrite)
        return Result(f"{storage.counted(len(degraded), 'cell')} in {self.out}", n=len(degraded), out=self.out)
