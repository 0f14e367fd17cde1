"""`voxplore discover`: the main job."""

from dataclasses import dataclass

from voxplore.cli.common import Device, Out, Overwrite

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Draw unit cells with the shipped model, score them against what is known, and show them.

    Writes cells and scores, a picture and a page of the 64 best, properties, verdicts and meshes of the very best, and
    a report that leads to all of it. Needs no download and no training.
    """

    out: Out
    """Folder to write."""
    n: int = 256
    """Cells to draw."""
    seed: int = 0
    """The same seed gives the same cells; another gives others."""
    no_rank: bool = False
    """Show the first 64 as drawn, not the 64 best."""
    refine: bool = False
    """Repair the cells by geometry (`voxplore refine`) before they are scored."""
    workers: int | None = None
    """Processes; by default one a core."""
    device: Device = "auto"
    overwrite: Overwrite = False

    def run(self) -> str:
        from voxplore.discover import discover

        how = {"rank": not self.no_rank, "refine": self.refine, "device": self.device, "workers": self.workers}
        return str(discover(self.out, n=self.n, seed=self.seed, overwrite=self.overwrite, **how))
