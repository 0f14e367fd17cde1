"""Writing so that a reader finds the old artefact or the new one, and nothing between."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from voxplore.errors import VoxploreError
from voxplore.storage import placing
from voxplore.storage.locks import lock
from voxplore.storage.ownership import mark
from voxplore.storage.placing import flush, real, refuse_existing
from voxplore.storage.system_errors import named_os_errors

__all__ = ["atomic_file", "put_in_place", "refuse_existing", "staged_folder"]


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is flushed and renamed to `path`, on failure removed."""
    path = real(path)
    with named_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays last: writers such as np.save and Pillow choose the format by it.
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=placing.PART + path.suffix, dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        with named_os_errors(path):
            yield temporary
            flush(temporary)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
            flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def staged_folder(
    path: str | Path, overwrite: bool = False, committing: Callable[[Path], object] | None = None
) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`, on failure it is removed.

    committing: called with the temporary folder when it is whole and on the disk, just before it takes the place.
    Raises VoxploreError where `path` exists and is not to be overwritten, or where another process holds its lock.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    if path.is_file():
        raise VoxploreError(path, expected="a folder to write, or a path that does not exist yet", got="a file")
    with named_os_errors(path), lock(path, again=True):
        stage = placing.new_stage(real(path))
        os.chmod(stage, 0o777 & ~_umask())
        try:
            yield stage
            put_in_place(stage, path, overwrite, committing)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def put_in_place(
    stage: Path, path: Path, overwrite: bool = False, committing: Callable[[Path], object] | None = None
) -> None:
    """Flush a whole folder and let it take the place of `path` in one step; `committing(stage)` is called before."""
    mark(stage)
    for file in (stage, *stage.rglob("*")):
        flush(file)
    refuse_existing(path, overwrite)
    if committing is not None:
        committing(stage)
    placing.put_in_place(stage, real(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
