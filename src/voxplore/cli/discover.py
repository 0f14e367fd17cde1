"""`voxplore discover`: the main job."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from voxplore.cli.common import Device, Engine, Out, Overwrite, Result, Verb
from voxplore.ranges import Count, Millimetres, Range, Seed, Tile, Workers

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Draw unit cells, find those of use or those that meet a target, and show them with the evidence.

    Writes cells and scores, a picture and a page of the 64 best with all their properties, meshes of the very best, and
    a report whose first line says what was reached. Needs no download and no training.
    """

    out: Out
    """Folder to write."""
    target: str = ""
    """What the cells are to have, such as "relative_density=0.2, young_hill>=0.4*bound, poisson_min<-0.1": columns of
    `voxplore properties`, in units of the solid's; bound is Hashin and Shtrikman's."""
    stiffness: Path | None = None
    """Table of 6 lines of 6 numbers: the stiffness that the cells are to have (Voigt order xx, yy, zz, yz, xz, xy)."""
    n: Count = 256
    """Cells to draw."""
    best: Count = 16
    """With a target: cells to keep and to report on."""
    minutes: Annotated[float, Range(0, 1e5)] = 10.0
    """With a target: no cell is begun to be improved after so many minutes."""
    model: str = "default"
    """Folder of a saved model, or hf://owner/name; by default the shipped one."""
    reference: Path | None = None
    """Cells that count as known, each in one orientation; by default the training cells of the shipped model."""
    continued: Annotated[Path | None, tyro.conf.arg(name="continue")] = None
    """Folder that this command wrote: its cells count as known, and the search goes on elsewhere with another seed."""
    tile: Tile = 2
    """Cells of use are one piece in a block of so many along each edge."""
    size: Millimetres = 10.0
    """Edge of a cell in millimetres."""
    feature: Millimetres = 0.4
    """Thinnest strut that the printer makes, in millimetres."""
    seed: Seed = 0
    """The same seed gives the same cells; another gives others."""
    no_rank: bool = False
    """Show the first 64 as drawn, not the 64 best."""
    refine: bool = False
    """Repair the cells by geometry (`voxplore refine`) before they are scored."""
    workers: Workers | None = None
    """Processes; by default one a core."""
    engine: Engine = "local"
    """Where cells are scored, checked and solved: local, or ray for many machines."""
    device: Device = "auto"
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore.data.opening import load_cells
        from voxplore.hub import model_folder
        from voxplore.workflows.discover import discover
        from voxplore.workflows.ranking import Use
        from voxplore.workflows.targets import parse_target, read_stiffness

        tensor = None if self.stiffness is None else read_stiffness(self.stiffness)
        target = parse_target(self.target, tensor) if self.target or tensor else None
        reference = None if self.reference is None else load_cells(self.reference)
        how = {"rank": not self.no_rank, "refine": self.refine, "device": self.device, "workers": self.workers}
        how |= {"target": target, "best": self.best, "minutes": self.minutes}
        how |= {"model": model_folder(self.model)}
        how |= {"reference": reference, "use": Use(self.tile, self.size, self.feature), "continued": self.continued}
        how["engine"] = self.engine
        found = discover(self.out, n=self.n, seed=self.seed, overwrite=self.overwrite, **how)
        facts = {"headline": found.headline, "seconds": found.seconds, "scores": found.scores.to_json()}
        return Result(str(found), out=self.out, **facts)
