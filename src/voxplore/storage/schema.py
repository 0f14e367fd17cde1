"""What names, ids and the descriptive fields of headers may be, and how texts of strangers are shown."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from voxplore.errors import VoxploreError

__all__ = ["LONGEST_FIELD", "check_about", "check_ids", "name_of", "printable"]

#: Letters of one field of a table, at most: NumPy takes as much for each row as for the longest.
LONGEST_FIELD = 1000
_LONGEST_ID = 200
_LONGEST_NAME = 150
_LONGEST_TEXT = 10_000

#: Descriptive field of a header -> its type; fields that are not here may be anything.
_ABOUT: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "source": str,
    "licence": str,
    "split_rule": str,
    "periodicity_floor": (int, float),
    "options": dict,
    "made": dict,
    "trained": dict,
    "refinement": dict,
    "joined": list,
    "edges": list,
}


def check_about(header: dict[str, Any], where: str) -> None:
    """Raise VoxploreError for a descriptive field of another type, and for a number that is not finite."""
    for key, value in header.items():
        expected = _ABOUT.get(key)
        if expected is None or value is None:
            continue
        if not isinstance(value, expected) or isinstance(value, bool):
            kinds = expected if isinstance(expected, tuple) else (expected,)
            names = " or ".join(kind.__name__ for kind in kinds)
            raise VoxploreError(f"{where}: {key}", expected=names, got=type(value).__name__)
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise VoxploreError(f"{where}: {key}", expected=f"at most {_LONGEST_TEXT} letters", got=str(len(value)))
        if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < 1e300):
            raise VoxploreError(f"{where}: {key}", expected="a finite number", got="another")


def check_ids(ids: Iterable[str]) -> None:
    """Raise VoxploreError for an id that no table can hold: empty, longer than 200 letters, or with a control code."""
    for name in ids:
        if not name or len(name) > _LONGEST_ID or not name.isprintable():
            got = repr(name[:40]) if len(name) <= _LONGEST_ID else f"one of {len(name)}"
            raise VoxploreError("id", expected=f"1 to {_LONGEST_ID} printable letters", got=got)


def name_of(path: Path) -> str:
    """What a file or folder is called, without its suffix, as a part of ids: what no table can hold is a "_"."""
    return "".join(letter if letter.isprintable() else "_" for letter in path.stem)[:_LONGEST_NAME]


def printable(text: str) -> str:
    """The text with a replacement character for every control code but the end of a line, so that no terminal obeys."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)
