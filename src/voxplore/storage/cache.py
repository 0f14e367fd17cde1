"""Where downloads, solved cells and made references are kept; nothing fails where it cannot be written."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from voxplore.errors import VoxploreError
from voxplore.storage.system_errors import named_os_errors

__all__ = ["PARTS", "cache_folder", "cached", "clear_cache", "usable_cache"]

#: Folders of the cache: solved cells, made references, downloads of each published set.
PARTS = ("properties", "reference", "metatruss", "catalogue", "metashell")

#: Folders of which it was said already that they cannot be written.
_told: set[Path] = set()


def cache_folder() -> Path:
    """Where downloads go: VOXPLORE_CACHE, else `voxplore` in the user's cache folder; VoxploreError where none is."""
    for name, below in (("VOXPLORE_CACHE", "."), ("XDG_CACHE_HOME", "voxplore")):
        if os.environ.get(name):
            return Path(os.environ[name]) / below
    try:
        return Path.home() / ".cache" / "voxplore"
    except RuntimeError as error:  # HOME is not set, and the system does not know this user
        raise VoxploreError("cache", expected="a home folder, or VOXPLORE_CACHE", got="neither") from error


def usable_cache(name: str) -> Path | None:
    """The part `name` of the cache; None where it cannot be written, which is said once on stderr."""
    folder = Path("cache", name)
    try:
        folder = cache_folder() / name
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, VoxploreError) as error:
        if folder not in _told:
            reason = str(getattr(error, "strerror", None) or error).lower()
            print(
                f"voxplore: {folder}: nothing is kept there ({reason}); VOXPLORE_CACHE names another", file=sys.stderr
            )
            _told.add(folder)
        return None


def cached() -> dict[str, int]:
    """Bytes of each part of the cache that is there; what else lies in the folder is not ours and counts as none."""
    return {name: _size(cache_folder() / name) for name in PARTS if (cache_folder() / name).is_dir()}


def clear_cache() -> dict[str, int]:
    """Remove all parts of the cache; the bytes of each. Raises VoxploreError where one cannot be removed."""
    sizes = cached()
    for name in sizes:
        folder = cache_folder() / name
        with named_os_errors(folder):
            if folder.is_symlink():
                raise VoxploreError(folder, expected="a folder of the cache itself (remove it by hand)", got="a link")
            shutil.rmtree(folder)
    return sizes


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
