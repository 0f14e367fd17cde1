"""Voxels from other programs that need a word of a person: which array, and from which number on it is solid."""

from pathlib import Path

from voxplore.errors import VoxploreError
from voxplore.storage.arrays import read_archive, read_array
from voxplore.storage.voxels import checked_voxels, chosen
from voxplore.unitcells import UnitCells

__all__ = ["read_voxels"]


def read_voxels(path: str | Path, key: str | None = None, threshold: float | None = None) -> UnitCells:
    """Cells from the array `key` of an .npz, or of an .npy, solid where a number exceeds `threshold`.

    Arrays (n, d, d, d) or (d, d, d). Raises VoxploreError that names file and array.
    """
    path = Path(path)
    if path.suffix.lower() not in (".npy", ".npz"):
        raise VoxploreError(path, expected="a .npy or .npz file (--key, --threshold)", got=path.suffix or "no suffix")
    arrays = {path.stem: read_array(path)} if path.suffix.lower() == ".npy" else read_archive(path)
    voxels = checked_voxels(chosen(arrays, path, key), f"{path}, array {key}" if key else path, threshold)
    return UnitCells.from_voxels(voxels, name=path.stem, source=path.name)
