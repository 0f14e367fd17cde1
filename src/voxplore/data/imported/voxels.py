"""Voxels from other programs: .npy, .npz, .vti, .nrrd, TIFF, one file or a folder of them.

What needs a word of a person has an option: which array (`key`), and from which number on it is solid (`threshold`).
"""

import warnings
from pathlib import Path

import numpy as np

from voxplore import geometry
from voxplore.data.imported.volumes import READERS, natural, read_slices
from voxplore.errors import VoxploreError
from voxplore.storage.bounded import check_regular
from voxplore.storage.schema import name_of, printable
from voxplore.storage.voxels import checked_voxels, chosen
from voxplore.unitcells import UnitCells

__all__ = ["OTHER_VERBS", "read_voxels"]

#: Suffix -> the command that reads such files.
OTHER_VERBS = {
    **dict.fromkeys((".stl", ".ply", ".obj"), "voxplore build meshes --files"),
    ".json": "voxplore build graphs --files",
    **dict.fromkeys((".txt", ".jsonl", ".gz"), "voxplore build metatruss --catalogue"),
}
_SLICES = frozenset({".tif", ".tiff"})
#: A threshold nearer to the least or the largest number, as a share of all of them, is told of.
_END = 0.05


def read_voxels(
    path: str | Path, key: str | None = None, threshold: float | None = None, resolution: int | None = None
) -> UnitCells:
    """Cells from the array `key` of a file or of each file in a folder, solid where a number exceeds `threshold`.

    Arrays (n, d, d, d) or (d, d, d). A folder of TIFF files of one page each is one cell, cut along z. resolution: all
    cells are brought to it (see `geometry.resampled`); without it they have to agree. Raises VoxploreError that names
    file and array, and the option or the verb that would take it.
    """
    path = Path(path)
    files = _files(path)
    about = {"name": name_of(path), "source": printable(path.name)}
    if len(files) > 1 and all(file.suffix.lower() in _SLICES for file in files):
        first = next(iter(READERS[files[0].suffix.lower()](files[0]).values()))
        if first.ndim == 2:
            voxels = _sized(checked_voxels(read_slices(files), path, threshold), resolution)
            name = printable(path.name)
            return UnitCells.from_voxels(voxels, {"id": np.array([name])}, name=name, source=name)
    cells = [_sized(_voxels(file, key, threshold), resolution) for file in files]
    for file, one in zip(files, cells, strict=True):
        if one.shape[1:] != cells[0].shape[1:]:
            expected = (
                f"resolution {cells[0].shape[-1]} as {files[0].name} (`voxplore build own --resample` changes it)"
            )
            raise VoxploreError(file, expected=expected, got=str(one.shape[-1]))
    index = {"id": _ids(files, [len(one) for one in cells])} if path.is_dir() else None
    return UnitCells.from_voxels(np.concatenate(cells), index, **about)


def _files(path: Path) -> list[Path]:
    """The file itself, or those of a folder that can be read, in natural order."""
    check_regular(path)
    if not path.is_dir():
        if path.suffix.lower() not in READERS or not path.exists():
            verb = OTHER_VERBS.get(path.suffix.lower())
            got = (path.suffix or "no suffix") if path.exists() else "nothing there"
            told = f"; `{verb}` reads {path.suffix}" if verb and path.exists() else ""
            expected = f"a folder of cells, or voxels ({', '.join(READERS)}{told})"
            raise VoxploreError(path, expected=expected, got=got)
        return [path]
    entries = sorted((file for file in path.iterdir() if not file.name.startswith(".")), key=natural)
    files = [file for file in entries if file.suffix.lower() in READERS]
    for file in files:
        check_regular(file)
    if not files:
        verb = next((OTHER_VERBS[file.suffix.lower()] for file in entries if file.suffix.lower() in OTHER_VERBS), None)
        told = f"; `{verb}` reads what is there" if verb else ""
        got = f"{entries[0].name} and {len(entries) - 1} more" if entries else "an empty folder"
        raise VoxploreError(path, expected=f"files of voxels ({', '.join(READERS)}{told})", got=got)
    return files


def _voxels(file: Path, key: str | None, threshold: float | None) -> np.ndarray:
    array = chosen(READERS[file.suffix.lower()](file), file, key)
    if threshold is not None and array.size and array.dtype.kind in "iuf":
        _say_where(threshold, float(array.min()), float(array.max()), file)
    return checked_voxels(array, f"{file}, array {key}" if key else file, threshold)


def _say_where(threshold: float, low: float, high: float, file: Path) -> None:
    """A RuntimeWarning where a threshold lies at the end of the numbers, as .5 does where they go from 0 to 255."""
    if not low + _END * (high - low) <= threshold <= high - _END * (high - low):
        said = f"{file}: numbers go from {low:g} to {high:g}; the threshold {threshold:g} lies at or beyond their end"
        warnings.warn(said, RuntimeWarning, stacklevel=2)


def _sized(voxels: np.ndarray, resolution: int | None) -> np.ndarray:
    return voxels if resolution is None else geometry.resampled(voxels, resolution)


def _ids(files: list[Path], counts: list[int]) -> np.ndarray:
    """The name of each file, numbered where it holds several cells or another file has the same."""
    stems = [name_of(file) for file in files]
    names = [stem if stems.count(stem) == 1 else printable(file.name) for stem, file in zip(stems, files, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{number:06d}-{stem}" for number, stem in enumerate(stems)]
    found = [name if n == 1 else f"{name}-{i:06d}" for name, n in zip(names, counts, strict=True) for i in range(n)]
    return np.array(found, np.str_)
