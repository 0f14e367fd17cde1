"""`voxplore generate`: cells from a trained model."""

from dataclasses import dataclass
from pathlib import Path
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
    condition: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PROPERTY=VALUE|FIRST:LAST...")] = ()
    """Other properties asked for, such as young_hill=0.02 or poisson_xy=0.1:0.3, as columns of --properties are called;
    two numbers go evenly from the one to the other."""
    properties: Path | None = None
    """What `voxplore properties` wrote for cells of --known (--condition)."""
    known: Path | None = None
    """The cells of --properties; of a set with splits the training cells alone count."""
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
        if self.condition:
            self._tell(model, [name for name in wanted or {} if name != "relative_density"])
        cells = runs.draw(model, self.n, seed=self.seed, sampling=sampling, condition=wanted)
        cells.save(self.out, self.overwrite)
        density = cells.relative_density()
        lines = [f"{len(cells)} cells in {self.out}, relative density {density.mean():.3f} on average"]
        if wanted and "relative_density" in wanted:
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
        wanted = {"relative_density": np.linspace(self.density[0], self.density[-1], self.n)} if self.density else {}
        for text in self.condition:
            name, _, value = text.partition("=")
            try:
                first, _, last = value.partition(":")
                wanted[name] = np.linspace(float(first), float(last or first), self.n)
            except ValueError as error:
                raise VoxploreError("condition", expected="PROPERTY=NUMBER or FIRST:LAST", came=repr(text)) from error
        return wanted or None

    def _tell(self, model: Any, names: list[str]) -> None:
        """Tell the model what is known of cells."""
        from voxplore.errors import VoxploreError
        from voxplore.mechanics import read_properties
        from voxplore.unitcells import load_cells

        if self.properties is None or self.known is None:
            came = "neither" if self.properties is self.known else "one alone"
            raise VoxploreError("condition", expected="--properties TABLE and --known CELLS", came=came)
        if not hasattr(model, "know"):
            raise VoxploreError("condition", expected="none for this model", came=" ".join(self.condition))
        cells, columns = read_properties(self.properties, load_cells(self.known), names)
        if "split" in cells.index:
            train = cells.index["split"] == "train"
            cells, columns = cells[train], {name: column[train] for name, column in columns.items()}
        model.know(cells, columns)
