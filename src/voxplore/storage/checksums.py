"""Files compared with the checksums that a header holds for them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from voxplore.errors import VoxploreError
from voxplore.storage.system_errors import reason_of
from voxplore.storage.text import sha256

__all__ = ["check_sha256"]


def check_sha256(folder: Path, recorded: Any, required: Iterable[str] = ()) -> list[str]:
    """The names of the files that were compared; none where a header of an older version holds no checksums.

    recorded: file name -> SHA-256. required: files that have to be among them. VoxploreError names the file that is
    missing or differs, with both checksums.
    """
    if recorded is None:
        return []
    if not isinstance(recorded, dict) or not all(isinstance(name, str) for name in recorded.values()):
        raise VoxploreError(folder, expected="checksums by file name under sha256", got=type(recorded).__name__)
    for name in required:
        if name not in recorded:
            raise VoxploreError(folder / name, expected="its checksum in the header", got="none")
    for name, expected in recorded.items():
        file = folder / Path(name).name  # nothing outside the folder is read
        try:
            got = sha256(file)
        except (OSError, ValueError) as error:
            got = reason_of(error)
        if got != expected:
            raise VoxploreError(file, expected=f"sha256 {expected[:64]}", got=got)
    return list(recorded)
