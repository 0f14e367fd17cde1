"""`voxplore info`: what a folder or file holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Say what cells, scores or a model hold. Of cells: densities, symmetry, components, near duplicates, and how
    novel the held-out ones are against the training ones."""

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="ANY")]
    """Folder of cells, of scores or of a model; or a file of cells (.npz, .npy)."""
    verify: bool = False
    """Check the files against their checksums instead."""
    quick: bool = False
    """Leave out what compares cells with each other."""

    def run(self) -> str:
        from voxplore.workflows import info

        if self.verify:
            return "\n".join(f"{name}: {result}" for name, result in info.verify(self.path))
        return info.describe(self.path, self.quick)
