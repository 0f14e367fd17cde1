"""Arrays of numbers from .npy and .npz files; nothing is unpickled, no archive unpacks to more than is plausible."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voxplore.errors import VoxploreError

__all__ = ["numbers_of", "read_archive", "read_array"]

#: An archive may unpack to this many bytes: 500,000 cells at 48^3, packed.
_MAX_UNPACKED = 8 << 30


def numbers_of(words: Sequence[str | bytes], kind: np.dtype, where: object) -> np.ndarray:
    """Numbers that are written out, as an array (n,) of this type; VoxploreError where the type does not hold one.

    Raises ValueError for what is no number.
    """
    values = np.array(words, np.float64)
    if kind.kind in "iu":
        low, high = np.iinfo(kind).min, np.iinfo(kind).max
        if not ((values >= low) & (values <= high) & (values == np.rint(values))).all():
            raise VoxploreError(where, expected=f"whole numbers from {low} to {high}", got="others")
    return values.astype(kind)


def read_array(path: Path) -> np.ndarray:
    """The array of a .npy file, memory-mapped; VoxploreError where it is none of numbers."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy raises half a dozen types on damaged files
        objects = "pickle" in str(error).lower() or "Python objects" in str(error)
        got = "objects" if objects else (str(error) or type(error).__name__)
        raise VoxploreError(path, expected="a NumPy array of numbers", got=got[:200]) from error
    if not isinstance(array, np.ndarray):
        raise VoxploreError(path, expected="a NumPy array of numbers", got="an archive")
    return array


def read_archive(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name; VoxploreError where it is no archive of numbers, or too large."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            ratio = size / max(path.stat().st_size, 1)
        if size > _MAX_UNPACKED or (size > 1 << 28 and ratio > 500):
            raise VoxploreError(path, expected="an archive of plausible size", got=f"{size} bytes in all")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except VoxploreError:
        raise
    except Exception as error:  # zipfile and NumPy raise a dozen types on damaged archives
        got = "objects" if "pickle" in str(error).lower() else (str(error) or type(error).__name__)
        raise VoxploreError(path, expected="an npz archive of number arrays", got=got[:200]) from error
