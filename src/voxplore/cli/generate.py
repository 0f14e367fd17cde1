"""`voxplore generate`: cells from a trained model."""

from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from voxplore.cli.common import Device, Out, Overwrite

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Draw unit cells from a trained model and write them as a folder of cells."""

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Folder of a saved model, "default" for the one that comes with the package, or hf://owner/name."""
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
    density: tuple[float, ...] = ()
    """Relative density asked for: one for all cells, or two to go evenly from the one to the other."""
    calibrate: bool = False
    """Cut every cell at the density asked for, instead of the recipe's threshold."""
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FIELD=VALUE...")] = ()
    """Other fields of the sampling that differ from the recipe, such as srr.strength=0.4 srr.radius=1.2."""
    device: Device = "auto"
    overwrite: Overwrite = False

    def run(self) -> str:
        from voxplore import files, runs
        from voxplore.cli.sampling import changed
        from voxplore.errors import VoxploreError
        from voxplore.hub import load_model

        files.refuse_existing(self.out, self.overwrite)
        if self.n < 1:
            raise VoxploreError("n", expected="one cell or more", came=str(self.n))
        model = load_model(self.model, self.device)
        changes: dict[str, Any] = {} if self.steps is None else {"steps": self.steps}
        changes |= {"srr": None} if self.no_srr else {}
        changes |= {"calibrate": True} if self.calibrate else {}
        sampling = runs.changed(changed(model.config.sampling, changes), self.set, f"sampling of {self.model}")
        wanted = self._wanted()
        cells = runs.draw(model, self.n, seed=self.seed, sampling=sampling, condition=wanted)
        cells.save(self.out, self.overwrite)
        density = cells.relative_density()
        lines = [f"{len(cells)} cells in {self.out}, relative density {density.mean():.3f} on average"]
        if wanted is not None:
            off = abs(density - wanted["relative_density"]).mean()
            lines.append(f"mean absolute difference from the density asked for: {off:.4f}")
        return "\n".join(lines)

    def _wanted(self) -> dict[str, Any] | None:
        import numpy as np

        from voxplore.errors import VoxploreError

        if len(self.density) > 2 or (self.calibrate and not self.density):
            raise VoxploreError(
                "density", expected="one number or two", came=" ".join(map(str, self.density)) or "none"
            )
        ends = (self.density[0], self.density[-1]) if self.density else None
        return None if ends is None else {"relative_density": np.linspace(*ends, self.n)}
