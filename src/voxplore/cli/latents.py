"""`voxplore latents`: where cells lie in the latent spaces of models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from voxplore.cli.common import Device, Out, Overwrite, Result, Verb
from voxplore.ranges import Count, Seed

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Draw training cells, negatives and drawn cells on the first two principal components of each model's latents,
    and a few drawn cells below; writes latents.png, latents.csv and latents.json."""

    models: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="MODEL...")]
    """Folders of saved models that encode cells, side by side."""
    cells: Annotated[Path, tyro.conf.arg(metavar="CELLS")]
    """The set that they were trained on; its training split is shown, where it has one."""
    out: Out
    """Folder to write."""
    names: tuple[str, ...] = ()
    """What to call each model; by default the recipe it was trained from."""
    n: Count = 1000
    """Training cells, and as many negatives; a quarter of it is drawn."""
    seed: Seed = 0
    device: Device = "auto"
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore import report, storage
        from voxplore.data.opening import load_cells
        from voxplore.errors import VoxploreError
        from voxplore.hub import load_model

        storage.refuse_existing(self.out, self.overwrite)
        models = [load_model(model, self.device) for model in self.models]
        names = self.names or tuple(str(model.trained.get("recipe", model.name)) for model in models)
        if not models or len(names) != len(models) or len(set(names)) != len(names):
            got = f"{len(models)} models and {' '.join(names) or 'no names'}"
            raise VoxploreError("models", expected="one or more, each with a name of its own", got=got)
        cells = load_cells(self.cells)
        cells = cells.split("train") if "split" in cells.index else cells
        shown = dict(zip(names, models, strict=True))
        storage.stage("encoding, decoding and drawing")
        found = report.draw_latents(shown, cells, self.out, n=self.n, seed=self.seed, overwrite=self.overwrite)
        text = "\n".join(
            f"{name:<30}" + ", ".join(f"{key} {value:.3f}" for key, value in measures.items())
            for name, measures in found.items()
        )
        return Result(text, out=self.out, models=found)
