"""What verbs share: options as annotated types, the options of all, results, and warnings as lines of a result."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from voxplore import ranges

__all__ = ["CellsPath", "Device", "Engine", "Out", "Overwrite", "Result", "Verb", "heard", "plain"]

CellsPath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CELLS")]
Out = Annotated[Path, tyro.conf.arg(metavar="PATH")]
Engine = Annotated[Literal["local", "ray"], tyro.conf.arg(metavar="local|ray")]
Device = Annotated[ranges.Device, tyro.conf.arg(metavar="auto|cpu|cuda")]
Overwrite = Annotated[bool, tyro.conf.arg(help="Replace what stands at --out.")]


class Result(str):
    """What a verb prints, and the same as JSON values under `facts` (--json)."""

    facts: dict[str, Any]

    def __new__(cls, text: str, **facts: Any) -> "Result":
        result = super().__new__(cls, text)
        result.facts = facts
        return result


def plain(value: Any) -> Any:
    """JSON values of facts: paths are texts, arrays are lists, numbers that JSON has no word for are null."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return None
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


@dataclass(frozen=True, kw_only=True)
class Verb:
    """Options of every verb."""

    quiet: bool = False
    """Tell nothing on stderr while work goes on, as with VOXPLORE_QUIET=1; errors are told."""
    json: bool = False
    """Print the result as JSON."""

    def run(self) -> Result:
        """Do the work and say what came of it."""
        raise NotImplementedError


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what is warned of within (RuntimeWarning), each sentence once, to be told with the result."""
    import warnings

    found: list[str] = []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RuntimeWarning)
        yield found
    found += sorted({str(one.message) for one in told if issubclass(one.category, RuntimeWarning)})
