"""`voxplore train`: a generator of one's own."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from voxplore.cli.common import CellsPath, Device, Out

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Train a generator on cells (on their training split, where they have one); the same command again resumes.

    Writes the checkpoints and log.jsonl to OUT/run, and the finished model to OUT/model.
    """

    cells: CellsPath
    """Folder or file of cells."""
    recipe: str
    """Name of the recipe; `voxplore recipes` lists them."""
    out: Out
    """Folder of the run."""
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FIELD=VALUE...")] = ()
    """Fields that differ from the recipe, such as denoiser_training.cells=2000000."""
    dry_run: bool = False
    """Print the whole configuration and stop."""
    device: Device = "auto"

    def run(self) -> str:
        from voxplore.data.opening import load_cells
        from voxplore.workflows import train

        if self.dry_run:
            return train.shown(self.recipe, self.set)
        folder = train.train(load_cells(self.cells), self.recipe, self.out, self.set, self.device)
        return f"model in {folder}"
