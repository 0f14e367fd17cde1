"""`voxplore generate`: cells from a trained model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from voxplore.cli.common import Device, Engine, Out, Overwrite, Result, Verb
from voxplore.ranges import Count, Seed, Share, Steps, Workers

if TYPE_CHECKING:
    from voxplore.workflows.generate import Drawing, Wanted

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Draw unit cells from a trained model and write them as a folder of cells.

    Cells are written as they come, to PATH.unfinished at first; a drawing that was broken off goes on where it was.
    """

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Folder of a saved model, "default" for the one that comes with the package, or hf://owner/name."""
    out: Out
    """Folder to write."""
    n: Count = 1000
    """Number of cells."""
    seed: Seed = 0
    """The same seed gives the same cells on one device; another gives others."""
    steps: Steps | None = None
    """Sampling steps, where not the recipe's own."""
    no_srr: bool = False
    """Draw without short-range repulsion (the ablation)."""
    density: tuple[Share, ...] = ()
    """Relative density asked for: one for all cells, or two to go evenly from the one to the other."""
    calibrate: bool = False
    """Cut every cell at the density asked for, instead of the recipe's threshold; later steps change it a little."""
    condition: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PROPERTY=VALUE|FIRST:LAST...")] = ()
    """Other properties asked for, such as young_hill=0.02 or poisson_xy=0.1:0.3, as columns of --properties are called;
    two numbers go evenly from the one to the other."""
    properties: Path | None = None
    """What `voxplore properties` wrote for cells of --known (--condition)."""
    known: Path | None = None
    """The cells of --properties; of a set with splits the training cells alone count."""
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FIELD=VALUE...")] = ()
    """Other fields of the sampling that differ from the recipe, such as srr.strength=0.6 or after.redraw.times=0;
    after=[] is the plain drawing."""
    device: Device = "auto"
    engine: Engine = "local"
    """Where the work is done: processes on this machine, or Ray."""
    workers: Workers = 1
    """Processes of one thread each; 1 draws in this one, with all threads. The cells do not depend on it."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        from tqdm import tqdm

        from voxplore import storage
        from voxplore.workflows.generate import draw_into

        storage.refuse_existing(self.out, self.overwrite)
        drawing = self._drawing()
        storage.stage(f"drawing {storage.counted(self.n, 'cell')}", bar=True)
        with tqdm(total=self.n, unit="cell", disable=storage.no_bar()) as bar:
            work = {"workers": self.workers, "engine": self.engine, "overwrite": self.overwrite}
            found = draw_into(self.out, drawing, **work, progress=bar.update)
        made = f"{storage.counted(found.n, 'cell')} in {self.out}"
        lines = [f"{made}, relative density {found.relative_density:.3f} on average"]
        if found.off is not None:
            lines.append(f"mean absolute difference from the density asked for: {found.off:.4f}")
        facts = {"n": found.n, "out": self.out, "relative_density": found.relative_density, "off": found.off}
        return Result("\n".join(lines), **facts)

    def _drawing(self) -> "Drawing":
        from voxplore.cli.sampling import calibrated, sampling_with
        from voxplore.errors import VoxploreError
        from voxplore.hub import model_folder
        from voxplore.workflows import train
        from voxplore.workflows.generate import Drawing, Known, open_model

        folder = model_folder(self.model)
        changes: dict[str, Any] = {} if self.steps is None else {"steps": self.steps}
        changes |= {"srr": None} if self.no_srr else {}
        sampling = sampling_with(open_model(folder, self.device).config.sampling, changes)
        sampling = train.settings_with(sampling, self.set, f"sampling of {self.model}")
        sampling = calibrated(sampling) if self.calibrate else sampling
        known = None
        if self.condition:
            if self.properties is None or self.known is None:
                got = "neither" if self.properties is self.known else "one alone"
                raise VoxploreError("condition", expected="--properties TABLE and --known CELLS", got=got)
            known = Known(self.properties, self.known)
        return Drawing(folder, self.n, self.seed, sampling, self._wanted(), known, self.device)

    def _wanted(self) -> "tuple[Wanted, ...]":
        from voxplore.errors import VoxploreError
        from voxplore.workflows.generate import Wanted

        if len(self.density) > 2 or (self.calibrate and not self.density):
            got = " ".join(map(str, self.density)) or "none"
            raise VoxploreError("density", expected="one number or two", got=got)
        wanted = [Wanted("relative_density", self.density[0], self.density[-1])] if self.density else []
        for text in self.condition:
            name, _, value = text.partition("=")
            first, _, last = value.partition(":")
            try:
                ends = float(first), float(last or first)
            except ValueError as error:
                raise VoxploreError("condition", expected="PROPERTY=NUMBER or FIRST:LAST", got=repr(text)) from error
            wanted.append(Wanted.checked(name, *ends))
        return tuple(wanted)
