"""`voxplore push`: a model or a set of cells to a hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from voxplore.cli.common import Result, Verb

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Verify a saved model or a folder of cells and send it to a hub, with a card made from its config.

    Needs the extra voxplore[hub], and to be logged in there (`hf auth login`, or the variable HF_TOKEN).
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL|CELLS")]
    """Folder of a saved model or of cells."""
    to: Annotated[str, tyro.conf.arg(metavar="hf://OWNER/NAME[@BRANCH]")]
    """Where to."""
    private: bool = False
    """Where it does not exist yet, make it visible to its owner alone."""

    def run(self) -> Result:
        from voxplore.hub import push

        page = push(self.folder, self.to, self.private)
        return Result(f"{self.folder} sent to {page}", folder=self.folder, page=page)
