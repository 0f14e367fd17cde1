"""`voxplore train`: a generator of one's own."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from voxplore.cli.common import CellsPath, Device, Out, Result, Verb

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
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

    def run(self) -> Result:
        import json

        from voxplore.data.opening import load_cells
        from voxplore.workflows import train

        if self.dry_run:
            text = train.shown(self.recipe, self.set)
            return Result(text, **json.loads(text))
        folder = train.train(load_cells(self.cells), self.recipe, self.out, self.set, self.device)
        return Result(f"model in {folder}", model=folder)
