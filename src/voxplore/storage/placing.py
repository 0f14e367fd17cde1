"""How a finished folder takes the place of another, and what is put right after a process that was killed.

Beside the target, two names are swapped in one step. The working folder and mount points cannot be renamed: there the
new files are staged inside, and moved up one by one once a list of what is left to do is on the disk.
"""

import ctypes
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from voxplore.errors import VoxploreError
from voxplore.storage.ownership import MARK, check_owned, is_empty, listed

__all__ = [
    "COMMIT",
    "PART",
    "discard",
    "flush",
    "is_committed",
    "is_part",
    "lock_file",
    "new_stage",
    "put_in_place",
    "real",
    "recover",
    "refuse_existing",
    "remove",
    "unfinished",
    "write_commit",
]

#: Marks what is not whole yet; whoever holds the lock on the name may remove what a killed process left of it.
PART = ".part"
#: Marks the old artefact while the new one takes its place, where that needs two steps.
_ASIDE = ".aside"
#: In a stage inside the target: the list of files of the old artefact, there once the new one counts.
_REDO = ".redo"
#: In a folder of unfinished work: which result was put in place of it.
COMMIT = "commit.json"


def real(path: str | Path) -> Path:
    """The absolute path with every link followed: what is written through a link stands at its target."""
    return Path(os.path.realpath(path))


def is_fixed(path: Path) -> bool:
    """Whether a folder cannot be renamed: a mount point, or the working folder of this process."""
    return path.is_dir() and (os.path.ismount(path) or path == real("."))


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise VoxploreError where something stands at `path` that may not be replaced; an empty folder is no obstacle."""
    place = real(path)
    if place.is_dir() and is_empty(place):
        return
    if place.exists() and not overwrite:
        raise VoxploreError(path, expected="a path that does not exist yet, or --overwrite", got="an existing one")
    check_owned(place)
    if place in real(".").parents:
        expected = "an --out that the working folder does not lie in"
        raise VoxploreError(path, expected=expected, got=f"a folder above {real('.')}")


def new_stage(place: Path) -> Path:
    """A new folder in which an artefact for `place` is made."""
    if is_fixed(place):
        return Path(tempfile.mkdtemp(prefix=f"{MARK}.", suffix=PART, dir=place))
    return Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=PART, dir=place.parent))


def lock_file(place: Path) -> Path:
    """Where the lock on `place` stands."""
    return place / f"{MARK}.lock" if is_fixed(place) else place.parent / f".{place.name}.lock"


def unfinished(path: str | Path) -> Path:
    """Where the unfinished work for `path` stands."""
    place = real(path)
    return place / f"{MARK}.unfinished" if is_fixed(place) else place.with_name(f"{place.name}.unfinished")


def put_in_place(stage: Path, place: Path) -> None:
    """Let a whole folder, flushed and marked as ours, take the place of `place`."""
    if is_fixed(place):
        _begin_inside(stage, place)
        _end_inside(stage, place)
    elif not place.exists() or (place.is_dir() and is_empty(place)):
        os.rename(stage, place)  # an empty folder may be replaced by a folder
    elif _exchange(stage, place):
        remove(stage)  # now the old one
    else:
        aside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=_ASIDE, dir=place.parent))
        os.rename(place, aside / place.name)
        os.rename(stage, place)
        shutil.rmtree(aside, ignore_errors=True)
    flush(place.parent)


def recover(place: Path) -> None:
    """Remove what killed processes left of `place`, put back what they set aside, end what they had begun to move."""
    for stage in place.glob(f"{MARK}.*{PART}") if is_fixed(place) else ():
        if (stage / _REDO).exists() and not (stage / MARK).exists():
            _end_inside(stage, place)
        remove(stage)
    for aside in _beside(place, f".{place.name}.*{_ASIDE}"):
        if not place.exists() and (aside / place.name).exists():
            os.rename(aside / place.name, place)
        remove(aside)
    for part in _beside(place, f".{place.name}.*{PART}") + _beside(place, f".{place.stem}.*{PART}{place.suffix}"):
        remove(part)
    if is_committed(unfinished(place), place):
        discard(place)


def discard(place: Path) -> None:
    """Remove the unfinished work for `place`: under a name first that is removed whatever becomes of this process."""
    if unfinished(place).exists():
        part = new_stage(place)
        os.rename(unfinished(place), part)
        remove(part)


def write_commit(work: Path, stage: Path) -> None:
    """Write into unfinished work, and onto the disk, that a staged folder is about to be its result."""
    (work / COMMIT).write_text(json.dumps(_identity(stage)))
    flush(work / COMMIT)
    flush(work)


def is_committed(work: Path, place: Path) -> bool:
    """Whether what stands at `place` is the result of unfinished work, which is then of no more use."""
    try:
        return json.loads((work / COMMIT).read_text()) == _identity(place)
    except (OSError, ValueError, RecursionError):
        return False


def _identity(folder: Path) -> list[int]:
    """What a folder put in place keeps of the staged one: its list of files, the same on the disk."""
    status = (folder / MARK).stat()
    return [status.st_dev, status.st_ino, status.st_mtime_ns]


def remove(part: Path) -> None:
    """Remove a file, a link or a whole folder."""
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def is_part(name: str) -> bool:
    """Whether a name is one of those that `tempfile` makes for us."""
    return bool(re.fullmatch(rf"\..*\.[a-z0-9_]{{8}}{re.escape(PART)}(\..*)?", name))


def flush(path: Path) -> None:
    """Make a file, or the names in a folder, last on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _begin_inside(stage: Path, place: Path) -> None:
    """Write what is to be removed, then move up the new list of files: from here on the new artefact counts."""
    old = [entry.name for entry in place.iterdir() if not entry.name.startswith(f"{MARK}.")]
    (stage / _REDO).write_bytes(b"\0".join(os.fsencode(name) for name in old if name != MARK))
    flush(stage / _REDO)
    flush(stage)
    os.replace(stage / MARK, place / MARK)
    flush(place)


def _end_inside(stage: Path, place: Path) -> None:
    new = {entry.name for entry in stage.iterdir()} - {_REDO}
    for name in map(os.fsdecode, filter(None, (stage / _REDO).read_bytes().split(b"\0"))):
        # What was moved up before a kill is no longer in the stage, and stays.
        if name in new or not _is_new(place, name):
            remove(place / name)
    for name in sorted(new):
        os.replace(stage / name, place / name)
    flush(place)
    remove(stage)


def _is_new(place: Path, name: str) -> bool:
    """Whether the list of files that counts names an entry of the folder."""
    return any(file.split("/")[0] == name for file in listed(place))


def _beside(path: Path, pattern: str) -> list[Path]:
    """What lies beside `path` under a name that `tempfile` made; the star stands for its own part."""
    name = re.compile("[a-z0-9_]{8}".join(map(re.escape, pattern.rsplit("*", 1))))
    return [other for other in path.parent.iterdir() if name.fullmatch(other.name)]


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step, so that neither is ever absent; False where the system has no such step."""
    here, swap = -100, 2  # AT_FDCWD; RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS
    try:
        system = ctypes.CDLL(None)
        if hasattr(system, "renameat2"):
            return system.renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) == 0
        return system.renamex_np(os.fsencode(one), os.fsencode(other), swap) == 0
    except (AttributeError, OSError):
        return False
