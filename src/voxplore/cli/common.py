"""What verbs share: options as annotated types, and warnings as lines of the result."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import tyro

__all__ = ["CellsPath", "Device", "Engine", "Out", "Overwrite", "heard"]

CellsPath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CELLS")]
Out = Annotated[Path, tyro.conf.arg(metavar="PATH")]
Engine = Annotated[str, tyro.conf.arg(metavar="local|ray")]
Device = Annotated[str, tyro.conf.arg(metavar="auto|cpu|cuda")]
Overwrite = Annotated[bool, tyro.conf.arg(help="Replace what stands at --out.")]


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what is warned of within (RuntimeWarning), each sentence once, to be told with the result."""
    import warnings

    found: list[str] = []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RuntimeWarning)
        yield found
    found += sorted({str(one.message) for one in told if issubclass(one.category, RuntimeWarning)})
