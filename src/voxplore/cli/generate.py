"""`voxplore generate`: cells from a trained model."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from voxplore.cli.common import Device, Out, Overwrite

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Draw unit cells from a trained model and write them as a folder of cells."""

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Folder of a saved model, or "default" for the one that comes with the package."""
    out: Out
    """Folder to write."""
    n: int = 1000
    """Number of cells."""
    seed: int = 0
    """The same seed gives the same cells on one device; another gives others."""
    steps: int | None = None
    """Sampling steps, where not the recipe's own."""
    no_srr: bool = False
    """Draw without short-range repulsion (the ablation)."""
    device: Device = "auto"
    overwrite: Overwrite = False

    def run(self) -> str:
        from voxplore import files, runs
        from voxplore.cli.sampling import changed
        from voxplore.errors import VoxploreError
        from voxplore.models import load_model

        files.refuse_existing(self.out, self.overwrite)
        if self.n < 1:
            raise VoxploreError("n", expected="one cell or more", came=str(self.n))
        model = load_model(self.model, self.device)
        sampling = changed(model.config.sampling, self.steps, self.no_srr)
        cells = runs.draw(model, self.n, seed=self.seed, sampling=sampling)
        cells.save(self.out, self.overwrite)
        return f"{len(cells)} cells in {self.out}, relative density {cells.relative_density().mean():.3f} on average"
