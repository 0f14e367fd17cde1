"""Which files at a path voxplore wrote: `--overwrite` replaces these and nothing else.

Every folder that voxplore puts in place holds the file `.voxplore`, a list of all other files in it. A picture or a
page names voxplore in its first kilobytes.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from voxplore.errors import VoxploreError

__all__ = ["MARK", "check_owned", "is_empty", "keep_inputs", "listed", "mark"]

#: Name of the list of files in a folder that voxplore wrote.
MARK = ".voxplore"
#: Names that file managers leave in any folder; nobody misses them.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
#: A file of ours names voxplore within so many bytes.
_HEAD = 4096


def mark(folder: Path) -> None:
    """Write the list of files of a folder that is to be put in place."""
    names = sorted(file.relative_to(folder).as_posix() for file in _files(folder) if file != folder / MARK)
    text = json.dumps({"format": "voxplore-folder", "files": names}, indent=0)
    (folder / MARK).write_text(text + "\n", encoding="utf-8")


def is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing but what voxplore needs while it writes there."""
    return not any(entry for entry in folder.iterdir() if not entry.name.startswith(f"{MARK}."))


def check_owned(path: Path) -> None:
    """Raise VoxploreError where anything at `path` was not written by voxplore; it names the first such file."""
    if path.is_dir():
        foreign = _first_foreign(path)
        if foreign is not None:
            expected = "a folder of files that voxplore wrote (--overwrite replaces no others; move them away)"
            raise VoxploreError(path, expected=expected, got=f"one with {foreign.relative_to(path)} in it")
    elif path.exists() and b"voxplore" not in _head(path):
        raise VoxploreError(path, expected="a file that voxplore wrote (--overwrite replaces no other)", got="another")


def keep_inputs(out: Path, inputs: Iterable[Path]) -> None:
    """Raise VoxploreError where one of the inputs is at `out` or below it: it would be replaced by the result."""
    place = Path(os.path.realpath(out))
    for path in inputs:
        where = Path(os.path.realpath(path))
        if place == where or place in where.parents:
            raise VoxploreError(out, expected="an --out that holds no input of the command", got=f"one with {path}")


def _first_foreign(folder: Path) -> Path | None:
    """The first file below the folder that no list of files above it names."""
    found = _files(folder)
    ours = {file.parent / name for file in found if file.name == MARK for name in listed(file.parent)}
    for file in found:
        in_work = file.relative_to(folder).parts[0].startswith(f"{MARK}.")
        if file not in ours and file.name not in _LITTER and not in_work:
            return file
    return None


def _files(folder: Path) -> list[Path]:
    """All below the folder but folders; links are not followed."""
    found = []
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        found += [Path(parent, name) for name in (*names, *links)]
    return sorted(found)


def listed(folder: Path) -> frozenset[str]:
    """The names in the folder's list of files, and the list itself; none where it has no list."""
    try:
        names = json.loads((folder / MARK).read_text(encoding="utf-8"))["files"]
        return frozenset({*map(str, names), MARK})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
