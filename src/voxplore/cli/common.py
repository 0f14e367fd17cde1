"""Options that verbs share, as annotated types."""

from pathlib import Path
from typing import Annotated

import tyro

__all__ = ["CellsPath", "Device", "Engine", "Out", "Overwrite"]

CellsPath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CELLS")]
Out = Annotated[Path, tyro.conf.arg(metavar="PATH")]
Engine = Annotated[str, tyro.conf.arg(metavar="local|ray")]
Device = Annotated[str, tyro.conf.arg(metavar="auto|cpu|cuda")]
Overwrite = Annotated[bool, tyro.conf.arg(help="Replace what stands at --out.")]
