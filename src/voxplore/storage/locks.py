"""One process at a time on one path; what a killed process left half-written is removed."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from voxplore.errors import VoxploreError
from voxplore.storage import placing
from voxplore.storage.system_errors import named_os_errors

__all__ = ["lock", "sweep"]

#: Paths that this process holds locks on.
_held: set[str] = set()


@contextlib.contextmanager
def lock(path: str | Path, *, again: bool = False) -> Iterator[None]:
    """Hold the only lock on `path`; VoxploreError where another process holds it. It dies with its holder.

    What a killed holder left half-written beside `path` is removed. again: a lock that this process holds will do.
    """
    path = placing.real(path)
    name = str(path)
    if again and name in _held:
        yield
        return
    made = [folder for folder in path.parents if not folder.exists()]
    with named_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = placing.lock_file(path)
    try:
        with _locked(beside, path):
            _held.add(name)
            try:
                placing.recover(path)
                yield
            finally:
                _held.discard(name)
                beside.unlink(missing_ok=True)
    finally:
        _remove_unheld(beside)  # an interrupt at a bad moment has kept it
        for folder in made:  # the deepest first
            with contextlib.suppress(OSError):  # it holds something now
                folder.rmdir()


def _remove_unheld(file: Path) -> None:
    """Remove the lock file where no process holds its lock."""
    with contextlib.suppress(OSError), open(file, "r+") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink()


def sweep(folder: str | Path) -> None:
    """Remove what killed processes left half-written in a folder; only for the one process that writes there."""
    for part in Path(folder).glob(f".*{placing.PART}*"):
        placing.remove(part)


@contextlib.contextmanager
def _locked(file: Path, path: Path) -> Iterator[None]:
    """Hold the lock of `file`, which its last holder may have removed between our opening and locking it."""
    while True:
        with named_os_errors(path):
            opened = open(file, "w")  # noqa: SIM115 (closed below)
        with opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise VoxploreError(path, expected="no other process at work on it", got="a held lock") from error
            if file.exists() and os.path.samestat(os.fstat(opened.fileno()), file.stat()):
                yield
                return
