"""`voxplore discover`: the main job."""

from dataclasses import dataclass

from voxplore.cli.common import Device, Out, Overwrite

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Draw unit cells with the shipped model, score them against what is known, and show them.

    Writes cells, scores.json, a PNG of the 64 best and a short report. Needs no download and no training.
    """

    out: Out
    """Folder to write."""
    n: int = 256
    """Cells to draw."""
    seed: int = 0
    """The same seed gives the same cells; another gives others."""
    no_rank: bool = False
    """Show the first 64 as drawn, not the 64 best."""
    device: Device = "auto"
    overwrite: Overwrite = False

    def run(self) -> str:
        from voxplore.discover import discover

        chosen = {"device": self.device, "overwrite": self.overwrite}
        return str(discover(self.out, n=self.n, seed=self.seed, rank=not self.no_rank, **chosen))
