"""Where downloads, solved cells and made references are kept; nothing fails where it cannot be written."""

import os
import sys
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "usable_cache"]

#: Folders of which it was said already that they cannot be written.
_told: set[Path] = set()


def cache_folder() -> Path:
    """Where downloads go: VOXPLORE_CACHE, else `voxplore` in the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voxplore"
    return Path(os.environ.get("VOXPLORE_CACHE") or default)


def usable_cache(name: str) -> Path | None:
    """The part `name` of the cache; None where it cannot be written, which is said once on stderr."""
    folder = cache_folder() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        if folder not in _told:
            reason = str(error.strerror or error).lower()
            print(
                f"voxplore: {folder}: nothing is kept there ({reason}); VOXPLORE_CACHE names another", file=sys.stderr
            )
            _told.add(folder)
        return None
